/**
 * Makes of a SELECT's plan a tree that backends run (`../../postgres/plan`): joins, sorts, groups,
 * parallel scans. Nodes keep their places in the order of EXPLAIN, tables get slots for the row at
 * hand, those of partitions the one of their table.
 */
import type {
  BitmapNode,
  JoinType,
  PlanWork,
  QueryPlan,
  Reaches,
} from '../../postgres/plan/plan-work.ts';
import type { Environment } from '../sql/functions.ts';
import { distinctReaches, entriesOf } from '../sql/template.ts';
import { type Columns, type Condition, columnsIn, conditionsOf, operandOf } from './conditions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import { reachesOf } from './reaches.ts';
import type { PlannedStatement } from './statements.ts';
import { limitWords } from './words.ts';
import type { PlannedTable } from './world.ts';

/** What the compiler of statements does for its trees. */
export interface QueryContext {
  readonly statement: PlannedStatement;
  tableOf(node: PlanNode): PlannedTable;
  generalised(condition: Condition): Condition;
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

const SCANS = ['Seq Scan', 'Index Scan', 'Index Only Scan', 'Bitmap Heap Scan'];
const PASSES = ['Subquery Scan', 'WindowAgg', 'ProjectSet', 'SetOp', 'Hash'];
const KINDS = { 'Index Only Scan': 'index only', 'Index Scan': 'index' } as const;
/** costsize.c: get_parallel_divisor: a leader's time goes to its workers. */
const LEADER_SHARE = 0.3;

class QueryCompiler {
  private readonly numbers = new Map<PlanNode, number>();
  private readonly slots = new Map<string, number>();
  private readonly tables = new Map<string, PlannedTable>();
  /** Slots that somebody asks for. */
  private readonly wanted = new Set<number>();
  private readonly ctes = new Map<string, PlanNode>();
  private readonly root: PlanNode;
  private readonly context: QueryContext;
  /** Processes that a parallel scan's rows are estimated for. */
  private divisor = 1;

  constructor(root: PlanNode, context: QueryContext) {
    this.root = root;
    this.context = context;
    for (const node of nodesOf(root)) {
      this.numbers.set(node, this.numbers.size);
      const name = node['Subplan Name'];
      if (name?.startsWith('CTE ')) this.ctes.set(name.slice(4), node);
      if (SCANS.includes(node['Node Type'])) this.slotFor(node);
    }
    for (const node of nodesOf(root)) {
      for (const text of [node['Index Cond'], node['Cache Key']]) {
        for (const [alias] of columnsIn(text ?? '')) {
          const slot = this.slots.get(alias);
          if (slot !== undefined && alias !== this.baseOf(node)) this.wanted.add(slot);
        }
      }
    }
  }

  tree(): QueryTree {
    const root = this.of(this.root);
    return { root, slots: this.slots.size, nodes: this.numbers.size };
  }

  /** Partitions have their table's alias with a number. */
  private baseOf(node: PlanNode): string {
    const alias = node.Alias ?? '';
    if (node['Relation Name'] === undefined) return alias;
    const isPartition = this.context.tableOf(node).relation.isPartition === true;
    return isPartition ? alias.replace(/_\d+$/, '') : alias;
  }

  private slotFor(node: PlanNode): void {
    const table = this.context.tableOf(node);
    const base = this.baseOf(node);
    const slot = this.slots.get(base) ?? this.slots.size;
    this.slots.set(base, slot);
    this.slots.set(node.Alias!, slot);
    if (!this.tables.has(base)) this.tables.set(base, table);
    if (!this.tables.has(node.Alias!)) this.tables.set(node.Alias!, table);
  }

  private readonly columns: Columns = (alias, name) => {
    const slot = this.slots.get(alias);
    const value = this.tables.get(alias)?.valueOf(name);
    if (slot === undefined || value === undefined) return undefined;
    const of = ({ slots }: Environment) => {
      const row = slots?.[slot] ?? -1;
      return row < 0 ? null : value(row);
    };
    return { isConstant: false, value: of };
  };

  private number(node: PlanNode): number {
    return this.numbers.get(node)!;
  }

  private namedUnder(node: PlanNode): number[] {
    const found = nodesOf(node).flatMap(({ Alias: alias }) => {
      const slot = alias === undefined ? undefined : this.slots.get(alias);
      return slot !== undefined && this.wanted.has(slot) ? [slot] : [];
    });
    return [...new Set(found)];
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
    const once = [...initial, ...sub.filter(isHashed)].map((each) => this.of(each));
    const each = sub.filter((p) => !isHashed(p)).map((p) => this.of(p));
    const below = this.node(node);
    return { kind: 'subplans', number: this.number(node), named: [], once, each, below };
  }

  private childrenOf(node: PlanNode): readonly PlanNode[] {
    return (node.Plans ?? []).filter(
      (each) => !['InitPlan', 'SubPlan'].includes(each['Parent Relationship'] ?? ''),
    );
  }

  private node(node: PlanNode): PlanWork {
    const number = this.number(node);
    const [first, second] = this.childrenOf(node);
    const kind = node['Node Type'];
    if (SCANS.includes(kind)) return this.scan(node);
    if (second !== undefined && kind !== 'Append' && kind !== 'Merge Append') {
      return this.join(node, first!, second);
    }
    if (kind === 'Append' || kind === 'Merge Append') {
      return { kind: 'append', number, of: this.childrenOf(node).map((each) => this.of(each)) };
    }
    if (kind === 'CTE Scan') return this.cteScan(node);
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
      default:
        return this.pass(node, first);
    }
  }

