import type { Nanoseconds } from '../kernel/time.ts';
import type { CalendarStep, Moment } from '../workload/calendar.ts';
import type { PartitionManager } from '../workload/planner/managers.ts';
import type { PlanAnswer } from '../workload/planner/request.ts';
import type { DurationLaw } from './law.ts';
import type { ConnectTarget } from './model.ts';

/** What clients do: tables, transactions, and groups of clients that run them. */
export interface Workload {
  /** DDL; null where pgbench's own schema is all there is. */
  readonly schema: string | null;
  /** What Postgres made of the schema; null without one, or if it has not been asked. */
  readonly plans: PlanAnswer | null;
  readonly pgbench: Pgbench | null;
  readonly statistics: ReadonlyMap<string, TableStatistics>;
  readonly partitions: ReadonlyMap<string, Partitions>;
  /** What now() is when the run begins; null: in the newest partition, however long it takes. */
  readonly now: Moment | null;
  /** Distribution column of a table under Citus; `reference` for a copy on every worker. */
  readonly distribute: ReadonlyMap<string, string>;
  readonly transactions: ReadonlyMap<string, TransactionSpec>;
  readonly clients: ReadonlyMap<string, ClientGroup>;
}

/** What `pgbench -i` was told. */
export interface Pgbench {
  readonly scale: number;
  readonly partitions: number;
  readonly partitionMethod: 'range' | 'hash';
  readonly fillfactor: number;
  readonly foreignKeys: boolean;
}

export interface TableStatistics {
  readonly rows: number | null;
  readonly columns: ReadonlyMap<string, ColumnStatistics>;
}

export interface ColumnStatistics {
  readonly distinct: number | null;
  /** Mean width in bytes. */
  readonly width: number | null;
  readonly nullFraction: number | null;
  readonly correlation: number | null;
  /** Bounds of parts of equal size. */
  readonly histogram: readonly string[];
  /** Values with their shares; null shares where only the values were given. */
  readonly mostCommon: readonly { readonly value: string; readonly share: number | null }[];
}

export interface PartitionRange {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

export type Partitions =
  | {
      readonly kind: 'range';
      /** Each with its bounds, lower included; the last one ends at `to`. */
      readonly ranges: readonly PartitionRange[];
      /** Those that may be made during the run; they are not there at the beginning. */
      readonly later: readonly PartitionRange[];
      readonly every: CalendarStep | number;
      /** A default partition, TABLE_default. */
      readonly hasDefault: boolean;
      readonly manager: PartitionManager | null;
    }
  | {
      readonly kind: 'list';
      readonly lists: readonly { name: string; values: readonly string[] }[];
    }
  | { readonly kind: 'hash'; readonly modulus: number };

export type TransactionSpec =
  | {
      readonly kind: 'builtin';
      readonly name: string;
      readonly builtin: 'tpcb-like' | 'simple-update' | 'select-only';
      readonly readOnly: boolean;
    }
  | {
      readonly kind: 'script';
      readonly name: string;
      readonly script: string;
      /** It is written as `{script: ...}`. */
      readonly isNested: boolean;
      /** Null: decided by what its statements do. */
      readonly readOnly: boolean | null;
    };

/** Clients that do the same. */
export interface ClientGroup {
  readonly name: string;
  readonly zone: string;
  /** Null: the clients cost nothing. */
  readonly host: string | null;
  /** Processor time per transaction, charged to the host. */
  readonly cpu: DurationLaw | null;
  /** Threads that share that work of all sessions, as pgbench -j; null: one for each session. */
  readonly threads: number | null;
  /** Sessions. */
  readonly count: number;
  /** Open loop: arrivals per second of all sessions together; null: closed loop. */
  readonly rate: number | null;
  /** Closed loop: from an answer to the session's next transaction. */
  readonly think: DurationLaw | null;
  readonly run: readonly WeightedTransaction[];
  readonly connect: ConnectTarget;
  readonly connection: 'session' | 'per-transaction';
  readonly protocol: 'simple' | 'extended' | 'prepared';
  readonly starts: Nanoseconds;
  /** Null: at the end of the run. */
  readonly ends: Nanoseconds | null;
  /** Probability with which a session reads at once what it just wrote. */
  readonly reread: number;
  /** From a broken connection to the next attempt. */
  readonly reconnect: DurationLaw;
  readonly retry: RetryPolicy | null;
}

export interface WeightedTransaction {
  readonly transaction: string;
  readonly weight: number;
}

export interface RetryPolicy {
  /** Attempts after the first. */
  readonly attempts: number;
  readonly wait: DurationLaw;
  /** SQLSTATEs; empty: serialization failures and deadlocks, as pgbench has it. */
  readonly on: readonly string[];
}
