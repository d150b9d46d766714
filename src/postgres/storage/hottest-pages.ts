/**
 * Which pages a server that has been in service for long has in memory: those used most. With keys
 * drawn alike, a page is used the more often the more rows are found through it: the upper levels
 * of indexes, then leaves, then the pages of tables. A table without an index is read by nobody; it
 * is written to at its end.
 */
import { type Page, pageOf } from '../buffers/page.ts';
import type { Table } from '../heap/relation.ts';

interface Stretch {
  readonly rowsPerPage: number;
  readonly file: number;
  /** Blocks in this order ... */
  readonly blocks?: readonly number[];
  /** ... or all from the first to this one, but for some. */
  readonly end?: number;
  readonly except?: ReadonlySet<number>;
}

/** The hottest pages first, at most so many; only those that are followed, if not all are. */
export function hottestPages(
  tables: readonly Table[],
  limit: number,
  fileOf: (relation: number) => number,
  isFollowed: ((page: Page) => boolean) | null = null,
): Page[] {
  const stretches = tables.flatMap((table) => stretchesOf(table, fileOf));
  stretches.sort((a, b) => b.rowsPerPage - a.rowsPerPage || a.file - b.file);
  const hottest: Page[] = [];
  const add = (page: Page) => {
    if (isFollowed === null || isFollowed(page)) hottest.push(page);
  };
  for (const { file, blocks = [], end = 0, except = NONE } of stretches) {
    for (const block of blocks) if (hottest.length < limit) add(pageOf(file, block));
    for (let block = 0; block < end && hottest.length < limit; block++) {
      if (!except.has(block)) add(pageOf(file, block));
    }
  }
  return hottest;
}

const NONE: ReadonlySet<number> = new Set();

function stretchesOf(table: Table, fileOf: (relation: number) => number): Stretch[] {
  const { heap, indexes, definition } = table;
  const { heat = 1 } = definition;
  const perPage = (pages: number) => (pages > 0 ? (heat * heap.live) / pages : 0);
  const found: Stretch[] = [];
  for (const index of indexes) {
    const file = fileOf(index.definition.relation);
    const inner = index.innerBlocks();
    const leaves = perPage(index.pages - inner.length);
    found.push({ rowsPerPage: perPage(inner.length), file, blocks: inner });
    found.push({ rowsPerPage: leaves, file, end: index.pages, except: new Set(inner) });
  }
  const file = fileOf(definition.relation);
  if (indexes.length > 0) {
    found.push({ rowsPerPage: perPage(heap.pages), file, end: heap.pages });
  } else if (heap.pages > 0) {
    found.push({ rowsPerPage: perPage(1), file, blocks: [heap.pages - 1] });
  }
  return found;
}
