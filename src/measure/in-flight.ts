import type { Nanoseconds } from '../kernel/time.ts';
import { groupsOfSessions, type Observed } from './observed.ts';

/** Arrivals that no session has taken, oldest first: a ring that doubles. */
class Arrivals {
  private at = new Float64Array(64);
  private transaction = new Int32Array(64);
  private head = 0;
  private tail = 0;

  get length(): number {
    return this.tail - this.head;
  }

  push(at: Nanoseconds, transaction: number): void {
    if (this.length === this.at.length) this.grow();
    const place = this.tail++ & (this.at.length - 1);
    this.at[place] = at;
    this.transaction[place] = transaction;
  }

  /** The instant of the oldest; NaN if there is none. */
  shift(): Nanoseconds {
    if (this.length === 0) return Number.NaN;
    return this.at[this.head++ & (this.at.length - 1)]!;
  }

  forEach(visit: (transaction: number, at: Nanoseconds) => void): void {
    for (let i = this.head; i < this.tail; i++) {
      const place = i & (this.at.length - 1);
      visit(this.transaction[place]!, this.at[place]!);
    }
  }

  private grow(): void {
    const { at, transaction } = this;
    const mask = at.length - 1;
    this.at = new Float64Array(2 * at.length);
    this.transaction = new Int32Array(2 * at.length);
    for (let i = this.head; i < this.tail; i++) {
      this.at[i - this.head] = at[i & mask]!;
      this.transaction[i - this.head] = transaction[i & mask]!;
    }
    this.tail -= this.head;
    this.head = 0;
  }
}

/**
 * The transactions that have been invoked and have not ended, from the clients' events alone:
 * those that a session runs, and arrivals of an open loop that wait for a session. It also keeps
 * both sides of Little's law, the area under their number and the sum of the times that they took.
 */
export class InFlight {
  /** The integral of their number over time, up to the last event. */
  area = 0;
  /** The times that ended transactions took: as sessions report them if they were acknowledged. */
  sojourns = 0;
  /** The first thing that cannot be: a session with two transactions, an arrival out of turn. */
  disorder: string | null = null;
  private count = 0;
  private changedAt: Nanoseconds;
  private readonly clock: { readonly now: Nanoseconds };
  private readonly groupOf: Int32Array;
  private readonly closed: readonly boolean[];
  private readonly queues: readonly Arrivals[];
  /** Per session when its transaction was invoked, NaN: it runs none; and which it is. */
  private readonly since: Float64Array;
  private readonly transaction: Int32Array;

  constructor(run: Observed) {
    this.clock = run.clock;
    this.changedAt = run.clock.now;
    this.groupOf = groupsOfSessions(run.groups);
    this.closed = run.groups.map(({ options }) => options.rate === null);
    this.queues = run.groups.map(() => new Arrivals());
    this.since = new Float64Array(this.groupOf.length).fill(Number.NaN);
    this.transaction = new Int32Array(this.groupOf.length);
    const { workload } = run;
    workload.invoked.observe((at, session, transaction) => this.invoke(at, session, transaction));
    workload.began.observe((at, session, transaction, waited) =>
      this.begin(at, session, transaction, waited),
    );
    workload.acknowledged.observe((at, session, _, latency) => this.end(at, session, latency));
    workload.failed.observe((at, session) => this.end(at, session, -1));
    workload.unknown.observe((at, session) => this.end(at, session, -1));
  }

  /** How many sessions run a transaction. */
  get running(): number {
    let running = 0;
    for (const since of this.since) if (since >= 0) running++;
    return running;
  }

  /** How many arrivals of a group wait for a session. */
  waiting(group: number): number {
    return this.queues[group]!.length;
  }

  /** Each transaction in flight, with the instant at which it was invoked. */
  forEach(visit: (group: number, transaction: number, since: Nanoseconds) => void): void {
    this.since.forEach((since, session) => {
      if (since >= 0) visit(this.groupOf[session]!, this.transaction[session]!, since);
    });
    this.queues.forEach((queue, group) => {
      queue.forEach((transaction, at) => {
        visit(group, transaction, at);
      });
    });
  }

  /** Both sides of Little's law up to now; equal unless a latency is not what it says. */
  little(): { area: number; sojourns: number } {
    const { now } = this.clock;
    let { sojourns } = this;
    this.forEach((_, __, since) => {
      sojourns += now - since;
    });
    return { area: this.area + this.count * (now - this.changedAt), sojourns };
  }

  private invoke(at: Nanoseconds, session: number, transaction: number): void {
    this.change(at, 1);
    const group = session < 0 ? -1 - session : this.groupOf[session]!;
    if (this.closed[group]) this.occupy(session, transaction, at);
    else this.queues[group]!.push(at, transaction);
  }

  private begin(at: Nanoseconds, session: number, transaction: number, waited: number): void {
    const group = this.groupOf[session]!;
    if (this.closed[group]) return;
    const arrived = this.queues[group]!.shift();
    if (arrived !== at - waited) {
      this.disorder ??=
        `session ${session} began a transaction that arrived at ${at - waited} ns, ` +
        `while the oldest that waited had arrived at ${arrived} ns`;
    }
    this.occupy(session, transaction, at - waited);
  }

  private occupy(session: number, transaction: number, since: Nanoseconds): void {
    if (this.since[session]! >= 0) {
      this.disorder ??= `session ${session} began a transaction while it ran another one`;
    }
    this.since[session] = since;
    this.transaction[session] = transaction;
  }

  /** `latency` -1: nobody reports how long it took. */
  private end(at: Nanoseconds, session: number, latency: Nanoseconds): void {
    this.change(at, -1);
    const since = this.since[session]!;
    if (!(since >= 0)) {
      this.disorder ??= `session ${session} ended a transaction that it had not begun`;
      return;
    }
    this.sojourns += latency < 0 ? at - since : latency;
    this.since[session] = Number.NaN;
  }

  private change(at: Nanoseconds, by: number): void {
    if (at < this.changedAt) {
      this.disorder ??= `the clock went back from ${this.changedAt} ns to ${at} ns`;
    }
    this.area += this.count * (at - this.changedAt);
    this.changedAt = at;
    this.count += by;
  }
}
