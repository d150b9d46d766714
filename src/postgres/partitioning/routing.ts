/**
 * Where a new row of a partitioned one goes (execPartition.c:ExecFindPartition): to the partition
 * whose bounds have its key, else to the default partition, else it is error 23514. A key that is
 * the time is when its transaction began, by the clock of the run. Which tables are partitions is
 * what commands have made of it by then.
 */
import type { Nanoseconds } from '../../kernel/time.ts';
import type { Relation } from '../statement.ts';
import type { ChunkMaker } from './chunks.ts';
import type { PartitionStates } from './states.ts';
import type { RowKey } from './strays.ts';

/** A table that is a partition, or may become one. */
export interface RoutedPartition {
  readonly relation: Relation;
  readonly isPart: boolean;
  /** Of a range of time: from and up to which instant of the run; elsewhere 0. */
  readonly from: Nanoseconds;
  readonly to: Nanoseconds;
}

/** How a row finds its partition. */
export interface Routing {
  /** By the clock, to the newest there is, or to one that is given. */
  readonly how: 'clock' | 'newest' | 'given';
  readonly partitions: readonly RoutedPartition[];
  readonly fallback: RoutedPartition | null;
  /** The tables whose bounds have the key, and the key. */
  readonly given?: readonly Relation[];
  readonly key?: RowKey;
  /** By the clock: so long before now. */
  readonly ago?: Nanoseconds;
  /** A chunk that is missing is made. */
  readonly chunks?: ChunkMaker;
}

/** Where a row goes; with its key if that is the default partition. */
export interface RoutedRow {
  readonly relation: Relation;
  readonly strayKey: RowKey;
}

/** Whether the range of a partition has an instant. */
export function rangeHas({ from, to }: RoutedPartition, at: Nanoseconds): boolean {
  return from <= at && at < to;
}

/** The table that a row goes to; null: no partition takes it. `xid`: whose row it is. */
export function partitionFor(
  routing: Routing,
  states: PartitionStates,
  now: Nanoseconds,
  xid = 0,
): RoutedRow | null {
  const { how, partitions, fallback, given, key = null, ago = 0 } = routing;
  const at = now - ago;
  const isThere = ({ relation, isPart }: RoutedPartition) =>
    states.isAttached(relation.index, isPart, xid);
  const takes = (each: RoutedPartition) => {
    if (how === 'clock') return rangeHas(each, at);
    return how === 'newest' || given!.includes(each.relation);
  };
  const found = partitions.findLast((each) => takes(each) && isThere(each));
  if (found !== undefined) return { relation: found.relation, strayKey: null };
  if (fallback === null || !isThere(fallback)) return null;
  return { relation: fallback.relation, strayKey: how === 'clock' ? at : key };
}
