/**
 * Makes of a plan a tree that backends run (`../../postgres/plan`): joins, sorts, groups,
 * parallel scans, changes of rows. Nodes keep their places in the order of EXPLAIN, tables get
 * slots for the row at hand, those of partitions the one of their table.
 */
import type { InitialPlan, JoinType, PlanWork, QueryPlan } from '../../postgres/plan/plan-work.ts';
import type { Environment } from '../sql/functions.ts';
import type { CatalogTable } from './catalog.ts';
import { locking, locksOf, modifying } from './changes.ts';
import { type Condition, operandOf } from './conditions.ts';
import { rowCountOf } from './leaves.ts';
import { childrenOf, nodesOf, type PlanNode } from './plan.ts';
import { PlanColumns, SCANS } from './plan-columns.ts';
import { ScanCompiler } from './query-scans.ts';
import { recursiveNode, workTableNode } from './recursive.ts';
import type { PlannedStatement } from './statements.ts';
import { limitWords } from './words.ts';
import type { PlannedTable, PlannedWorld } from './world.ts';

/** What the compiler of statements does for its trees. */
export interface QueryContext {
  readonly statement: PlannedStatement;
  readonly world: PlannedWorld;
  tableOf(node: PlanNode): PlannedTable;
  /** The table of a node, which may have partitions. */
  rootOf(node: PlanNode): CatalogTable | undefined;
  generalised(condition: Condition): Condition;
  /** The same node of the plan for whatever values. */
  generalOf(node: PlanNode): PlanNode;
  /** The alias of a scan's table, without a partition's number. */
  baseOf(scan: PlanNode): string;
  refuse(node: PlanNode, what?: string): never;
}

export type QueryTree = Omit<QueryPlan, 'values'>;

export function queryOf(plan: PlanNode, context: QueryContext): QueryTree {
  return new QueryCompiler(plan, context).tree();
}

/** The first table of a plan, which its statement is said to be about. */
export function firstTable(plan: PlanNode, context: QueryContext): PlannedTable | null {
  const node = nodesOf(plan).find((each) => each['Relation Name'] !== undefined);
  return node === undefined ? null : context.tableOf(node);
}

const PASSES = ['Subquery Scan', 'WindowAgg', 'ProjectSet', 'Hash'];
/** costsize.c: get_parallel_divisor: a leader's time goes to its workers. */
const LEADER_SHARE = 0.3;

class QueryCompiler {
  private readonly numbers = new Map<PlanNode, number>();
  private readonly columns: PlanColumns;
  private readonly scans: ScanCompiler;
  private readonly root: PlanNode;
  private readonly context: QueryContext;
  /** Processes that a parallel scan's rows are estimated for. */
  private divisor = 1;

  constructor(root: PlanNode, context: QueryContext) {
    this.root = root;
    this.context = context;
    for (const node of nodesOf(root)) this.numbers.set(node, this.numbers.size);
    this.columns = new PlanColumns(root, context);
    this.scans = new ScanCompiler(root, context, this.columns, (node) => this.number(node));
  }

  tree(): QueryTree {
    const below = this.of(this.root);
    const once = this.unread().map((node) => ({ plan: this.of(node), columns: [] }));
    const number = this.number(this.root);
    const root: PlanWork =
      once.length === 0 ? below : { kind: 'subplans', number, named: [], once, each: [], below };
    const locks = locksOf(this.root, this.context);
    return { root, slots: this.columns.count, nodes: this.numbers.size, locks };
  }

  /** Changes in a WITH that nobody reads are made as well (execMain.c: ExecPostprocessPlan). */
  private unread(): PlanNode[] {
    const read = new Set(nodesOf(this.root).map((node) => node['CTE Name']));
    const isUnread = ([name, { 'Node Type': kind }]: readonly [string, PlanNode]) =>
      kind === 'ModifyTable' && !read.has(name);
    return [...this.columns.ctes].filter(isUnread).map(([, node]) => node);
  }

  private number(node: PlanNode): number {
    return this.numbers.get(node)!;
  }

  private namedUnder(node: PlanNode): number[] {
    return this.columns.namedUnder(node);
  }

  /** A node with its subplans: those that are run once, and those that each row needs. */
  private of(node: PlanNode): PlanWork {
    const plans = node.Plans ?? [];
    const related = (kind: string) => plans.filter((p) => p['Parent Relationship'] === kind);
    const initial = related('InitPlan').filter((p) => !p['Subplan Name']!.startsWith('CTE '));
    const sub = related('SubPlan');
    if (initial.length + sub.length === 0) return this.node(node);
    const isHashed = (p: PlanNode) =>
      JSON.stringify({ ...node, Plans: [] }).includes(`hashed ${p['Subplan Name']}`);
    const once = [...initial, ...sub.filter(isHashed)].map((each) => this.initial(each));
    const each = sub.filter((p) => !isHashed(p)).map((p) => this.of(p));
    const below = this.node(node);
    return { kind: 'subplans', number: this.number(node), named: [], once, each, below };
  }

