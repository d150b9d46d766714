import type {
  Catalog,
  CatalogColumn,
  CatalogIndex,
} from '../../../src/workload/planner/catalog.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { PLAN_FORMAT, type PlanAnswer } from '../../../src/workload/planner/request.ts';

/** A table as Postgres describes it: `id` alone, or as a scenario with statistics would have it. */
export function column(name: string, more: Partial<CatalogColumn> = {}): CatalogColumn {
  const base = { type: 'integer', length: 4, align: 'i', modifier: -1 } as const;
  return { name, ...base, notNull: true, isIdentity: false, default: null, ...more };
}

export const bigint = { type: 'bigint', length: 8, align: 'd' } as const;
export const uuid = { type: 'uuid', length: 16, align: 'c' } as const;
export const text = { type: 'text', length: -1, align: 'i' } as const;

export function index(
  name: string,
  columns: number[],
  stored: readonly CatalogColumn[],
  more: Partial<CatalogIndex> = {},
): CatalogIndex {
  return {
    name,
    unique: false,
    primary: false,
    method: 'btree',
    file: null,
    fillfactor: null,
    columns,
    stored: columns.map((place) => stored[place - 1]!),
    predicate: null,
    definition: '',
    ...more,
  };
}

export function table(name: string, columns: CatalogColumn[], indexes: CatalogIndex[]) {
  const fixed = { schema: 'public', kind: 'r', file: null, fillfactor: null } as const;
  const whole = { parent: null, bound: null, partitionKey: null };
  return { ...fixed, ...whole, name, columns, indexes, references: [] };
}

export const ITEM_COLUMNS = [
  column('id', { ...bigint, isIdentity: true }),
  column('key', { ...uuid, default: 'gen_random_uuid()' }),
  column('owner'),
  column('state'),
];

export const ITEMS: Catalog = {
  tables: [
    table('items', ITEM_COLUMNS, [
      index('items_pkey', [1], ITEM_COLUMNS, { unique: true, primary: true }),
      index('items_key_idx', [2], ITEM_COLUMNS, { unique: true }),
      index('items_owner_idx', [3], ITEM_COLUMNS),
    ]),
  ],
};

const NOTHING = { width: null, nullFraction: null, correlation: null, common: [], histogram: [] };

/** A million items of 20,000 owners. */
export const FACTS = {
  items: { rows: 1_000_000, columns: { owner: { distinct: 20_000, ...NOTHING } } },
};

export function answer(statements: PlanAnswer['statements']): PlanAnswer {
  return { format: PLAN_FORMAT, planner: 'a test', catalog: ITEMS, facts: FACTS, statements };
}

export function node(kind: string, more: Record<string, unknown> = {}): PlanNode {
  return {
    'Node Type': kind,
    'Parallel Aware': false,
    'Startup Cost': 0,
    'Total Cost': 1,
    'Plan Rows': 1,
    'Plan Width': 8,
    ...more,
  };
}

export const onItems = { 'Relation Name': 'items', Schema: 'public', Alias: 'items' };
