import type { FaultEvents } from '../faults/events.ts';
import type { HaEvents } from '../ha/events.ts';
import type { DiskUsage } from '../hardware/disk.ts';
import type { HostState } from '../hardware/host.ts';
import type { Nanoseconds } from '../kernel/time.ts';
import type { PostgresEvents, ServerState } from '../postgres/events.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { HolderKind } from '../postgres/procarray/ordered-xids.ts';
import type { Branch } from '../postgres/timeline.ts';
import type { ClientGroupOptions } from '../workload/clients.ts';
import type { WorkloadEvents } from '../workload/events.ts';
import type { Script } from '../workload/script.ts';

/*
 * A run as those who measure it see it: its events, and what may be read of its components. The
 * simulator's own classes have these shapes; nothing in here can be told to do anything.
 */

export interface ObservedHost {
  readonly name: string;
  readonly cores: number;
  readonly state: HostState;
  readonly cpu: {
    readonly servers: number;
    readonly served: Nanoseconds;
    readonly idle: Nanoseconds;
    /** Time that cores have been there, if their number can change. */
    readonly offered?: Nanoseconds;
    /** Visits for which a core changed from one process to another, and what that cost in all. */
    readonly switches?: number;
    readonly switchTime?: Nanoseconds;
  };
  /** `kills`: processes that the kernel has killed for want of memory. */
  readonly memory: { readonly kills: number };
  readonly disk: {
    readonly occupiedBytes: number;
    usage(): DiskUsage;
    utilization(since: DiskUsage): number;
  };
  onReachabilityChange(listener: (reachable: boolean) => void): void;
}

export interface ObservedTable {
  readonly definition: {
    readonly name: string;
    readonly parent?: string;
    readonly isColumnar?: boolean;
    readonly relation: number;
    readonly indexes: readonly { readonly relation: number }[];
  };
  readonly heap: {
    readonly pages: number;
    readonly live: number;
    readonly deadInStatistics: number;
    readonly rowsPerPage: number;
  };
  readonly indexes: readonly { readonly pages: number }[];
}

/** How well a hit ratio is known where one page of so many is followed. */
export interface ObservedSample {
  readonly sample: { readonly oneOf: number; readonly counts: Float64Array };
  hitRatio(since: Float64Array): { readonly share: number; readonly error: number };
}

export interface ObservedServer {
  readonly name: string;
  readonly index: number;
  readonly host: ObservedHost;
  readonly group: { readonly frozen: boolean };
  readonly state: ServerState;
  readonly wal: {
    readonly branch: Branch;
    readonly insertLsn: Lsn;
    readonly written: Lsn;
    readonly flushed: { readonly value: Lsn };
    readonly records: number;
    readonly bytes: number;
    readonly flushes: number;
    readonly images: number;
    readonly imageBytes: number;
    readonly buffersFull: number;
    readonly segments: { readonly bytes: number };
    readonly archiver: { readonly archived: number; readonly failed: number };
  };
  readonly waits: { readonly total: ArrayLike<number> };
  readonly procArray: {
    readonly snapshotTime: Nanoseconds;
    readonly array: {
      readonly snapshots: number;
      readonly nextXid: number;
      holder(): { readonly since: Nanoseconds; readonly kind: HolderKind } | null;
    };
  };
  readonly memory: { readonly used: number };
  readonly checkpointer: { readonly timed: number; readonly requested: number };
  readonly storage: {
    readonly tables: readonly ObservedTable[];
    readonly database: {
      /** By the tables' places. */
      readonly catalog: readonly { readonly relfrozenxid: number }[];
      readonly partitions: { isAttached(table: number, inSchema: boolean): boolean };
      readonly compressed: ReadonlyMap<number, { readonly rows: number }>;
    };
    readonly pool: {
      readonly hits: number;
      readonly reads: number;
      pagesByFile(): ReadonlyMap<number, number>;
    };
    /** One page of so many is followed. */
    readonly cache: { readonly oneOf: number };
    fileOf(relation: number): number;
    /** Where not all pages are followed. */
    readonly sampled: ObservedSample | null;
    readonly written: {
      readonly checkpointer: number;
      readonly bgwriter: number;
      readonly backend: number;
    };
  };
  readonly autovacuum: {
    readonly statistics: readonly {
      readonly analyzes: number;
      readonly autoanalyzes: number;
      readonly vacuumedPages: number;
    }[];
    readonly limits: { readonly refusals: number };
  };
  /** Files beyond work_mem, and pages written to them. */
  readonly temporary: { readonly files: number; readonly pages: number };
  readonly lockWaits: number;
  readonly deadlocks: number;
  readonly backends: Iterable<{ readonly wait: { settle(): void } }>;
}

/** A member of a replicated cluster with the walsenders that serve its standbys. */
export interface ObservedInstance {
  readonly server: ObservedServer;
  readonly senders: readonly { readonly standby: number; readonly sent: Lsn }[];
}

export interface ObservedGroup {
  readonly options: Pick<
    ClientGroupOptions,
    'name' | 'index' | 'sessions' | 'firstSession' | 'rate' | 'connectionPerTransaction' | 'mix'
  >;
  readonly queueLength: number;
}

export interface Observed {
  readonly clock: { readonly now: Nanoseconds };
  readonly postgres: PostgresEvents;
  readonly workload: WorkloadEvents;
  readonly ha: HaEvents;
  readonly faults: FaultEvents;
  /** By index. */
  readonly instances: readonly ObservedInstance[];
  /** The cluster (one primary and its standbys) of each server, by index; both count from 0. */
  readonly clusterOf: readonly number[];
  /** Every branch of the run; grows with each promotion. */
  readonly branches: readonly Branch[];
  readonly groups: readonly ObservedGroup[];
  /** By index. */
  readonly transactions: readonly Pick<Script, 'name' | 'index' | 'writes'>[];
  readonly hosts: readonly ObservedHost[];
  /** For each fault of the schedule the servers that it strikes: them, their hosts, their agents,
   * their zones, or their way to the others. */
  readonly faultVictims: readonly (readonly number[])[];
  /** Who holds the leader key at the start, by index; -1 where no agents manage the cluster. */
  readonly initialLeader: number;
  /** Patroni's ttl; null where no agents manage the cluster. */
  readonly leaderTtl: Nanoseconds | null;
  readonly postgresVersion: number;
  readonly warmup: Nanoseconds;
  readonly duration: Nanoseconds;
  /** US dollars a month of each machine that is paid for; null where nobody knows. */
  readonly monthlyPrices: readonly (number | null)[];
}

/** The group of each session, by the session's number. */
export function groupsOfSessions(groups: readonly ObservedGroup[]): Int32Array {
  const end = Math.max(0, ...groups.map(({ options: o }) => o.firstSession + o.sessions));
  const groupOf = new Int32Array(end).fill(-1);
  groups.forEach(({ options }, group) => {
    groupOf.fill(group, options.firstSession, options.firstSession + options.sessions);
  });
  return groupOf;
}

/** `app/3` for the third session of the group `app`, as reports name it. */
export function sessionName(groups: readonly ObservedGroup[], session: number): string {
  const own = groups.find(({ options }) => {
    const place = session - options.firstSession;
    return place >= 0 && place < options.sessions;
  });
  return own ? `${own.options.name}/${session - own.options.firstSession + 1}` : `${session}`;
}
