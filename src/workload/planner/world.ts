/** The tables that statements are about, as the planner names them and the simulator has them. */
import { hashOf } from '../../postgres/buffers/page.ts';
import type { TableDefinition, TableIndexDefinition } from '../../postgres/heap/relation.ts';
import type { Relation } from '../../postgres/statement.ts';
import type { Moment } from '../calendar.ts';
import type { Template } from '../sql/template.ts';
import {
  type Catalog,
  type CatalogColumn,
  type CatalogIndex,
  type CatalogTable,
  tableName,
} from './catalog.ts';
import type { CommandText } from './commands.ts';
import type { Facts, TableFacts } from './facts.ts';
import type { PartitionManagers } from './managers.ts';
import { lockIdsOf } from './opens.ts';
import { factsFor, parentOf, rowsBefore } from './partitions.ts';
import type { PlanNode } from './plan.ts';
import type { PlanAnswer } from './request.ts';
import { builtIndexes, distinctValues, orderOf, storedTables, tableDefinitions } from './tables.ts';
import { columnPlaces } from './widths.ts';

/** An index with what plans need to know of it. */
export interface PlannedIndex {
  /** Among the table's. */
  readonly number: number;
  readonly definition: TableIndexDefinition;
  readonly unique: boolean;
  /** Of the key; without a name: an expression. */
  readonly columns: readonly IndexColumn[];
}

export interface IndexColumn {
  readonly name: string | null;
  /** Different values, in a partition those of the whole table. */
  readonly distinct: number;
  /** Each row has its own: in the next partition they go on where they end in this one. */
  readonly runsOn: boolean;
}

/** Values of a hash. */
const HASHES = 0x1_0000_0000;

/** A table with what plans need to know of it. */
export class PlannedTable {
  readonly catalog: CatalogTable;
  readonly definition: TableDefinition;
  readonly relation: Relation;
  /** Rows of the partitions before it, where keys run on from one to the next. */
  readonly before: number;
  readonly indexes: readonly PlannedIndex[];
  private readonly facts: TableFacts | undefined;
  /** Of the table that it is a part of; its own if it is none. */
  private readonly whole: TableFacts | undefined;

