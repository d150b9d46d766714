import { MILLISECOND, type Nanoseconds, NEVER } from '../../kernel/index.ts';

/** etcd: server/etcdserver/read/read.go, readIndexRetryTime. */
export const READ_INDEX_RETRY_INTERVAL: Nanoseconds = 500 * MILLISECOND;

export type ReadError = 'timeout' | 'leader-changed';

/** Called once the member's state is recent enough, or the wait has failed. */
export type ReadWaiter = (error: ReadError | null, now: Nanoseconds) => void;

interface ReadRound {
  readonly waiters: ReadWaiter[];
  readonly contexts: number[];
  readonly failsAt: Nanoseconds;
  retryAt: Nanoseconds;
  /** The index that has to be applied; null until the leader has named it. */
  index: number | null;
}

/**
 * Linearizable reads of one member (etcd: LinearizableReadLoop). One round at a time asks raft for
 * a read index; reads that come meanwhile share the next round. A round asks again every half
 * second and after the first commit of a term, and fails when another leader shows up or after the
 * request timeout.
 */
export class ReadLoop {
  private readonly ask: (context: number) => void;
  private readonly timeout: Nanoseconds;
  private waiting: ReadWaiter[] = [];
  private round: ReadRound | null = null;
  private applied = 0;
  private context = 0;

  constructor(timeout: Nanoseconds, ask: (context: number) => void) {
    this.timeout = timeout;
    this.ask = ask;
  }

  /** When something has to be done next. */
  get deadline(): Nanoseconds {
    const { round } = this;
    if (round === null || round.index !== null) return NEVER;
    return Math.min(round.failsAt, round.retryAt);
  }

  wait(now: Nanoseconds, waiter: ReadWaiter): void {
    this.waiting.push(waiter);
    if (this.round === null) this.open(now);
  }

  readState(context: number, index: number, now: Nanoseconds): void {
    const { round } = this;
    if (round === null || round.index !== null || !round.contexts.includes(context)) return;
    round.index = index;
    this.appliedTo(this.applied, now);
  }

  appliedTo(index: number, now: Nanoseconds): void {
    this.applied = Math.max(this.applied, index);
    const { round } = this;
    if (round !== null && round.index !== null && round.index <= this.applied) {
      this.close(null, now);
    }
  }

  /** Another leader than before: what was asked of the old one is not answered. */
  leaderChanged(now: Nanoseconds): void {
    if (this.round !== null && this.round.index === null) this.close('leader-changed', now);
  }

  firstCommitInTerm(now: Nanoseconds): void {
    if (this.round !== null && this.round.index === null) this.askAgain(this.round, now);
  }

  tick(now: Nanoseconds): void {
    const { round } = this;
    if (round === null || now < this.deadline) return;
    if (now >= round.failsAt) this.close('timeout', now);
    else this.askAgain(round, now);
  }

  private open(now: Nanoseconds): void {
    const waiters = this.waiting;
    this.waiting = [];
    const failsAt = now + this.timeout;
    this.round = { waiters, contexts: [], failsAt, retryAt: NEVER, index: null };
    this.askAgain(this.round, now);
  }

  private askAgain(round: ReadRound, now: Nanoseconds): void {
    round.contexts.push(++this.context);
    round.retryAt = now + READ_INDEX_RETRY_INTERVAL;
    this.ask(this.context);
  }

  private close(error: ReadError | null, now: Nanoseconds): void {
    const { waiters } = this.round!;
    this.round = null;
    for (const waiter of waiters) waiter(error, now);
    if (this.round === null && this.waiting.length > 0) this.open(now);
  }
}
