/** The foreign keys of a schema: who refers to whom. */
import type { CatalogForeignKey, CatalogTable } from './catalog.ts';
import { ancestorsOf } from './opens.ts';
import { leavesOf } from './partitions.ts';
import type { PlannedWorld } from './world.ts';

/** A foreign key with both of its tables. */
export interface Reference {
  readonly of: CatalogTable;
  readonly to: CatalogTable;
  readonly columns: readonly string[];
  readonly referenced: readonly string[];
  readonly key: CatalogForeignKey;
}

const REFERENCES = new WeakMap<PlannedWorld, readonly Reference[]>();

export function referencesOf(world: PlannedWorld): readonly Reference[] {
  const known = REFERENCES.get(world);
  if (known !== undefined) return known;
  const { tables } = world.catalog;
  const names = (table: CatalogTable, places: readonly number[]) =>
    places.map((place) => table.columns[place - 1]!.name);
  const all = tables.flatMap((of) =>
    of.references.flatMap((key): Reference[] => {
      const { schema, name } = key.table;
      const to = tables.find((each) => each.schema === schema && each.name === name);
      if (to === undefined) return [];
      const [columns, referenced] = [names(of, key.columns), names(to, key.referenced)];
      return [{ of, to, columns, referenced, key }];
    }),
  );
  REFERENCES.set(world, all);
  return all;
}

/** Those to a table, or to what it is a part of; of partitioned tables not each partition's too. */
export function referencesTo(
  { catalog }: PlannedWorld,
  all: readonly Reference[],
  table: CatalogTable,
  isChanged: (columns: readonly string[]) => boolean = () => true,
): readonly Reference[] {
  const leaves = new Set(leavesOf(catalog, table));
  return all.filter(({ of, to, referenced, key }) => {
    const isInherited = all.some(
      (other) => other.of !== of && leavesOf(catalog, other.of).includes(of) && sameKey(other, key),
    );
    const isOf = leavesOf(catalog, to).some((leaf) => leaves.has(leaf));
    return isOf && !isInherited && isChanged(referenced);
  });
}

function sameKey({ key }: Reference, { table, columns }: CatalogForeignKey): boolean {
  return key.table.name === table.name && String(key.columns) === String(columns);
}

/** Who refers to a table that may leave, or to what it is a part of, and whether to rows of it. */
export function referringTo(world: PlannedWorld, leaf: CatalogTable) {
  const above = new Set([leaf, ...ancestorsOf(world, leaf)]);
  const all = referencesTo(world, referencesOf(world), leaf).filter(({ to }) => above.has(to));
  const { before } = tableOf(world, leaf);
  const isReferred = all.some(({ of, columns }) =>
    leavesOf(world.catalog, of).some((each) => tableOf(world, each).distinct(columns[0]!) > before),
  );
  const referring = all.flatMap(({ of }) => leavesOf(world.catalog, of));
  return {
    referringTables: [...new Set(referring)].map((each) => world.lockIds.get(each)!),
    isReferred,
    isReferredAlone: all.some(({ to }) => to === leaf),
  };
}

function tableOf(world: PlannedWorld, leaf: CatalogTable) {
  return world.tables.find(({ catalog }) => catalog === leaf)!;
}
