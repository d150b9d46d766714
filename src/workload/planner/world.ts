/** The tables that statements are about, as the planner names them and the simulator has them. */
import type { TableDefinition, TableIndexDefinition } from '../../postgres/heap/relation.ts';
import type { Relation } from '../../postgres/statement.ts';
import type { Template } from '../sql/template.ts';
import type { Catalog, CatalogColumn, CatalogIndex, CatalogTable } from './catalog.ts';
import type { TableFacts } from './facts.ts';
import { lockIdsOf } from './opens.ts';
import { factsFor, leavesOf, rowsBefore } from './partitions.ts';
import type { PlanNode } from './plan.ts';
import type { PlanAnswer } from './request.ts';
import {
  builtIndexes,
  distinctValues,
  goesToLast,
  storedTables,
  tableDefinitions,
} from './tables.ts';
import { columnPlaces } from './widths.ts';

/** An index with what plans need to know of it. */
export interface PlannedIndex {
  /** Among the table's. */
  readonly number: number;
  readonly definition: TableIndexDefinition;
  readonly unique: boolean;
  /** Of the key; without a name: an expression. */
  readonly columns: readonly { readonly name: string | null; readonly distinct: number }[];
}

/** A table with what plans need to know of it. */
export class PlannedTable {
  readonly catalog: CatalogTable;
  readonly definition: TableDefinition;
  readonly relation: Relation;
  /** Rows of the partitions before it, where keys run on from one to the next. */
  readonly before: number;
  readonly indexes: readonly PlannedIndex[];
  private readonly facts: TableFacts | undefined;

  constructor(
    catalog: CatalogTable,
    definition: TableDefinition,
    index: number,
    facts: TableFacts | undefined,
    before = 0,
  ) {
    this.catalog = catalog;
    this.definition = definition;
    this.facts = facts;
    this.before = before;
    this.relation = { index, name: definition.name, changedBytes: 0 };
    this.indexes = builtIndexes(catalog).map((each, number) => this.indexOf(each, number));
  }

  get rows(): number {
    return this.definition.rows;
  }

  column(name: string): CatalogColumn | undefined {
    return this.catalog.columns.find((each) => each.name === name);
  }

  /** From the first to the last byte of a mean row that a change of these columns touches. */
  changedBytes(names: readonly string[]): number {
    const places = columnPlaces(this.catalog, this.facts);
    const changed = places.filter((_, at) => names.includes(this.catalog.columns[at]!.name));
    if (changed.length === 0) return 0;
    const start = changed.reduce((least, place) => Math.min(least, place.start), changed[0]!.start);
    return Math.ceil(changed.reduce((most, { end }) => Math.max(most, end), 0) - start);
  }

  /** The indexes that have one of these columns, in an expression or a predicate too. */
  indexesWith(names: readonly string[]): number[] {
    return builtIndexes(this.catalog).flatMap((index, number) => {
      const columns = this.indexes[number]!.columns.map(({ name }) => name);
      const isPlain = !columns.includes(null) && index.predicate === null;
      const uses = (name: string) =>
        isPlain ? columns.some((each) => each === name) : mentions(index.definition, name);
      return names.some(uses) ? [number] : [];
    });
  }

  private indexOf(index: CatalogIndex, number: number): PlannedIndex {
    const columns = index.columns.map((place) => {
      const column = this.catalog.columns[place - 1];
      if (column === undefined) return { name: null, distinct: 1 };
      return { name: column.name, distinct: distinctValues(this.catalog, column, this.facts) };
    });
    const definition = this.definition.indexes[number]!;
    return { number, definition, unique: index.unique, columns };
  }
}

function mentions(definition: string, name: string): boolean {
  const words: readonly string[] = definition.match(/[A-Za-z_][\w$]*/g) ?? [];
  return words.includes(name);
}

/** All tables of an answer, for a server of this version. */
export class PlannedWorld {
  readonly tables: readonly PlannedTable[];
  readonly catalog: Catalog;
  /** Of the locks of tables and indexes. */
  readonly lockIds: ReadonlyMap<object, number>;
  private readonly answer: PlanAnswer;

  constructor(answer: PlanAnswer, version: number) {
    const { catalog, facts } = answer;
    this.answer = answer;
    this.catalog = catalog;
    this.lockIds = lockIdsOf(storedTables(catalog), catalog.tables);
    const definitions = tableDefinitions(catalog, facts, { version, isLogical: false });
    const before = rowsBefore(catalog, facts);
    this.tables = storedTables(catalog).map((table, index) => {
      const own = factsFor(catalog, facts, table);
      const first = before.get(table) ?? 0;
      return new PlannedTable(table, definitions[index]!, index, own, first);
    });
  }

  /** Where new rows of the table of a node go: to the last of these tables, or to any of them. */
  targetsOf({ Schema: schema, 'Relation Name': name }: PlanNode) {
    const { catalog, facts } = this.answer;
    const table = catalog.tables.find(
      (each) => each.name === name && each.schema === (schema ?? 'public'),
    );
    if (table === undefined) return { tables: [], toLast: false };
    const leaves = new Set(leavesOf(catalog, table));
    const tables = this.tables.filter((each) => leaves.has(each.catalog));
    return { tables, toLast: goesToLast(catalog, facts, table) };
  }

  /** The tables whose rows a statement finds or changes, with each protocol's plan. */
  tablesIn({ relation, rows }: Pick<Template, 'relation' | 'rows'>): readonly PlannedTable[] {
    if (rows.kind === 'planned') return this.tablesIn({ relation, rows: rows.simple });
    if (rows.kind === 'parts') return rows.parts.flatMap((part) => this.tablesIn(part));
    if (rows.kind === 'routed') return rows.relations.map(({ index }) => this.tables[index]!);
    return relation === null ? [] : [this.tables[relation.index]!];
  }

  /** The table of a node of a plan. */
  tableOf({ Schema: schema, 'Relation Name': name }: PlanNode): PlannedTable | undefined {
    return this.tables.find(
      ({ catalog }) => catalog.name === name && catalog.schema === (schema ?? 'public'),
    );
  }
}
