/** Commands that change which partitions a table has, as statements carry them. */

import type { RowKey } from './strays.ts';

/** `create`: CREATE TABLE ... PARTITION OF, or a table of its own that is attached later. */
export type PartitionCommandKind = 'create' | 'attach' | 'detach' | 'detach concurrently' | 'drop';

/** A command about the table of its statement. Relations are the ids of their locks. */
export interface PartitionCommand {
  readonly kind: PartitionCommandKind;
  /** The partitioned table; null: the table to be dropped is no partition. */
  readonly parent: number | null;
  readonly parentIndexes: readonly number[];
  /** Of the table that is attached, detached or dropped. */
  readonly indexes: readonly number[];
  /** The default partition of the partitioned table, which is a table. */
  readonly defaultPartition: number | null;
  /** Whether the table is a partition in the schema. */
  readonly isPart: boolean;
  /** ATTACH: a CHECK says already what the bounds say, so that the table is not scanned. */
  readonly isChecked: boolean;
  /**
   * CREATE: as a partition; as a table that is attached behind it, as pg_partman does; or as a
   * chunk, under a lock of the partitioned table that is held already.
   */
  readonly made: 'partition' | 'attached' | 'chunk';
  /** CREATE, ATTACH: whether its bounds have a row's key. */
  readonly takes: (key: RowKey) => boolean;
  /** Whether it has a TOAST table. */
  readonly hasToast: boolean;
  /** Tables with foreign keys to it or, as long as it is a partition, to the partitioned table. */
  readonly referringTables: readonly number[];
  /** Whether rows of theirs refer to rows of it. */
  readonly isReferred: boolean;
  /** Whether foreign keys refer to it by itself. */
  readonly isReferredAlone: boolean;
  /** DROP ... CASCADE. */
  readonly cascades: boolean;
  /** Partitions of the partitioned table. */
  readonly siblings: number;
  /** IF EXISTS, or IF NOT EXISTS: it is no error if there is nothing to do. */
  readonly ifExists: boolean;
}
