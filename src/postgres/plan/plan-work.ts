/**
 * A plan as the executor runs it: the planner's nodes, with the values of one execution in place.
 *
 * Rows have no contents here. A row is the number of a row in its table, and what flows through a
 * plan is which row of each table is at hand: one slot for each table of the plan. What a scan with
 * a parameter looks up follows from the slots; how many rows a filter, a join condition or a
 * grouping leaves is what the planner expects, in proportion to the rows that there really are.
 */
import type { Access } from '../access.ts';
import type { Relation } from '../statement.ts';

/** For each table of the plan the row at hand; -1: none. */
export type Slots = Float64Array;

/** What every node has. */
interface Node {
  /** Its place in the order in which EXPLAIN prints. */
  readonly number: number;
}

interface ScanNode extends Node {
  readonly relation: Relation;
  /** A partition, for which planning and opening cost time. */
  readonly isPartition: boolean;
  readonly slot: number;
  /** Rows of the partitions before it: rows are numbered through all of them. */
  readonly first: number;
  /** Whether somebody above wants to know which row it is. */
  readonly isNamed: boolean;
  /** Workers share its pages. */
  readonly isParallel: boolean;
}

/** The values of one execution: whoever made the plan knows what is in it. */
export interface PlanValues {
  readonly environment: object;
}

/** The part of an index that a scan reads, once for each key of a list. */
export type Reaches = (slots: Slots, values: PlanValues) => readonly Access[];

export interface SequentialNode extends ScanNode {
  readonly kind: 'sequential';
  /** Of rows read, the share that a filter leaves. */
  readonly share: number;
}

export interface IndexNode extends ScanNode {
  readonly kind: 'index';
  readonly reaches: Reaches;
  /** Rows that a filter is expected to leave; null: there is none. */
  readonly kept: number | null;
}

/** What a bitmap is made of: one index, or several together. */
export type BitmapNode =
  | (Node & { readonly kind: 'bitmap index'; readonly reaches: Reaches })
  | (Node & {
      readonly kind: 'and' | 'or';
      readonly expected: number;
      readonly of: readonly BitmapNode[];
    });

export interface BitmapHeapNode extends ScanNode {
  readonly kind: 'bitmap heap';
  readonly bitmap: BitmapNode;
  readonly kept: number | null;
}

/** How many rows a node is expected to make of how many. */
export interface Estimate {
  readonly rows: number;
  readonly outer: number;
  readonly inner: number;
}

export type JoinType = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti';

interface JoinNode extends Node {
  readonly join: JoinType;
  readonly outer: PlanWork;
  readonly inner: PlanWork;
}

export interface NestedLoopNode extends JoinNode {
  readonly kind: 'nested loop';
  /** Of the pairs, the share that a join filter leaves. */
  readonly share: number;
  /** At most one row of the inner side fits. */
  readonly isUnique: boolean;
}

export interface HashJoinNode extends JoinNode {
  readonly kind: 'hash join' | 'merge join';
  readonly estimate: Estimate;
  /** Bytes of a row of each side, without headers. */
  readonly outerBytes: number;
  readonly innerBytes: number;
  /** Slots of the inner side that somebody above wants. */
  readonly named: readonly number[];
}

interface Above extends Node {
  readonly below: PlanWork;
  /** Slots below it that somebody above wants to know of each row. */
  readonly named: readonly number[];
}

export interface SortNode extends Above {
  readonly kind: 'sort';
  readonly bytes: number;
  /** A LIMIT above it keeps no more rows than these. */
  readonly bound: number | null;
}

export interface AggregateNode extends Above {
  readonly kind: 'plain aggregate' | 'sorted aggregate' | 'hash aggregate';
  /** Groups that are expected of so many rows. */
  readonly groups: number;
  readonly expected: number;
  readonly bytes: number;
}

export interface LimitNode extends Above {
  readonly kind: 'limit';
  readonly offset: number;
  readonly rows: number;
}

export interface MaterializeNode extends Above {
  readonly kind: 'materialize';
  readonly bytes: number;
}

export interface MemoizeNode extends Above {
  readonly kind: 'memoize';
  readonly bytes: number;
  /** Equal keys find what is kept. */
  readonly key: (slots: Slots) => string;
}

/** Rows pass through it one by one, or a share of them. */
export interface PassNode extends Above {
  readonly kind: 'pass';
  readonly share: number;
}

export interface GatherNode extends Above {
  readonly kind: 'gather';
  readonly workers: number;
}

/** Plans that are run once before the first row, or anew for each row. */
export interface SubplanNode extends Above {
  readonly kind: 'subplans';
  readonly once: readonly PlanWork[];
  readonly each: readonly PlanWork[];
}

export interface AppendNode extends Node {
  readonly kind: 'append';
  readonly of: readonly PlanWork[];
}

/** So many rows out of nothing: VALUES, a Result. */
export interface ValuesNode extends Node {
  readonly kind: 'values';
  readonly rows: number;
}

export type PlanWork =
  | SequentialNode
  | IndexNode
  | BitmapHeapNode
  | NestedLoopNode
  | HashJoinNode
  | SortNode
  | AggregateNode
  | LimitNode
  | MaterializeNode
  | MemoizeNode
  | PassNode
  | GatherNode
  | SubplanNode
  | AppendNode
  | ValuesNode;

/** A whole plan. */
export interface QueryPlan {
  readonly root: PlanWork;
  readonly slots: number;
  readonly nodes: number;
  readonly values: PlanValues;
}
