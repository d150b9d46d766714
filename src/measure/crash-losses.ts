import { type Nanoseconds, NEVER } from '../kernel/time.ts';
import { SERVER_STATES } from '../postgres/events.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { Observed, ObservedServer } from './observed.ts';

/** A crash that took commit records with it. */
export interface Crash {
  readonly server: ObservedServer;
  readonly at: Nanoseconds;
  /** The machine went off, and with it what only the operating system had. */
  readonly power: boolean;
}

interface LostRecord {
  readonly crash: Crash;
  /** When another commit record was inserted at the same position; `NEVER`: none was. */
  takenAt: Nanoseconds;
}

/**
 * The ends of the commit records that a server has inserted and not yet flushed, in order: a ring
 * that doubles.
 */
class Unflushed {
  private lsn = new Float64Array(256);
  private branch = new Int32Array(256);
  private head = 0;
  private tail = 0;

  push(branch: number, lsn: Lsn): void {
    if (this.tail - this.head === this.lsn.length) this.grow();
    const place = this.tail++ & (this.lsn.length - 1);
    this.lsn[place] = lsn;
    this.branch[place] = branch;
  }

  flushed(upTo: Lsn): void {
    const mask = this.lsn.length - 1;
    while (this.head < this.tail && this.lsn[this.head & mask]! <= upTo) this.head++;
    if (this.head === this.tail) this.head = this.tail = 0; // keeps the counters small
  }

  /** Visits what is left, and forgets it. */
  drain(visit: (branch: number, lsn: Lsn) => void): void {
    const mask = this.lsn.length - 1;
    for (let i = this.head; i < this.tail; i++) visit(this.branch[i & mask]!, this.lsn[i & mask]!);
    this.head = this.tail = 0;
  }

  private grow(): void {
    const { lsn, branch } = this;
    const mask = lsn.length - 1;
    this.lsn = new Float64Array(2 * lsn.length);
    this.branch = new Int32Array(2 * lsn.length);
    for (let i = this.head; i < this.tail; i++) {
      this.lsn[i - this.head] = lsn[i & mask]!;
      this.branch[i - this.head] = branch[i & mask]!;
    }
    this.tail -= this.head;
    this.head = 0;
  }
}

const CRASHED = SERVER_STATES.indexOf('crashed');

/**
 * Commit records that a crash took away before they were on disk. A restarted server writes over
 * the positions it lost, on the same timeline, so that a position alone does not say whether a
 * record survived.
 */
export class CrashLosses {
  private readonly run: Observed;
  private readonly unflushed: readonly Unflushed[];
  /** By branch, then by position. */
  private readonly lost = new Map<number, Map<Lsn, LostRecord>>();

  constructor(run: Observed) {
    this.run = run;
    this.unflushed = run.instances.map(() => new Unflushed());
    const { postgres } = run;
    postgres.committed.observe((at, server, branch, lsn) => {
      this.unflushed[server]!.push(branch, lsn);
      if (this.lost.size > 0) this.takePlace(at, branch, lsn);
    });
    postgres.flushed.observe((_, server, lsn) => this.unflushed[server]!.flushed(lsn));
    postgres.state.observe((at, server, state) => {
      if (state === CRASHED) this.crashed(at, server);
    });
  }

  /** The crash that took the record of a commit acknowledged at an instant, if one did. */
  crashOf(branch: number, lsn: Lsn, acknowledgedAt: Nanoseconds): Crash | null {
    const record = this.lost.get(branch)?.get(lsn);
    return record && acknowledgedAt < record.takenAt ? record.crash : null;
  }

  private takePlace(at: Nanoseconds, branch: number, lsn: Lsn): void {
    const record = this.lost.get(branch)?.get(lsn);
    if (record && record.takenAt === NEVER) record.takenAt = at;
  }

  private crashed(at: Nanoseconds, index: number): void {
    const { server } = this.run.instances[index]!;
    const crash = { server, at, power: server.host.state === 'off' };
    const list = this.unflushed[index]!;
    list.flushed(server.wal.insertLsn); // what survived counts as if it had been flushed
    list.drain((branch, lsn) => this.lose(branch, lsn, crash));
  }

  private lose(branch: number, lsn: Lsn, crash: Crash): void {
    let ofBranch = this.lost.get(branch);
    if (!ofBranch) {
      ofBranch = new Map();
      this.lost.set(branch, ofBranch);
    }
    ofBranch.set(lsn, { crash, takenAt: NEVER });
  }
}
