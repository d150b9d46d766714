/**
 * What a cluster's servers have in common: tables and indexes along the history of its primaries,
 * and the transaction ids that were given out. Each server sees them through buffers of its own.
 *
 * Left out: that a server which is behind, or whose history was discarded, has other contents. A
 * new primary takes the tables over with the row versions of transactions that were lost; they
 * count as live where the real ones are gone, which is few among a table's rows.
 */
import { type CatalogEntry, catalogEntry } from '../autovacuum/catalog.ts';
import type { CompressedChunk } from '../columnar/chunk.ts';
import { Table, type TableDefinition } from '../heap/relation.ts';
import { CatalogPages } from '../partitioning/catalog-pages.ts';
import { PartitionStates } from '../partitioning/states.ts';

export class Database {
  readonly tables: Table[];
  /** What pg_class says of each of them. */
  readonly catalog: CatalogEntry[];
  /** Which tables are partitions by now, and which are gone. */
  readonly partitions = new PartitionStates();
  /** Chunks of which a part is compressed, by the number of their table. */
  readonly compressed = new Map<number, CompressedChunk>();
  readonly catalogPages = new CatalogPages();
  /** Beyond all ids in its pages: what a new primary goes on from. */
  nextXid = 3;

  constructor(definitions: readonly TableDefinition[]) {
    this.tables = definitions.map((definition) => new Table(definition));
    this.catalog = this.tables.map(catalogEntry);
    definitions.forEach(({ isAbsent }, index) => {
      if (isAbsent) this.partitions.drop(index);
    });
  }

  /** The table and its files are gone: what is left in its place is empty. */
  drop(index: number): void {
    const empty = new Table({ ...this.tables[index]!.definition, rows: 0, indexes: [] });
    this.tables[index] = empty;
    this.catalog[index] = catalogEntry(empty);
    this.partitions.drop(index);
  }

  /** Pages of all files. */
  get pages(): number {
    let pages = 0;
    for (const table of this.tables) pages += table.pages;
    return pages;
  }
}
