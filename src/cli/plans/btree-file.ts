/**
 * The first pages of a b-tree that is as high as a large one and has no entries: a metapage, a root
 * and one page of each level below it down to an empty leaf (access/nbtree.h, storage/bufpage.h).
 * The planner reads the height from the metapage, and may walk down to look for the greatest key.
 */
const PAGE_BYTES = 8192;
const HEADER_BYTES = 24;
const SPECIAL = PAGE_BYTES - 16;
/** pd_pagesize_version: the size and layout version 4. */
const SIZE_AND_VERSION = PAGE_BYTES | 4;

const BTREE_MAGIC = 0x053162;
const BTREE_VERSION = 4;
const LEAF = 1;
const ROOT = 2;
const META = 8;

/** An inner page's first tuple has no key: its header alone, which says so. */
const PIVOT_BYTES = 8;
const ALTERNATIVE_TID = 0x2000;
const NORMAL_POINTER = 1;

/** `height`: levels above the leaves. Block 0 is the metapage, block 1 the root. */
export function btreePages(height: number): Uint8Array {
  const file = new Uint8Array((height + 2) * PAGE_BYTES);
  const page = (block: number) => new DataView(file.buffer, block * PAGE_BYTES, PAGE_BYTES);
  metaPage(page(0), height);
  for (let level = height; level >= 0; level--) {
    const block = 1 + height - level;
    treePage(page(block), level, level === height, block + 1);
  }
  return file;
}

function header(page: DataView, lower: number, upper: number): void {
  page.setUint16(12, lower, true);
  page.setUint16(14, upper, true);
  page.setUint16(16, SPECIAL, true);
  page.setUint16(18, SIZE_AND_VERSION, true);
}

function metaPage(page: DataView, height: number): void {
  const fields = [BTREE_MAGIC, BTREE_VERSION, 1, height, 1, height, 0];
  header(page, HEADER_BYTES + 48, SPECIAL);
  fields.forEach((value, i) => {
    page.setUint32(HEADER_BYTES + 4 * i, value, true);
  });
  page.setFloat64(HEADER_BYTES + 32, -1, true);
  page.setUint8(HEADER_BYTES + 40, 1); // btm_allequalimage
  page.setUint16(SPECIAL + 12, META, true);
}

function treePage(page: DataView, level: number, isRoot: boolean, child: number): void {
  page.setUint32(SPECIAL + 8, level, true);
  page.setUint16(SPECIAL + 12, (level === 0 ? LEAF : 0) | (isRoot ? ROOT : 0), true);
  if (level === 0) {
    header(page, HEADER_BYTES, SPECIAL);
    return;
  }
  const at = SPECIAL - PIVOT_BYTES;
  header(page, HEADER_BYTES + 4, at);
  page.setUint32(HEADER_BYTES, at | (NORMAL_POINTER << 15) | (PIVOT_BYTES << 17), true);
  page.setUint16(at, child >>> 16, true);
  page.setUint16(at + 2, child & 0xffff, true);
  page.setUint16(at + 6, ALTERNATIVE_TID | PIVOT_BYTES, true);
}
