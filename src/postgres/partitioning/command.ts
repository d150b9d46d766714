/** Commands that change which partitions a table has, as statements carry them. */

export type PartitionCommandKind = 'attach' | 'detach' | 'detach concurrently' | 'drop';

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
  /** Whether it has a TOAST table. */
  readonly hasToast: boolean;
  /** Partitions of the partitioned table. */
  readonly siblings: number;
}

/** Which tables are partitions, and which are there at all, as far as commands have changed it. */
export class PartitionStates {
  private readonly attached = new Map<number, boolean>();
  private readonly dropped = new Set<number>();

  /** `inSchema`: whether it was one at the beginning. */
  isAttached(table: number, inSchema: boolean): boolean {
    return this.attached.get(table) ?? inSchema;
  }

  isDropped(table: number): boolean {
    return this.dropped.has(table);
  }

  attach(table: number): void {
    this.attached.set(table, true);
  }

  detach(table: number): void {
    this.attached.set(table, false);
  }

  drop(table: number): void {
    this.attached.set(table, false);
    this.dropped.add(table);
  }
}
