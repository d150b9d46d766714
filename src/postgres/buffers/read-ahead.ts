/**
 * One reader's sequential read-ahead in the kernel (mm/readahead.c): the first miss of a sequence
 * asks the disk for two pages, each later one for twice as many as the last, up to 128 KiB.
 *
 * Kept: when a sequence is recognised and how the window grows. Left out: the marker inside a
 * window that orders the next one before it is used up, which hides a fast disk's latency.
 */
import { blockOf, type Page } from './page.ts';

/** read_ahead_kb, 128, in pages of 8 KiB. */
export const READ_AHEAD_PAGES = 16;

/** get_init_ra_size for a read of two pages of 4 KiB. */
const FIRST_WINDOW = 2;
const NOWHERE = -2;

export class ReadAhead {
  private last = NOWHERE;
  private window = 0;
  private readonly fileBlocks: number;

  /** Of one file, of so many blocks: nothing is read behind its end. */
  constructor(fileBlocks: number) {
    this.fileBlocks = fileBlocks;
  }

  /** A page that was there. */
  hit(page: Page): void {
    this.last = blockOf(page);
  }

  /** A page that was not: how many the disk is asked for. */
  miss(page: Page): number {
    const block = blockOf(page);
    const sequential = block === this.last + 1 || (block === 0 && this.last === NOWHERE);
    this.last = block;
    if (!sequential) {
      this.window = 0;
      return 1;
    }
    this.window = Math.min(READ_AHEAD_PAGES, this.window === 0 ? FIRST_WINDOW : 2 * this.window);
    return Math.max(1, Math.min(this.window, this.fileBlocks - block));
  }
}