  /** Rows without a table. */
  private leaf(node: PlanNode): PlanWork {
    const kinds = ['Result', 'Values Scan', 'Function Scan'];
    if (!kinds.includes(node['Node Type'])) return this.context.refuse(node);
    return { kind: 'values', number: this.number(node), rows: node['Plan Rows'] };
  }

  private pass(node: PlanNode, below: PlanNode): PlanWork {
    const isResult = node['Node Type'] === 'Result';
    if (!isResult && !PASSES.includes(node['Node Type'])) return this.context.refuse(node);
    const isFilter = node.Filter !== undefined || node['Node Type'] === 'SetOp';
    const share = isFilter ? node['Plan Rows'] / Math.max(1, below['Plan Rows']) : 1;
    const named = this.namedUnder(below);
    const number = this.number(node);
    return { kind: 'pass', number, named, below: this.of(below), share: Math.min(1, share) };
  }

  /** A WITH that is used twice is read once. */
  private cteScan(node: PlanNode): PlanWork {
    const cte = this.ctes.get(node['CTE Name'] ?? '');
    if (cte === undefined) return this.context.refuse(node);
    const number = this.number(cte);
    const named = this.namedUnder(cte);
    const kept: PlanWork = {
      ...{ kind: 'materialize', number, named, bytes: cte['Plan Width'] },
      below: this.node(cte),
    };
    const share = node.Filter === undefined ? 1 : node['Plan Rows'] / Math.max(1, cte['Plan Rows']);
    const below = { ...kept, number };
    return { kind: 'pass', number: this.number(node), named, below, share: Math.min(1, share) };
  }

  private limit(node: PlanNode, below: PlanNode): PlanWork {
    const words = limitWords(this.context.statement);
    const isOutermost = nodesOf(this.root).find((n) => n['Node Type'] === 'Limit') === node;
    if (words.offset === 'unknown') return this.context.refuse(node, 'OFFSET of a variable');
    const offset = isOutermost ? words.offset : 0;
    const rows = (isOutermost ? words.limit : null) ?? node['Plan Rows'];
    if (below['Node Type'] === 'Merge Append') return this.context.refuse(below, 'LIMIT of it');
    const own = this.of(below);
    const bound = own.kind === 'sort' ? { ...own, bound: rows + offset } : own;
    const number = this.number(node);
    return { kind: 'limit', number, named: [], below: bound, offset, rows };
  }

  private aggregate(node: PlanNode, below: PlanNode): PlanWork {
    const strategy = node.Strategy ?? 'Sorted';
    const kinds = {
      Plain: 'plain aggregate',
      Sorted: 'sorted aggregate',
      Hashed: 'hash aggregate',
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
    const operands = texts.map((text) => operandOf(text, parameters, this.columns));
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
      return { kind: 'nested loop', ...parts, share, isUnique: node['Inner Unique'] === true };
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

  private scan(node: PlanNode): PlanWork {
    const table = this.context.tableOf(node);
    const { relation, before: first } = table;
    const slot = this.slots.get(node.Alias!)!;
    const isNamed = this.wanted.has(slot);
    const isPartition = relation.isPartition === true;
    const isParallel = node['Parallel Aware'];
    const common = {
      ...{ number: this.number(node), relation, isPartition, slot, first, isNamed, isParallel },
    };
    const rows = node['Plan Rows'] * (isParallel ? this.divisor : 1);
    const kept = node.Filter === undefined ? null : rows;
    const [below] = this.childrenOf(node);
    switch (node['Node Type']) {
      case 'Seq Scan': {
        const share = kept === null ? 1 : Math.min(1, rows / Math.max(1, table.rows));
        return { kind: 'sequential', ...common, share };
      }
      case 'Bitmap Heap Scan':
        return { kind: 'bitmap heap', ...common, kept, bitmap: this.bitmap(table, below!) };
      default: {
        const kind = KINDS[node['Node Type'] as keyof typeof KINDS];
        const reaches = this.reaches(table, node, kind, rows);
        return { kind: 'index', ...common, kept, reaches };
      }
    }
  }

  private bitmap(table: PlannedTable, node: PlanNode): BitmapNode {
    const number = this.number(node);
    const of = () => (node.Plans ?? []).map((each) => this.bitmap(table, each));
    const expected = node['Plan Rows'];
    if (node['Node Type'] === 'BitmapAnd') return { kind: 'and', number, expected, of: of() };
    if (node['Node Type'] === 'BitmapOr') return { kind: 'or', number, expected, of: of() };
    return { kind: 'bitmap index', number, reaches: this.reaches(table, node, 'bitmap', expected) };
  }

  private reaches(
    table: PlannedTable,
    node: PlanNode,
    scan: 'index' | 'index only' | 'bitmap',
    estimate: number,
  ): Reaches {
    const { context } = this;
    const name = node['Index Name'];
    const index = table.indexes.find(({ definition }) => definition.name === name);
    if (index === undefined) return context.refuse(node, `${name} is no b-tree, which`);
    const conditions = conditionsOf(node['Index Cond']).map((each) => context.generalised(each));
    const { rows, before } = table;
    const scanned = { rows, before, estimate, columns: this.columns };
    const all = reachesOf(index, conditions, context.statement.parameters, scanned);
    if (all === null) return context.refuse(node, 'an array of keys that is a parameter');
    return (slots, { environment }) => {
      const at: Environment = { ...(environment as Environment), slots };
      const found = all.flatMap((reach) => reach(at) ?? []);
      return distinctReaches(found).map((each) => ({
        index: index.number,
        scan,
        ...entriesOf(each),
      }));
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
