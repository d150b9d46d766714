/**
 * How far transaction ids may go (varsup.c:SetTransactionIdLimit, GetNewTransactionId): beyond
 * autovacuum_freeze_max_age the launcher is called even if autovacuum is off, then come warnings,
 * and 3 million ids before the wrap (1 million up to version 13) nobody gets an id any more, until
 * a vacuum has moved the oldest relfrozenxid on.
 *
 * Kept: the limits of the one database and what each does. Left out: multixacts, and the standby's
 * own view of them.
 */
import type { ErrorResponse } from '../statement.ts';

const HALF_CIRCLE = 2147483647;
/** GetNewTransactionId asks for autovacuum at ids that are multiples of this. */
const CALL_EVERY = 65_536;

export class XidLimits {
  /** From these ids on: autovacuum is called, warnings, refusals. */
  vacuum = Number.POSITIVE_INFINITY;
  warn = Number.POSITIVE_INFINITY;
  stop = Number.POSITIVE_INFINITY;
  /** Transactions that were warned, and those that were refused an id. */
  warnings = 0;
  refusals = 0;
  private readonly freezeMaxAge: number;
  private readonly version: number;

  constructor(freezeMaxAge: number, version: number) {
    this.freezeMaxAge = freezeMaxAge;
    this.version = version;
  }

  /** The oldest relfrozenxid of all tables has become known: datfrozenxid. */
  set(oldestXid: number): void {
    const wrap = oldestXid + HALF_CIRCLE;
    const isFormer = this.version <= 13;
    this.stop = wrap - (isFormer ? 1_000_000 : 3_000_000);
    this.warn = wrap - (isFormer ? 11_000_000 : 40_000_000);
    this.vacuum = oldestXid + this.freezeMaxAge;
  }

  /** An id was given out that is beyond the first limit. True: autovacuum is asked to come. */
  passed(xid: number): boolean {
    if (xid >= this.warn) this.warnings++;
    return xid >= this.vacuum && xid % CALL_EVERY === 0;
  }

  /** Whether the next transaction that wants an id gets an error instead. */
  refuses(nextXid: number): boolean {
    if (nextXid < this.stop) return false;
    this.refusals++;
    return true;
  }

  /** Class 54: program_limit_exceeded. Version 17 has put it more exactly. */
  get error(): ErrorResponse {
    const what = this.version >= 17 ? 'commands that assign new transaction IDs' : 'commands';
    const message = `database is not accepting ${what} to avoid wraparound data loss`;
    return { type: 'error', sqlstate: '54000', message, fatal: false };
  }
}
