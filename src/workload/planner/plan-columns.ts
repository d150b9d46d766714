/**
 * What the names in a plan's conditions stand for: tables have a slot for the row at hand; the
 * columns of subqueries and WITHs are followed down to the tables that they come from; what a
 * recursive query or an InitPlan has found is kept as numbers, in slots of its own; of rows without
 * a table (VALUES, functions) the slot has which one it is.
 */
import type { Slots } from '../../postgres/plan/plan-work.ts';
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { changedAliases, changeTexts } from './changes.ts';
import { type Columns, columnsIn, operandOf } from './conditions.ts';
import { leafColumn } from './leaves.ts';
import { childrenOf, nodesOf, type PlanNode } from './plan.ts';
import type { QueryContext } from './query.ts';
import type { PlannedTable } from './world.ts';

export const SCANS: readonly string[] = [
  'Seq Scan',
  'Index Scan',
  'Index Only Scan',
  'Bitmap Heap Scan',
  'Tid Scan',
];
const LEAVES = ['Values Scan', 'Function Scan', 'Table Function Scan'];

type Source =
  | { readonly kind: 'table'; readonly slot: number; readonly table: PlannedTable }
  | { readonly kind: 'leaf'; readonly slot: number; readonly node: PlanNode }
  /** A subquery or a WITH: the node whose columns they are. */
  | { readonly kind: 'output'; readonly scan: PlanNode; readonly child: PlanNode }
  | { readonly kind: 'kept'; readonly kept: KeptColumns; readonly scan: PlanNode };

/** Columns whose values are kept in slots of their own. */
export interface KeptColumns {
  /** By the place of the column: where its value is. */
  readonly slots: Map<number, number>;
  /** Whose columns they are: one node, or the two terms of a recursive query. */
  readonly terms: readonly PlanNode[];
}

export class PlanColumns {
  /** Slots that somebody asks for. */
  readonly wanted = new Set<number>();
  readonly ctes = new Map<string, PlanNode>();
  /** Slots so far. */
  count = 0;
  private readonly sources = new Map<string, Source>();
  private readonly recursions = new Map<PlanNode, { cte: KeptColumns; work: KeptColumns }>();
  private readonly initial = new Map<PlanNode, KeptColumns>();
  private readonly context: QueryContext;
  /** Tables whose rows the plan changes or locks. */
  private readonly changed: ReadonlySet<string>;

  constructor(root: PlanNode, context: QueryContext) {
    this.context = context;
    for (const node of nodesOf(root)) this.enter(node);
    this.changed = new Set(nodesOf(root).flatMap((node) => changedAliases(node, context)));
    for (const node of nodesOf(root)) this.addSource(node);
    for (const alias of this.changed) this.wantRow(alias);
    for (const node of nodesOf(root)) {
      const own = node['Node Type'] === 'WorkTable Scan' ? null : context.baseOf(node);
      for (const text of this.textsOf(node)) this.want(text, own);
    }
  }

  /** Makes the columns that a text names be there when it is evaluated. */
  want(text: string, own: string | null = null): void {
    for (const [alias, column] of columnsIn(text)) if (alias !== own) this.wants(alias, column);
  }

  /** The same for the row of a table. */
  wantRow(alias: string): void {
    const slot = this.slotOf(alias);
    if (slot >= 0) this.wanted.add(slot);
  }

  /** The slot of a table or a leaf; -1: it has none. */
  slotOf(alias: string | undefined): number {
    const source = this.sources.get(alias ?? '');
    return source?.kind === 'table' || source?.kind === 'leaf' ? source.slot : -1;
  }

  /** The slot of what tells the partitions of one table apart. */
  tableSlotOf(alias: string): number {
    return this.tableSlots.get(alias) ?? -1;
  }

  readonly tableSlots = new Map<string, number>();

