/**
 * What the catalog says of each table (pg_class): the estimates that vacuum and analyze write, and
 * the age of the oldest transaction id that may be in it. It belongs to the cluster's history: WAL
 * carries it to standbys.
 */
import type { Table } from '../heap/relation.ts';

export interface CatalogEntry {
  /** Estimated rows, null before the first vacuum or analyze (up to version 13: 0; then -1). */
  reltuples: number | null;
  relpages: number;
  /** Pages that the visibility map had as all-frozen at the last vacuum. */
  relallfrozen: number;
  /** No older transaction id is in the table that is not frozen. */
  relfrozenxid: number;
}

/** As loading left it: `pgbench -i` vacuums, COPY alone does not. */
export function catalogEntry({ definition, heap }: Table): CatalogEntry {
  const { rows, isVacuumed = true, isFrozen = true, loadedXid = 3 } = definition;
  return {
    reltuples: isVacuumed ? rows : null,
    relpages: isVacuumed ? heap.pages : 0,
    relallfrozen: isVacuumed && isFrozen ? heap.pages : 0,
    relfrozenxid: loadedXid,
  };
}

/**
 * Rows of a table of which some pages were read (vacuum.c:vac_estimate_reltuples): those pages as
 * they are, the others at the density known before. Since version 15 a vacuum that read one page,
 * or under 2 % of a table that has not grown, leaves the estimate alone.
 */
export function estimatedRows(
  before: Pick<CatalogEntry, 'reltuples' | 'relpages'>,
  pages: number,
  scannedPages: number,
  scannedRows: number,
  version: number,
): number {
  const { reltuples, relpages } = before;
  if (scannedPages >= pages) return scannedRows;
  if (scannedPages === 0) return reltuples ?? 0;
  if (version >= 15 && reltuples !== null) {
    if (relpages === pages && scannedPages < pages * 0.02) return reltuples;
    if (scannedPages <= 1) return reltuples;
  }
  if (reltuples === null || relpages === 0) {
    return Math.floor((scannedRows / scannedPages) * pages + 0.5);
  }
  const density = reltuples / relpages;
  return Math.floor(density * (pages - scannedPages) + scannedRows + 0.5);
}
