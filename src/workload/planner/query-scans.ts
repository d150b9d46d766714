/** Scans of a tree: which rows of which table, by which index. */
import type {
  BitmapNode,
  PlanValues,
  PlanWork,
  Reaches,
  RowsNode,
  Slots,
} from '../../postgres/plan/plan-work.ts';
import type { Environment } from '../sql/functions.ts';
import { distinctReaches, entriesOf } from '../sql/template.ts';
import { type Condition, columnsIn, conditionsOf, operandOf } from './conditions.ts';
import { childrenOf, nodesOf, type PlanNode } from './plan.ts';
import type { PlanColumns } from './plan-columns.ts';
import type { QueryContext } from './query.ts';
import { reachesOf } from './reaches.ts';
import type { PlannedTable } from './world.ts';

const KINDS = { 'Index Only Scan': 'index only', 'Index Scan': 'index' } as const;

export class ScanCompiler {
  private readonly root: PlanNode;
  private readonly context: QueryContext;
  private readonly columns: PlanColumns;
  private readonly number: (node: PlanNode) => number;

  constructor(
    root: PlanNode,
    context: QueryContext,
    columns: PlanColumns,
    number: (node: PlanNode) => number,
  ) {
    this.root = root;
    this.context = context;
    this.columns = columns;
    this.number = number;
  }

  /** `divisor`: processes that a parallel scan's rows are estimated for. */
  scan(node: PlanNode, divisor: number): PlanWork {
    const table = this.context.tableOf(node);
    const { relation, before: first } = table;
    const slot = this.columns.slotOf(node.Alias);
    const isNamed = this.columns.wanted.has(slot);
    const isPartition = relation.isPartition === true;
    const isParallel = node['Parallel Aware'];
    const tableSlot = this.columns.tableSlotOf(this.context.baseOf(node));
    const common = {
      ...{ number: this.number(node), relation, isPartition, slot, tableSlot, first },
      ...{ isNamed, isParallel },
    };
    const rows = node['Plan Rows'] * (isParallel ? divisor : 1);
    const kept = node.Filter === undefined ? null : rows;
    const [below] = childrenOf(node);
    switch (node['Node Type']) {
      case 'Seq Scan': {
        const share = kept === null ? 1 : Math.min(1, rows / Math.max(1, table.rows));
        return { kind: 'sequential', ...common, share };
      }
      case 'Tid Scan':
        return { kind: 'rows', ...common, rows: this.places(node) };
      case 'Bitmap Heap Scan':
        return { kind: 'bitmap heap', ...common, kept, bitmap: this.bitmap(table, below!) };
      default: {
        if (!hasTree(table, node)) {
          const bitmap = this.someRows(node, rows);
          return { kind: 'bitmap heap', ...common, kept: null, bitmap };
        }
        const kind = KINDS[node['Node Type'] as keyof typeof KINDS];
        const reaches = this.reaches(table, node, kind, rows);
        return { kind: 'index', ...common, kept, reaches };
      }
    }
  }

  /** Rows by their ctid, which a row at hand or an InitPlan has. */
  private places(node: PlanNode): RowsNode['rows'] {
    const found = /ctid = (?:ANY \()?(.+?)\)+$/.exec(node['TID Cond'] ?? '');
    const text = found?.[1] ?? '';
    const list = this.listOf(text);
    if (list >= 0) return (_slots, { lists }) => (lists.get(list) ?? []).map((place) => place - 1);
    const operand = operandOf(text, [], this.columns.columns);
    if (operand.kind !== 'number') return this.context.refuse(node);
    return (slots, { environment }) => {
      const value = operand.expression.value({ ...(environment as Environment), slots });
      return typeof value === 'number' ? [value - 1] : [];
    };
  }

  /** The slot of an array that an InitPlan makes; -1: it is none. */
  private listOf(text: string): number {
    const [found] = columnsIn(text);
    const node = nodesOf(this.root).find((each) => each['Subplan Name'] === found?.[0]);
    const isInitial = node?.['Parent Relationship'] === 'InitPlan';
    if (found === undefined || !isInitial) return -1;
    const place = Number(found[1].replace('col', '')) - 1;
    return this.columns.initialOf(node)?.slots.get(place) ?? -1;
  }

  /** What an index finds that is no b-tree. */
  private someRows(node: PlanNode, expected: number): BitmapNode {
    const { parameters } = this.context.statement;
    const text = `${node['Index Name']} ${this.context.generalOf(node)['Index Cond'] ?? ''}`;
    const operand = operandOf(text, parameters, this.columns.columns);
    const place = (slots: Slots, { environment }: PlanValues) =>
      operand.kind === 'number' ? 0 : operand.place({ ...(environment as Environment), slots });
    return { kind: 'some rows', number: this.number(node), expected, place };
  }

  private bitmap(table: PlannedTable, node: PlanNode): BitmapNode {
    const number = this.number(node);
    const of = () => (node.Plans ?? []).map((each) => this.bitmap(table, each));
    const expected = node['Plan Rows'];
    if (node['Node Type'] === 'BitmapAnd') return { kind: 'and', number, expected, of: of() };
    if (node['Node Type'] === 'BitmapOr') return { kind: 'or', number, expected, of: of() };
    if (!hasTree(table, node)) return this.someRows(node, expected);
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
    const stated = conditionsOf(node['Index Cond']).map((each) => context.generalised(each));
    const list = stated.find(({ operator }) => operator === '= ANY');
    const slot = list === undefined ? -1 : this.listOf(list.text);
    const one = (each: Condition) =>
      slot >= 0 && each === list ? { ...each, operator: '=', text: listElement(each.text) } : each;
    const conditions = stated.map(one);
    const { rows, before } = table;
    const scanned = { rows, before, estimate, columns: this.columns.columns };
    const all = reachesOf(index, conditions, context.statement.parameters, scanned);
    if (all === null) return context.refuse(node, 'an array of keys that is a parameter');
    return (slots, { environment, lists }) => {
      const at: Environment = { ...(environment as Environment), slots };
      const each = () => all.flatMap((reach) => reach(at) ?? []);
      const found =
        slot < 0
          ? each()
          : (lists.get(slot) ?? []).flatMap((value) => {
              slots[slot] = value;
              return each();
            });
      return distinctReaches(found).map((each) => ({
        index: index.number,
        scan,
        ...entriesOf(each),
      }));
    };
  }
}

/** What stands for the elements of a list that an InitPlan has made, one after the other. */
function listElement(text: string): string {
  const [found] = columnsIn(text);
  return found === undefined ? text : `"${found[0]}".${found[1]}`;
}

/** Whether the index of a node is a b-tree, whose pages there are. */
function hasTree({ indexes }: PlannedTable, { 'Index Name': name }: PlanNode): boolean {
  return indexes.some(({ definition }) => definition.name === name);
}
