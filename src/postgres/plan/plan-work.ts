/**
 * A plan as the executor runs it: the planner's nodes, with the values of one execution in place.
 *
 * Rows have no contents here. A row is the number of a row in its table, and what flows through a
 * plan is which row of each table is at hand: one slot for each table of the plan. What a scan with
 * a parameter looks up follows from the slots; how many rows a filter, a join condition or a
 * grouping leaves is what the planner expects, in proportion to the rows that there really are.
 */
import type { Access } from '../access.ts';
import type { Relation, StatementDetails } from '../statement.ts';

/** For each table of the plan the row at hand; -1: none. */
export type Slots = Float64Array;

/** What every node has. */
interface Node {
  /** Its place in the order in which EXPLAIN prints. */
  readonly number: number;
}

export interface ScanNode extends Node {
  readonly relation: Relation;
  /** A partition, for which planning and opening cost time. */
  readonly isPartition: boolean;
  readonly slot: number;
  /** The slot that says which of several partitions a row is in; -1: nobody asks. */
  readonly tableSlot: number;
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
  /** What InitPlans have found, by the slots of their columns. */
  readonly lists: Map<number, number[]>;
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

/** Rows that are known already (nodeTidscan.c), as their numbers through all partitions. */
export interface RowsNode extends ScanNode {
  readonly kind: 'rows';
  readonly rows: (slots: Slots, values: PlanValues) => readonly number[];
}

/** What a bitmap is made of: one index, or several together. */
export type BitmapNode =
  /** Of an index that is no b-tree: so many rows from a place in the table on, in no order. */
  | (Node & {
      readonly kind: 'some rows';
      readonly expected: number;
      readonly place: (slots: Slots, values: PlanValues) => number;
    })
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
  /** Slots of the inner side that somebody above wants. */
  readonly named: readonly number[];
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

/** A plan whose first row is kept, and what of all its rows lists have. */
export interface InitialPlan {
  readonly plan: PlanWork;
  readonly columns: readonly KeptColumn[];
}

/** A value of each row, and the slot that it goes to. */
export interface KeptColumn {
  readonly slot: number;
  readonly value: (slots: Slots, environment: object) => number;
}

/** Plans that are run once before the first row, or anew for each row. */
export interface SubplanNode extends Above {
  readonly kind: 'subplans';
  readonly once: readonly InitialPlan[];
  readonly each: readonly PlanWork[];
}

export interface AppendNode extends Node {
  readonly kind: 'append';
  readonly of: readonly PlanWork[];
}

/** Rows out of nothing: VALUES, a Result, a function. */
export interface ValuesNode extends Node {
  readonly kind: 'values';
  readonly count: (slots: Slots, values: PlanValues) => number;
  /** Where the number of the row goes; -1: nobody asks which it is. */
  readonly slot: number;
}

/** INTERSECT and EXCEPT: of the rows of the first side a share. */
export interface SetOperationNode extends Node {
  readonly kind: 'set operation';
  readonly first: PlanWork;
  readonly second: PlanWork;
  readonly share: number;
}

/** WITH RECURSIVE: the second term for the rows of the round before, until there are none. */
export interface RecursiveNode extends Node {
  readonly kind: 'recursive';
  readonly first: PlanWork;
  readonly next: PlanWork;
  /** UNION without ALL: rows that were there before are left out. */
  readonly isDistinct: boolean;
  /** What is kept of a row of each term; in the slots of the whole. */
  readonly columns: readonly [readonly KeptColumn[], readonly KeptColumn[]];
  /** Rows that are expected of all rounds. */
  readonly expected: number;
  readonly bytes: number;
}

/** The rows of the round before. */
export interface WorkTableNode extends Node {
  readonly kind: 'work table';
  readonly of: number;
  readonly slots: readonly number[];
  /** Whether a filter leaves the row at hand; null: what it leaves is a share. */
  readonly filter: ((slots: Slots, values: PlanValues) => boolean) | null;
  readonly share: number;
}

/** What is done about one row of a table, or a new one. */
export interface RowChange {
  readonly verb: 'select' | 'insert' | 'update' | 'delete';
  readonly relation: Relation;
  /** As statements have it, from 1 on; 0: a new row. */
  readonly key: number;
  readonly details: StatementDetails;
}

/** ModifyTable and LockRows: what the row at hand leads to. */
export interface ChangeNode extends Above {
  readonly kind: 'change';
  readonly changes: (slots: Slots, values: PlanValues, isThere: IsThere) => readonly RowChange[];
  /** A row that is found twice is changed once (nodeModifyTable.c: TM_SelfModified). */
  readonly isOnce: boolean;
  /** Rows go on up: those that are locked, those of RETURNING. */
  readonly returns: boolean;
}

/** Whether a table has a row of this key. */
export type IsThere = (relation: Relation, key: number) => boolean;

/** A table that is locked before the plan begins, as it has rows changed or locked. */
export interface PlanLock {
  readonly relation: Relation;
  readonly mode: 'row share' | 'row exclusive';
}

export type PlanWork =
  | SequentialNode
  | IndexNode
  | RowsNode
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
  | SetOperationNode
  | RecursiveNode
  | WorkTableNode
  | ChangeNode
  | ValuesNode;

/** A whole plan. */
export interface QueryPlan {
  readonly root: PlanWork;
  readonly slots: number;
  readonly nodes: number;
  readonly locks: readonly PlanLock[];
  readonly values: PlanValues;
}
