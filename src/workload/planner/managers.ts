/** Who looks after the partitions of a table, beside the scripts of a scenario. */
import type { CalendarStep } from '../calendar.ts';

export type PartitionManager =
  /** pg_partman, whose `run_maintenance` makes partitions ahead and drops old ones. */
  | {
      readonly kind: 'partman';
      /** Partitions beyond the one that is written to. */
      readonly premake: number;
      /** What ended so long ago goes; null: nothing does. */
      readonly retention: CalendarStep | null;
      /** It is detached only, and stays as a table (`retention_keep_table`). */
      readonly keepsTables: boolean;
    }
  /** TimescaleDB, which makes a chunk when a row needs it. */
  | {
      readonly kind: 'hypertable';
      /** Null: its chunks are not compressed. */
      readonly compression: Compression | null;
    };

/** `ALTER TABLE ... SET (timescaledb.compress, ...)`. */
export interface Compression {
  /** Columns, each value of which has batches of its own. */
  readonly segmentBy: readonly string[];
  /** The column in whose order the rows of a batch are. */
  readonly orderBy: string;
}

/** By the name of the partitioned table. */
export type PartitionManagers = ReadonlyMap<string, PartitionManager>;