  /** The slots below a node that somebody asks for. */
  namedUnder(node: PlanNode): number[] {
    const found = new Set<number>();
    for (const each of nodesOf(node)) {
      const slot = this.slotOf(each.Alias);
      if (slot >= 0 && this.wanted.has(slot)) found.add(slot);
      if (SCANS.includes(each['Node Type'])) {
        const table = this.tableSlotOf(this.context.baseOf(each));
        if (table >= 0) found.add(table);
      }
      const cte = this.ctes.get(each['CTE Name'] ?? '');
      if (cte === undefined) continue;
      const recursion = this.recursions.get(cte);
      if (recursion === undefined) for (const own of this.namedUnder(cte)) found.add(own);
      else {
        const { work, cte: whole } = recursion;
        const isWork = each['Node Type'] === 'WorkTable Scan';
        for (const own of (isWork ? work : whole).slots.values()) found.add(own);
      }
    }
    return [...found];
  }

  recursionOf(node: PlanNode): { readonly cte: KeptColumns; readonly work: KeptColumns } {
    return this.recursions.get(node)!;
  }

  /** What of an InitPlan's first row is asked for. */
  initialOf(node: PlanNode): KeptColumns | undefined {
    return this.initial.get(node);
  }

  /** The value of a column of a node's result, as a number; NaN: none, or none that is known. */
  valueOf(node: PlanNode, place: number): (slots: Slots, environment: object) => number {
    const text = node.Output?.[place];
    const { parameters } = this.context.statement;
    const operand = text === undefined ? null : operandOf(text, parameters, this.columns);
    if (operand?.kind !== 'number') return () => Number.NaN;
    return (slots, environment) => {
      const value = operand.expression.value({ ...(environment as Environment), slots });
      return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : Number.NaN;
    };
  }

  readonly columns: Columns = (alias, name) => {
    const source = this.sources.get(alias);
    switch (source?.kind) {
      case 'table': {
        const value = source.table.valueOf(name);
        if (value === undefined) return undefined;
        return inSlot(source.slot, (row) => (row < 0 ? null : value(row)));
      }
      case 'leaf':
        return leafColumn(source.node, source.slot, name, this.context);
      case 'kept': {
        const slot = source.kept.slots.get(this.placeIn(source, name));
        if (slot === undefined) return undefined;
        return inSlot(slot, (value) => (Number.isNaN(value) ? null : value));
      }
      case 'output': {
        const text = this.textOf(source, name);
        if (text === undefined) return undefined;
        const operand = operandOf(text, this.context.statement.parameters, this.columns);
        if (operand.kind === 'number') return operand.expression;
        return { isConstant: false, isOpaque: true, value: operand.place };
      }
    }
    return undefined;
  };

  /** What of a node has to have a value when it is executed. */
  private textsOf(node: PlanNode): readonly string[] {
    const { 'Index Cond': index, 'Cache Key': key, 'TID Cond': tid, Filter: filter } = node;
    const texts = [index, key, tid, node['Node Type'] === 'WorkTable Scan' ? filter : undefined];
    const known = texts.filter((text) => text !== undefined);
    return [...known, ...changeTexts(node, this.context)];
  }

  private enter(node: PlanNode): void {
    const name = node['Subplan Name'];
    if (name?.startsWith('CTE ')) this.ctes.set(name.slice(4), node);
    if (node['Node Type'] === 'Recursive Union') {
      const terms = childrenOf(node);
      const own = () => ({ slots: new Map<number, number>(), terms });
      this.recursions.set(node, { cte: own(), work: own() });
    }
  }

  private addSource(node: PlanNode): void {
    const { Alias: alias } = node;
    const kind = node['Node Type'];
    if (node['Parent Relationship'] === 'InitPlan' && !this.isCte(node)) {
      const kept = { slots: new Map<number, number>(), terms: [node] };
      this.initial.set(node, kept);
      this.sources.set(node['Subplan Name'] ?? '', { kind: 'kept', kept, scan: node });
    }
    if (alias === undefined || node['Node Type'] === 'ModifyTable') return;
    if (SCANS.includes(kind)) this.addTable(node, alias);
    else if (LEAVES.includes(kind)) {
      this.sources.set(alias, { kind: 'leaf', slot: this.count++, node });
    } else if (kind === 'Subquery Scan') {
      const [child] = childrenOf(node);
      this.sources.set(alias, { kind: 'output', scan: node, child: child! });
    } else if (kind === 'CTE Scan' || kind === 'WorkTable Scan') {
      const cte = this.ctes.get(node['CTE Name'] ?? '');
      if (cte === undefined) return;
      const recursion = this.recursions.get(cte);
      const kept = kind === 'CTE Scan' ? recursion?.cte : recursion?.work;
      const source: Source =
        kept === undefined
          ? { kind: 'output', scan: node, child: cte }
          : { kind: 'kept', kept, scan: node };
      this.sources.set(alias, source);
    }
  }

