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

/** The ends of the commit records that a server has inserted and not yet flushed, in order. */
class Unflushed {
  readonly branch: number[] = [];
  readonly lsn: Lsn[] = [];
  private first = 0;

  push(branch: number, lsn: Lsn): void {
    this.branch.push(branch);
    this.lsn.push(lsn);
  }

  flushed(upTo: Lsn): void {
    while (this.first < this.lsn.length && this.lsn[this.first]! <= upTo) this.first++;
    if (this.first === this.lsn.length) this.clear();
    else if (this.first > 4096) this.tidy();
  }

  clear(): void {
    this.branch.length = this.lsn.length = this.first = 0;
  }

  private tidy(): void {
    this.branch.splice(0, this.first);
    this.lsn.splice(0, this.first);
    this.first = 0;
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
    for (let i = 0; i < list.lsn.length; i++) {
      if (list.lsn[i]! > server.wal.insertLsn) this.lose(list.branch[i]!, list.lsn[i]!, crash);
    }
    list.clear();
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
