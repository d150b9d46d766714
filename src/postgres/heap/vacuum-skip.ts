/**
 * Which pages a vacuum's heap scan reads (vacuumlazy.c:lazy_scan_skip): all-visible pages are
 * skipped, in an aggressive scan only all-frozen ones; but only in runs of at least 32, as shorter
 * gaps would spoil the read-ahead; and the last page is always read, in case the tail can be cut
 * off.
 */

import { ALL_FROZEN, ALL_VISIBLE, type PagePopulation } from './page-population.ts';

/** vacuumlazy.c: SKIP_PAGES_THRESHOLD. */
export const SKIP_PAGES_THRESHOLD = 32;

/** The changed pages of a table, by block; what changes later is not in it. */
export class ChangedBlocks {
  private readonly pages: PagePopulation;
  private readonly blocks: Float64Array;
  private at = 0;

  constructor(pages: PagePopulation) {
    this.pages = pages;
    this.blocks = pages.blocks();
  }

  /** The first changed block that is not before this one; infinity if there is none. Ascending. */
  nextFrom(block: number): number {
    while (this.at < this.blocks.length && this.blocks[this.at]! < block) this.at++;
    return this.blocks[this.at] ?? Number.POSITIVE_INFINITY;
  }

  /** The first block from here on that must be read; `end` if there is none before it. */
  nextUnskippable(from: number, end: number, isAggressive: boolean): number {
    const wanted = isAggressive ? ALL_FROZEN : ALL_VISIBLE;
    const { pages, blocks } = this;
    const loadedBelow = isAggressive ? pages.frozenBelow : pages.visibleBelow;
    let block = from;
    for (let at = this.at; block < end; ) {
      while (at < blocks.length && blocks[at]! < block) at++;
      if (blocks[at] === block) {
        if ((pages.flagsOf(block) & wanted) === 0) return block;
        block++;
      } else {
        if (block >= loadedBelow) return block;
        block = Math.min(blocks[at] ?? Number.POSITIVE_INFINITY, loadedBelow, end);
      }
    }
    return end;
  }
}
