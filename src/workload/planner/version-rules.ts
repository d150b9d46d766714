/**
 * What a schema may have in the version that plans (18) and not in the one that the scenario runs:
 * in the words with which that version refuses it. Of foreign keys and partitions version 18 allows
 * one thing more than 13 to 17: NOT VALID on a partitioned table (tablecmds.c:
 * ATAddForeignKeyConstraint).
 */
import { type Catalog, tableName } from './catalog.ts';

const NOT_VALID_SINCE = 18;

/** The errors, each with a word of the schema where it belongs. */
export function refusedByVersion(
  { tables }: Catalog,
  version: number,
): readonly { readonly message: string; readonly at: RegExp }[] {
  if (version >= NOT_VALID_SINCE) return [];
  return tables.flatMap((table) => {
    const { kind, references } = table;
    if (kind !== 'p') return [];
    return references
      .filter(({ isValid }) => !isValid)
      .map((key) => {
        const names = `"${table.name}" referencing relation "${key.table.name}"`;
        const message =
          `ERROR:  cannot add NOT VALID foreign key on partitioned table ${names}\n` +
          'DETAIL:  This feature is not yet supported on partitioned tables.';
        return { message, at: new RegExp(`${tableName(table)}[^;]*NOT\\s+VALID`, 'i') };
      });
  });
}
