import { type Nanoseconds, NEVER } from '../kernel/time.ts';
import type { Observed } from './observed.ts';

/**
 * A change of leader that nobody asked for, as a chain of instants. The phases between them are
 * those of a lost host under Patroni (`PHASES`); each is 0 or more, and they add up to the total.
 */
export interface Failover {
  readonly from: number;
  readonly to: number;
  /** The last fault that struck the leader, or without one its last renewal of the key. */
  readonly failedAt: Nanoseconds;
  /** The lease's end, `ttl` after the last renewal; the key's end if that came first. */
  readonly detectedAt: Nanoseconds;
  readonly keyGoneAt: Nanoseconds;
  readonly acquiredAt: Nanoseconds;
  /** An etcd member became leader between the failure and the new key. */
  readonly etcdLeaderChanged: boolean;
  promotedAt: Nanoseconds | null;
  /** The new timeline; -1 before the promotion. */
  branch: number;
  routedAt: Nanoseconds | null;
  /** The first write on the new timeline that a client was told of. */
  firstWriteAt: Nanoseconds | null;
}

/** The end of the leader key, as long as nobody new holds it. */
interface Loss {
  readonly from: number;
  readonly at: Nanoseconds;
  readonly failedAt: Nanoseconds;
  readonly detectedAt: Nanoseconds;
}

const NOBODY = -1;
const PRIMARY_FRONTEND = 0;

/** Follows the leader key and what comes after it has changed hands. */
export class Failovers {
  readonly list: Failover[] = [];
  switchovers = 0;
  promotions = 0;
  private readonly run: Observed;
  private holder: number;
  /** The last holder, and how it lost the key. */
  private loss: Loss | null = null;
  private switchoverAsked = false;
  private etcdLeaderSince: Nanoseconds = -1;
  private open: Failover | null = null;
  private readonly renewedAt: Nanoseconds[];
  private readonly struckAt: Nanoseconds[];
  /** Since when HAProxy's frontend for writes has sent sessions to a server; -1: it does not. */
  private readonly upSince: Nanoseconds[];
  private readonly faultEndedAt: Nanoseconds[];
  private readonly lastFault: number[];

  constructor(run: Observed) {
    this.run = run;
    this.holder = run.initialLeader;
    const { now } = run.clock;
    this.renewedAt = run.instances.map(() => now);
    this.struckAt = run.instances.map(() => -1);
    this.upSince = run.instances.map(() => -1);
    this.lastFault = run.instances.map(() => -1);
    this.faultEndedAt = run.faultVictims.map(() => NEVER);
    this.observeAgents(run);
    this.observeServers(run);
  }

  private observeAgents({ ha, faults, faultVictims }: Observed): void {
    ha.leaderKey.observe((at, server) => this.keyMoved(at, server));
    ha.renewed.observe((at, server) => {
      this.renewedAt[server] = at;
    });
    ha.switchover.observe(() => {
      this.switchoverAsked = true;
    });
    ha.etcdLeader.observe((at) => {
      this.etcdLeaderSince = at;
    });
    faults.began.observe((at, fault) => {
      this.faultEndedAt[fault] = NEVER;
      for (const server of faultVictims[fault] ?? []) {
        this.struckAt[server] = at;
        this.lastFault[server] = fault;
      }
    });
    faults.ended.observe((at, fault) => {
      this.faultEndedAt[fault] = at;
    });
  }

  private observeServers({ ha, postgres }: Observed): void {
    ha.routed.observe((at, frontend, server, up) => {
      if (frontend === PRIMARY_FRONTEND) this.upSince[server] = up === 1 ? at : -1;
    });
    postgres.promoted.observe((at, server, branch) => {
      this.promotions++;
      if (this.open?.to !== server || this.open.promotedAt !== null) return;
      this.open.promotedAt = at;
      this.open.branch = branch;
    });
  }

  /** From the first failover on: commits are many, and failovers few. */
  private awaitWrites({ workload }: Observed): void {
    workload.commitAcknowledged.observe((at, _, branch) => {
      if (this.open === null || this.open.branch !== branch) return;
      this.complete(this.open, at);
    });
  }