  private isCte(node: PlanNode): boolean {
    return node['Subplan Name']?.startsWith('CTE ') === true;
  }

  private addTable(node: PlanNode, alias: string): void {
    const table = this.context.tableOf(node);
    const base = this.context.baseOf(node);
    const known = this.sources.get(base);
    const slot = known?.kind === 'table' ? known.slot : this.count++;
    if (!this.sources.has(base)) this.sources.set(base, { kind: 'table', slot, table });
    if (!this.sources.has(alias)) this.sources.set(alias, { kind: 'table', slot, table });
    if (table.relation.isPartition && this.changed.has(base)) {
      if (!this.tableSlots.has(base)) this.tableSlots.set(base, this.count++);
    }
  }

  private wants(alias: string, column: string): void {
    const source = this.sources.get(alias);
    switch (source?.kind) {
      case 'table':
      case 'leaf':
        this.wanted.add(source.slot);
        return;
      case 'output':
        this.want(this.textOf(source, column) ?? '');
        return;
      case 'kept':
        this.keep(source.kept, this.placeIn(source, column));
    }
  }

  /** A column of a recursive query is kept for the whole and for the next round. */
  private keep(kept: KeptColumns, place: number): void {
    if (place < 0 || kept.slots.has(place)) return;
    const recursion = [...this.recursions.values()].find(
      ({ cte, work }) => cte === kept || work === kept,
    );
    const all = recursion === undefined ? [kept] : [recursion.cte, recursion.work];
    for (const each of all) {
      const slot = this.count++;
      each.slots.set(place, slot);
      this.wanted.add(slot);
    }
    for (const term of kept.terms) this.want(term.Output?.[place] ?? '');
  }

  /** Which column of a kept result a name is: `col2` of an InitPlan, or by the scan's own list. */
  private placeIn({ kept, scan }: Extract<Source, { kind: 'kept' }>, column: string): number {
    const numbered = /^col(\d+)$/.exec(column)?.[1];
    if (this.initial.has(scan) && numbered !== undefined) return Number(numbered) - 1;
    const [term] = kept.terms;
    const below = term?.Output ?? [];
    const own = scan.Output ?? [];
    const at = own.findIndex((text) => lastName(text) === column);
    if (own.length === below.length && at >= 0) return at;
    return below.findIndex((text) => lastName(text) === column);
  }

  private textOf(
    { scan, child }: Extract<Source, { kind: 'output' }>,
    column: string,
  ): string | undefined {
    const below = child.Output ?? [];
    const named = below.filter((text) => lastName(text) === column);
    if (named.length === 1) return named[0];
    const own = scan.Output ?? [];
    const at = own.findIndex((text) => lastName(text) === column);
    return own.length === below.length && at >= 0 ? below[at] : undefined;
  }
}

/** What a number in a slot stands for. */
function inSlot(slot: number, value: (number: number) => number | null): Expression {
  return { isConstant: false, value: ({ slots }) => value(slots?.[slot] ?? -1) };
}

/** The name of a column behind that of its table; of anything else nothing. */
function lastName(text: string): string | undefined {
  const last = columnsIn(text).at(-1);
  if (last === undefined) return /^\w+$/.test(text) ? text : undefined;
  const [alias, column] = last;
  const plain = text.replaceAll('"', '');
  return plain === `${alias}.${column}` ? column : undefined;
}
