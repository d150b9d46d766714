/**
 * The free space map: for each page one byte, its free space in steps of 32 bytes rounded down
 * (freespace.c). Vacuum fills it in, an insert corrects the entry of a page that turned out to be
 * too full, and whoever wants room takes the next page that fits, going round the table from where
 * the last search ended, so that backends spread (fsmpage.c:fp_next_slot).
 *
 * Kept: the categories, staleness, who writes entries and when, the round. Left out: the upper
 * levels of its tree, which real searches see only after vacuum has refreshed them, and its own
 * pages' reads. Chunks of entries exist only where one was ever set: loading leaves all at 0, as
 * COPY does.
 */

const STEP_BYTES = 32;
const CHUNK = 4096;
/** freespace.c:MaxFSMRequestSize, which alone has category 255. */
const LARGEST_REQUEST_BYTES = 8160;

/** The category of a page with so much free space. */
export function categoryOf(freeBytes: number): number {
  if (freeBytes >= LARGEST_REQUEST_BYTES) return 255;
  return Math.min(254, Math.floor(freeBytes / STEP_BYTES));
}

/** The least category that is sure to have that much room. */
export function categoryFor(wantedBytes: number): number {
  if (wantedBytes >= LARGEST_REQUEST_BYTES) return 255;
  return Math.max(1, Math.ceil(wantedBytes / STEP_BYTES));
}

export class FreeSpaceMap {
  /** Numbers of the chunks that exist, ascending, and their entries. */
  private readonly numbers: number[] = [];
  private readonly chunks: Uint8Array[] = [];
  /** No entry of the chunk is above this. */
  private readonly ceilings: number[] = [];
  private nextBlock = 0;

  record(block: number, freeBytes: number): void {
    const category = categoryOf(freeBytes);
    const number = Math.floor(block / CHUNK);
    const at = this.firstChunkFrom(number);
    if (this.numbers[at] !== number) {
      if (category === 0) return;
      this.numbers.splice(at, 0, number);
      this.chunks.splice(at, 0, new Uint8Array(CHUNK));
      this.ceilings.splice(at, 0, 0);
    }
    this.chunks[at]![block % CHUNK] = category;
    if (category > this.ceilings[at]!) this.ceilings[at] = category;
  }

  /** The category recorded for a block. */
  categoryAt(block: number): number {
    const number = Math.floor(block / CHUNK);
    const at = this.firstChunkFrom(number);
    return this.numbers[at] === number ? this.chunks[at]![block % CHUNK]! : 0;
  }

  /** A page that is recorded with room for so much; -1 if there is none. */
  find(wantedBytes: number): number {
    const category = categoryFor(wantedBytes);
    const start = this.firstChunkFrom(Math.floor(this.nextBlock / CHUNK));
    const { length } = this.numbers;
    for (let turn = 0; turn <= length; turn++) {
      const at = (start + turn) % Math.max(1, length);
      if (length === 0 || this.ceilings[at]! < category) continue;
      const base = this.numbers[at]! * CHUNK;
      const isFirst = turn === 0 && base <= this.nextBlock && this.nextBlock < base + CHUNK;
      const slot = this.search(at, isFirst ? this.nextBlock - base : 0, category);
      if (slot < 0) continue;
      this.nextBlock = base + slot + 1;
      return base + slot;
    }
    return -1;
  }

  /** Corrects a page's entry and finds another one. */
  recordAndFind(block: number, freeBytes: number, wantedBytes: number): number {
    this.record(block, freeBytes);
    return this.find(wantedBytes);
  }

  /** The table ends here now. */
  truncate(pages: number): void {
    for (let at = 0; at < this.numbers.length; at++) {
      const base = this.numbers[at]! * CHUNK;
      if (base + CHUNK > pages) this.chunks[at]!.fill(0, Math.max(0, pages - base));
    }
  }

  get bytes(): number {
    return this.chunks.length * CHUNK;
  }

  private search(at: number, from: number, category: number): number {
    const chunk = this.chunks[at]!;
    for (let slot = from; slot < CHUNK; slot++) if (chunk[slot]! >= category) return slot;
    if (from === 0) this.ceilings[at] = category - 1;
    return -1;
  }

  /** The place of the first chunk whose number is at least this. */
  private firstChunkFrom(number: number): number {
    let low = 0;
    let high = this.numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numbers[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