  private keyMoved(at: Nanoseconds, server: number): void {
    if (server === this.holder) return;
    if (this.holder !== NOBODY) this.loss = this.lossOf(this.holder, at);
    this.holder = server;
    if (server === NOBODY) return;
    this.renewedAt[server] = at;
    const { loss } = this;
    this.loss = null;
    if (loss === null || loss.from === server) return;
    if (this.switchoverAsked) this.switchovers++;
    else this.begin(loss, server, at);
    this.switchoverAsked = false;
  }

  private lossOf(from: number, at: Nanoseconds): Loss {
    const renewedAt = this.renewedAt[from]!;
    const struckAt = this.struckAt[from]!;
    const endedAt = this.faultEndedAt[this.lastFault[from]!] ?? NEVER;
    const survived = struckAt < 0 || endedAt < renewedAt; // it renewed its key after the fault
    const failedAt = Math.min(at, survived ? renewedAt : struckAt);
    const leaseEnd = renewedAt + (this.run.leaderTtl ?? 0);
    return { from, at, failedAt, detectedAt: Math.min(at, Math.max(failedAt, leaseEnd)) };
  }

  private begin(loss: Loss, to: number, at: Nanoseconds): void {
    this.open = {
      from: loss.from,
      to,
      failedAt: loss.failedAt,
      detectedAt: loss.detectedAt,
      keyGoneAt: loss.at,
      acquiredAt: at,
      etcdLeaderChanged: this.etcdLeaderSince >= loss.failedAt,
      promotedAt: null,
      branch: -1,
      routedAt: null,
      firstWriteAt: null,
    };
    this.list.push(this.open);
    if (this.list.length === 1) this.awaitWrites(this.run);
  }

  /** The first write. Routing is over when HAProxy sent sessions to the new leader, if it did. */
  private complete(failover: Failover, at: Nanoseconds): void {
    const up = this.upSince[failover.to]!;
    failover.routedAt = Math.max(failover.promotedAt!, up);
    failover.firstWriteAt = at;
    this.open = null;
  }
}

export type Phase =
  | 'detection'
  | 'expiry'
  | 'race'
  | 'promotion'
  | 'routing'
  | 'reconnect'
  | 'total';

/** What each phase is, and how long it took; null: it is not over. */
export const PHASES: readonly {
  readonly name: Phase;
  readonly doc: string;
  readonly of: (failover: Failover) => Nanoseconds | null;
}[] = [
  {
    name: 'detection',
    doc:
      'From the failure (the last fault that struck the leader, unless it renewed its key after ' +
      'the fault was over; else its last renewal) to the end of its lease, ttl after the last ' +
      'renewal, or to the end of the key if the agent gave it up before.',
    of: (f) => f.detectedAt - f.failedAt,
  },
  {
    name: 'expiry',
    doc: 'From the end of the lease to the leader key being gone from the store.',
    of: (f) => f.keyGoneAt - f.detectedAt,
  },
  {
    name: 'race',
    doc: 'From there to another server holding the key.',
    of: (f) => f.acquiredAt - f.keyGoneAt,
  },
  {
    name: 'promotion',
    doc: 'From there to its new timeline.',
    of: (f) => (f.promotedAt === null ? null : f.promotedAt - f.acquiredAt),
  },
  {
    name: 'routing',
    doc: 'From there to HAProxy sending sessions to it; 0 without HAProxy, or if that came first.',
    of: (f) => (f.routedAt === null ? null : f.routedAt - f.promotedAt!),
  },
  {
    name: 'reconnect',
    doc: 'From there to the first write on the new timeline that a client was told of.',
    of: (f) => (f.firstWriteAt === null ? null : f.firstWriteAt - f.routedAt!),
  },
  {
    name: 'total',
    doc: 'From the failure to that first write: the sum of all phases.',
    of: (f) => (f.firstWriteAt === null ? null : f.firstWriteAt - f.failedAt),
  },
];