  constructor(
    catalog: CatalogTable,
    definition: TableDefinition,
    index: number,
    facts: TableFacts | undefined,
    before = 0,
    whole = facts,
  ) {
    this.whole = whole;
    this.catalog = catalog;
    this.definition = definition;
    this.facts = facts;
    this.before = before;
    const isPartition = catalog.parent !== null;
    this.relation = { index, name: definition.name, changedBytes: 0, isPartition };
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

  /**
   * What a column's value in a row is, as a number from 1 on; `row` counts from the first partition
   * on. Unique values are in the order of rows, others ascend with them or are in no order. Null
   * for the share of the rows that has no value.
   */
  valueOf(name: string): ((row: number) => number | null) | undefined {
    if (name === 'ctid') return (row) => row + 1;
    const column = this.column(name);
    if (column === undefined) return undefined;
    const value = this.placeOf(column);
    const nulls = this.facts?.columns[name]?.nullFraction ?? 0;
    if (nulls === 0) return value;
    const salt = this.catalog.columns.length + this.catalog.columns.indexOf(column);
    return (row) => ((hashOf(salt, row) >>> 0) / HASHES < nulls ? null : value(row));
  }

  private placeOf(column: CatalogColumn): (row: number) => number {
    const { distinct, runsOn } = this.valuesOf(column);
    if (runsOn) return (row) => row + 1;
    if (orderOf(this.catalog, column, this.facts) === 'ascending') {
      return (row) => 1 + Math.floor(((row - this.before) / this.rows) * distinct);
    }
    const salt = this.catalog.columns.indexOf(column);
    return (row) => 1 + Math.floor(((hashOf(salt, row) >>> 0) / HASHES) * distinct);
  }

  /** How many values a column has. */
  distinct(name: string): number {
    const column = this.column(name);
    if (column === undefined) return 1;
    return Math.max(1, distinctValues(this.catalog, column, this.facts));
  }

  /** Values that come again in other partitions are those of the whole table. */
  private valuesOf(column: CatalogColumn): Omit<IndexColumn, 'name'> {
    const { catalog, facts, whole } = this;
    const all = distinctValues(catalog, column, whole);
    if (all >= (whole?.rows ?? 0)) {
      return { distinct: Math.max(1, distinctValues(catalog, column, facts)), runsOn: true };
    }
    return { distinct: Math.max(1, all), runsOn: false };
  }

  private indexOf(index: CatalogIndex, number: number): PlannedIndex {
    const columns = index.columns.map((place) => {
      const column = this.catalog.columns[place - 1];
      if (column === undefined) return { name: null, distinct: 1, runsOn: false };
      return { name: column.name, ...this.valuesOf(column) };
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
  readonly facts: Facts;
  readonly version: number;
  /** What now() is when the run begins. */
  readonly now: Moment | null;
  /** What scripts change of partitions. */
  readonly commands: readonly CommandText[];
  readonly managers: PartitionManagers;
  private readonly named: ReadonlyMap<string, CatalogTable>;
  private readonly planned: ReadonlyMap<CatalogTable, PlannedTable>;

  constructor(
    { catalog, facts }: PlanAnswer,
    version: number,
    now: Moment | null = null,
    commands: readonly CommandText[] = [],
    managers: PartitionManagers = new Map(),
  ) {
    this.facts = facts;
    this.version = version;
    this.now = now;
    this.commands = commands;
    this.managers = managers;
    this.catalog = catalog;
    this.lockIds = lockIdsOf(storedTables(catalog), catalog.tables);
    const definitions = tableDefinitions(catalog, facts, { version, isLogical: false });
    const before = rowsBefore(catalog, facts);
    this.tables = storedTables(catalog).map((table, index) => {
      const own = factsFor(catalog, facts, table);
      const first = before.get(table) ?? 0;
      return new PlannedTable(table, definitions[index]!, index, own, first, this.whole(table));
    });
    this.named = new Map(catalog.tables.map((each) => [`${each.schema}.${each.name}`, each]));
    this.planned = new Map(this.tables.map((each) => [each.catalog, each]));
  }

  /** The table of a node, partitioned ones included. */
  namedIn({ Schema: schema, 'Relation Name': name }: PlanNode): CatalogTable | undefined {
    return this.named.get(`${schema ?? 'public'}.${name}`);
  }

  /** What is known of the whole that a partition is a part of, unless it has facts of its own. */
  private whole(table: CatalogTable): TableFacts | undefined {
    const { catalog, facts } = this;
    const parent = facts[tableName(table)] === undefined ? parentOf(catalog, table) : undefined;
    return parent === undefined ? factsFor(catalog, facts, table) : this.whole(parent);
  }

  parentOf(table: CatalogTable): CatalogTable | undefined {
    return parentOf(this.catalog, table);
  }

  /** The tables whose rows a statement finds or changes, with each protocol's plan. */
  tablesIn({ relation, rows }: Pick<Template, 'relation' | 'rows'>): readonly PlannedTable[] {
    if (rows.kind === 'planned') return this.tablesIn({ relation, rows: rows.simple });
    if (rows.kind === 'parts' || rows.kind === 'pruned')
      return rows.parts.flatMap((part) => this.tablesIn(part));
    return relation === null ? [] : [this.tables[relation.index]!];
  }

  /** The table of a node of a plan. */
  tableOf(node: PlanNode): PlannedTable | undefined {
    const table = this.namedIn(node);
    return table === undefined ? undefined : this.planned.get(table);
  }

  /** What plans know of a table with rows. */
  plannedOf(table: CatalogTable): PlannedTable | undefined {
    return this.planned.get(table);
  }
}