  private initial(node: PlanNode): InitialPlan {
    const kept = [...(this.columns.initialOf(node)?.slots ?? [])];
    const columns = kept.map(([place, slot]) => ({
      slot,
      value: this.columns.valueOf(node, place),
    }));
    return { plan: this.of(node), columns };
  }

  private node(node: PlanNode): PlanWork {
    const number = this.number(node);
    const [first, second] = childrenOf(node);
    const kind = node['Node Type'];
    if (SCANS.includes(kind)) return this.scans.scan(node, this.divisor);
    if (kind === 'Append' || kind === 'Merge Append') {
      return { kind: 'append', number, of: childrenOf(node).map((each) => this.of(each)) };
    }
    if (kind === 'SetOp') return this.setOperation(node, first!, second);
    if (kind === 'Recursive Union') {
      return recursiveNode(node, number, this.columns, this.context, (each) => this.of(each));
    }
    if (second !== undefined) return this.join(node, first!, second);
    if (kind === 'CTE Scan') return this.cteScan(node);
    if (kind === 'WorkTable Scan') return this.workTable(node);
    if (first === undefined) return this.leaf(node);
    const named = this.namedUnder(first);
    const bytes = first['Plan Width'];
    switch (kind) {
      case 'Limit':
        return this.limit(node, first);
      case 'Sort':
      case 'Incremental Sort':
        return { kind: 'sort', number, below: this.of(first), bytes, bound: null, named };
      case 'Aggregate':
      case 'Group':
      case 'Unique':
        return this.aggregate(node, first);
      case 'Materialize':
        return { kind: 'materialize', number, below: this.of(first), bytes, named };
      case 'Memoize':
        return this.memoize(node, first);
      case 'Gather':
      case 'Gather Merge':
        return this.gather(node, first);
      case 'LockRows':
      case 'ModifyTable':
        return this.change(node, first);
      default:
        return this.pass(node, first);
    }
  }

  /** Rows without a table. */
  private leaf(node: PlanNode): PlanWork {
    const kinds = ['Result', 'Values Scan', 'Function Scan', 'Table Function Scan'];
    if (!kinds.includes(node['Node Type'])) return this.context.refuse(node);
    const own = this.columns.slotOf(node.Alias);
    const slot = this.columns.wanted.has(own) ? own : -1;
    const count = rowCountOf(node, this.context);
    return { kind: 'values', number: this.number(node), count, slot };
  }

  private change(node: PlanNode, below: PlanNode): PlanWork {
    const { context, columns } = this;
    const isLock = node['Node Type'] === 'LockRows';
    const changes = (isLock ? locking : modifying)(node, context, columns);
    const number = this.number(node);
    const named = this.namedUnder(below);
    const how = { isOnce: !isLock, returns: isLock || node.Output !== undefined };
    return { kind: 'change', number, named, below: this.of(below), changes, ...how };
  }

  private setOperation(node: PlanNode, first: PlanNode, second: PlanNode | undefined): PlanWork {
    if (second === undefined) return this.context.refuse(node);
    const share = Math.min(1, node['Plan Rows'] / Math.max(1, first['Plan Rows']));
    const parts = { first: this.of(first), second: this.of(second), share };
    return { kind: 'set operation', number: this.number(node), ...parts };
  }

  private pass(node: PlanNode, below: PlanNode): PlanWork {
    const kind = node['Node Type'];
    if (kind !== 'Result' && !PASSES.includes(kind)) return this.context.refuse(node);
    const isSet = kind === 'ProjectSet';
    const changes = node.Filter !== undefined || isSet;
    const rows = changes ? node['Plan Rows'] / Math.max(1, below['Plan Rows']) : 1;
    const share = isSet ? rows : Math.min(1, rows);
    const named = this.namedUnder(below);
    return { kind: 'pass', number: this.number(node), named, below: this.of(below), share };
  }

  private workTable(node: PlanNode): PlanWork {
    const { columns, context } = this;
    const cte = columns.ctes.get(node['CTE Name'] ?? '');
    if (cte?.['Node Type'] !== 'Recursive Union') return context.refuse(node);
    const recursion = { node: cte, number: this.number(cte) };
    return workTableNode(node, this.number(node), recursion, columns, context);
  }

  /** A WITH that is used twice is read once. */
  private cteScan(node: PlanNode): PlanWork {
    const cte = this.columns.ctes.get(node['CTE Name'] ?? '');
    if (cte === undefined) return this.context.refuse(node);
    const number = this.number(cte);
    const named = this.namedUnder(node);
    const bytes = cte['Plan Width'];
    const kept: PlanWork = { kind: 'materialize', number, named, bytes, below: this.of(cte) };
    const share = node.Filter === undefined ? 1 : node['Plan Rows'] / Math.max(1, cte['Plan Rows']);
    const own = { number: this.number(node), share: Math.min(1, share) };
    return { kind: 'pass', named, below: kept, ...own };
  }

