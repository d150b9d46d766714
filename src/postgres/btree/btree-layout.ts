/**
 * The layout of a b-tree, as arithmetic (access/nbtree.h, nbtsort.c).
 *
 * A page has 8152 bytes for entries; each is a line pointer of 4 bytes and a tuple: 8 bytes of
 * header and the key, aligned to 8. Every page but the rightmost of its level begins with a high
 * key. CREATE INDEX fills leaves to the fillfactor (90 %) and inner pages to 70 %, and allocates
 * blocks in the order in which pages begin, so that the block of every page follows from its
 * number.
 */

import { align } from '../heap/page-layout.ts';

/** 8192 less the page header of 24 and the special space of 16. */
export const USABLE_BYTES = 8152;
export const PAGE_OVERHEAD_BYTES = 40;
export const LINE_POINTER_BYTES = 4;
const TUPLE_HEADER_BYTES = 8;
const TID_BYTES = 6;
/** nbtree.h: BTREE_NONLEAF_FILLFACTOR. */
export const INNER_FILLFACTOR = 70;
/** nbtdedup.c and nbtsort.c: a posting list has at most a tenth of a page. */
const POSTING_LIST_BYTES = 812;

/** An index tuple without its line pointer. */
export function tupleBytes(keyBytes: number): number {
  return align(TUPLE_HEADER_BYTES + keyBytes);
}

/** What an entry takes on its page. */
export function entryBytes(keyBytes: number): number {
  return LINE_POINTER_BYTES + tupleBytes(keyBytes);
}

/** The most row pointers that one posting list holds. */
export function longestPostingList(keyBytes: number): number {
  const room = POSTING_LIST_BYTES - LINE_POINTER_BYTES - tupleBytes(keyBytes);
  return Math.max(1, Math.floor(room / TID_BYTES));
}

/** What a key with so many rows takes once it is deduplicated (nbtree.h: posting list tuples). */
export function deduplicatedBytes(keyBytes: number, rows: number): number {
  const longest = longestPostingList(keyBytes);
  const whole = Math.floor(rows / longest);
  return whole * postingBytes(keyBytes, longest) + postingBytes(keyBytes, rows % longest);
}

function postingBytes(keyBytes: number, rows: number): number {
  if (rows === 0) return 0;
  if (rows === 1) return entryBytes(keyBytes);
  return LINE_POINTER_BYTES + align(tupleBytes(keyBytes) + rows * TID_BYTES);
}

/** Room for one more tuple (bufpage.c:PageGetFreeSpace). */
export function freeBytes(usedBytes: number, highKeyBytes: number): number {
  return Math.max(0, USABLE_BYTES - usedBytes - highKeyBytes - LINE_POINTER_BYTES);
}

/**
 * Entries that CREATE INDEX leaves on a page (nbtsort.c:_bt_buildadd): it ends when less than the
 * fillfactor's reserve would stay free, and its last entry becomes the next page's first.
 */
function builtEntries(entry: number, fillfactor: number): number {
  const reserve = Math.floor((8192 * (100 - fillfactor)) / 100);
  const least = USABLE_BYTES - LINE_POINTER_BYTES - reserve;
  return Math.max(2, Math.floor((least - LINE_POINTER_BYTES) / entry));
}

/** Rows on a leaf that CREATE INDEX filled, with so many rows for each distinct key. */
export function builtRowsPerLeaf(keyBytes: number, fillfactor: number, rowsPerKey: number): number {
  const together = Math.min(rowsPerKey, longestPostingList(keyBytes));
  return builtEntries(deduplicatedBytes(keyBytes, together), fillfactor) * together;
}

/** Children of an inner page that CREATE INDEX filled; its first entry has no key. */
export function builtFanOut(keyBytes: number): number {
  const entry = entryBytes(keyBytes);
  const reserve = Math.floor((8192 * (100 - INNER_FILLFACTOR)) / 100);
  const free = USABLE_BYTES - LINE_POINTER_BYTES * 2 + (entry - 12);
  return Math.floor((free - reserve) / entry);
}

/** Blocks of so many inner pages of a level are kept: each look-up needs them. */
const KEPT_BLOCKS = 4096;

/** The pages of a tree that CREATE INDEX made, level by level from the leaves. */
export class BuiltTree {
  readonly rowsPerLeaf: number;
  readonly fanOut: number;
  /** Pages of each level, leaves first; the last is 1, the root. */
  readonly counts: readonly number[];
  /** By level the block of each page, where they are few: above the leaves. */
  private readonly innerBlocks: readonly Float64Array[];

  constructor(rows: number, keyBytes: number, fillfactor: number, rowsPerKey: number) {
    this.rowsPerLeaf = builtRowsPerLeaf(keyBytes, fillfactor, rowsPerKey);
    this.fanOut = builtFanOut(keyBytes);
    const counts = [Math.max(1, Math.ceil(rows / this.rowsPerLeaf))];
    for (let n = counts[0]!; n > 1; counts.push(n)) n = this.parentsOf(n);
    this.counts = counts;
    this.innerBlocks = counts.map((pages, level) => {
      const length = level > 0 && pages <= KEPT_BLOCKS ? pages : 0;
      return Float64Array.from({ length }, (_, page) => this.compute(level, page));
    });
  }

  /** Pages of the file, the metapage included. */
  get pages(): number {
    return 1 + this.counts.reduce((sum, n) => sum + n, 0);
  }

  /** Bytes of entries on a leaf with so many rows. */
  leafBytes(rows: number, keyBytes: number, rowsPerKey: number): number {
    const together = Math.min(rowsPerKey, longestPostingList(keyBytes));
    const lists = Math.floor(rows / together);
    const rest = deduplicatedBytes(keyBytes, rows - lists * together);
    return lists * deduplicatedBytes(keyBytes, together) + rest;
  }

  /** The block of a level's page, counted from the left. */
  blockOf(level: number, page: number): number {
    return this.innerBlocks[level]![page] ?? this.compute(level, page);
  }

  private compute(level: number, page: number): number {
    let sum = 1 + page;
    let below = page;
    for (let at = level - 1; at >= 0; at--) {
      const begun = below === 0 ? 2 : this.fanOut * below + 3;
      const allocated = Math.min(begun, this.counts[at]!);
      sum += allocated;
      below = allocated - 1;
    }
    let above = page;
    for (let at = level + 1; at < this.counts.length; at++) {
      above = this.begunParents(above);
      sum += above;
    }
    return sum;
  }

  private parentsOf(entries: number): number {
    return entries <= this.fanOut + 1 ? 1 : 1 + Math.floor((entries - 2) / this.fanOut);
  }

  /** Parent pages that exist when so many of their children are allocated. */
  private begunParents(children: number): number {
    if (children < 3) return children === 2 ? 1 : 0;
    return 1 + Math.floor((children - 3) / this.fanOut);
  }
}