  private limit(node: PlanNode, below: PlanNode): PlanWork {
    const words = limitWords(this.context.statement);
    const isOutermost = nodesOf(this.root).find((n) => n['Node Type'] === 'Limit') === node;
    if (words.offset === 'unknown') return this.context.refuse(node, 'OFFSET of a variable');
    const offset = isOutermost ? words.offset : 0;
    const rows = (isOutermost ? words.limit : null) ?? node['Plan Rows'];
    const number = this.number(node);
    if (below['Node Type'] === 'Merge Append') {
      return {
        kind: 'limit',
        number,
        named: [],
        below: this.merged(below, rows + offset),
        offset,
        rows,
      };
    }
    const own = this.of(below);
    const bound = own.kind === 'sort' ? { ...own, bound: rows + offset } : own;
    return { kind: 'limit', number, named: [], below: bound, offset, rows };
  }

  /** Of so many rows each child is asked for its share, and for one that is not taken any more. */
  private merged(node: PlanNode, wanted: number): PlanWork {
    const number = this.number(node);
    const children = childrenOf(node);
    const rows = Math.ceil(wanted / children.length) + 1;
    const of = children.map((each): PlanWork => {
      const below = this.of(each);
      const own = { number: below.number, named: this.namedUnder(each), offset: 0, rows };
      return { kind: 'limit', ...own, below };
    });
    return { kind: 'append', number, of };
  }

  private aggregate(node: PlanNode, below: PlanNode): PlanWork {
    const strategy = node.Strategy ?? 'Sorted';
    const kinds = {
      Plain: 'plain aggregate',
      Sorted: 'sorted aggregate',
      Hashed: 'hash aggregate',
      Mixed: 'hash aggregate',
    };
    const kind = kinds[strategy as keyof typeof kinds];
    if (kind === undefined) return this.context.refuse(node, `Aggregate ${strategy}`);
    return {
      kind: kind as 'plain aggregate',
      number: this.number(node),
      below: this.of(below),
      groups: node['Plan Rows'],
      expected: below['Plan Rows'],
      bytes: node['Plan Width'],
      named: this.namedUnder(below),
    };
  }

  private memoize(node: PlanNode, below: PlanNode): PlanWork {
    const { parameters } = this.context.statement;
    const texts = (node['Cache Key'] ?? '').split(', ');
    const operands = texts.map((text) => operandOf(text, parameters, this.columns.columns));
    const key = (slots: Float64Array) => {
      const environment = { variables: [], slots } as unknown as Environment;
      return operands
        .map((each) =>
          each.kind === 'number'
            ? String(each.expression.value(environment))
            : each.place(environment),
        )
        .join();
    };
    const bytes = below['Plan Width'];
    const named = this.namedUnder(below);
    const number = this.number(node);
    return { kind: 'memoize', number, below: this.of(below), bytes, named, key };
  }

  private gather(node: PlanNode, below: PlanNode): PlanWork {
    const workers = node['Workers Planned'] ?? 1;
    const before = this.divisor;
    this.divisor = workers + Math.max(0, 1 - LEADER_SHARE * workers);
    const own = this.of(below);
    this.divisor = before;
    const named = this.namedUnder(below);
    return { kind: 'gather', number: this.number(node), below: own, workers, named };
  }

  private join(node: PlanNode, outer: PlanNode, inner: PlanNode): PlanWork {
    const kind = node['Node Type'];
    const join = JOINS.get(node['Join Type'] ?? 'Inner');
    if (join === undefined) return this.context.refuse(node, `${node['Join Type']} Join`);
    const parts = { number: this.number(node), join, outer: this.of(outer), inner: this.of(inner) };
    const rows = node['Plan Rows'];
    const pairs = Math.max(1, outer['Plan Rows']) * Math.max(1, inner['Plan Rows']);
    if (kind === 'Nested Loop') {
      const share = node['Join Filter'] === undefined ? 1 : Math.min(1, rows / pairs);
      const isUnique = node['Inner Unique'] === true;
      return { kind: 'nested loop', ...parts, share, isUnique, named: this.namedUnder(inner) };
    }
    if (kind !== 'Hash Join' && kind !== 'Merge Join') return this.context.refuse(node);
    return {
      kind: kind === 'Hash Join' ? 'hash join' : 'merge join',
      ...parts,
      estimate: { rows, outer: outer['Plan Rows'], inner: inner['Plan Rows'] },
      outerBytes: outer['Plan Width'],
      innerBytes: inner['Plan Width'],
      named: this.namedUnder(inner),
    };
  }
}

const JOINS = new Map<string, JoinType>([
  ['Inner', 'inner'],
  ['Left', 'left'],
  ['Right', 'right'],
  ['Full', 'full'],
  ['Semi', 'semi'],
  ['Anti', 'anti'],
  ['Right Semi', 'semi'],
  ['Right Anti', 'anti'],
]);
