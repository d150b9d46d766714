/**
 * The visibility map: two bits for each heap page, "every version here is visible to everybody" and
 * "every version here is frozen" (visibilitymap.c). Index-only scans need the first, vacuum skips
 * by either. A change to a page clears both without WAL of its own; vacuum sets them, with a record
 * that registers the map's page.
 *
 * The bits of changed pages live in the page population; here is which page of the map a block
 * belongs to, and the LSNs of those.
 */

import type { Lsn } from '../lsn.ts';
import { ALL_FROZEN, ALL_VISIBLE, type PagePopulation } from './page-population.ts';

/** visibilitymap.c:HEAPBLOCKS_PER_PAGE: four heap pages a byte. */
export const HEAP_BLOCKS_PER_MAP_PAGE = (8192 - 24) * 4;

export function mapBlockOf(heapBlock: number): number {
  return Math.floor(heapBlock / HEAP_BLOCKS_PER_MAP_PAGE);
}

export class VisibilityMap {
  private readonly pages: PagePopulation;
  private readonly lsns = new Map<number, Lsn>();

  constructor(pages: PagePopulation) {
    this.pages = pages;
  }

  isAllVisible(block: number): boolean {
    return (this.pages.flagsOf(block) & ALL_VISIBLE) !== 0;
  }

  isAllFrozen(block: number): boolean {
    return (this.pages.flagsOf(block) & ALL_FROZEN) !== 0;
  }

  /** Bits of the second kind in a table of so many pages. */
  allFrozenPages(pages: number): number {
    const { block, count, flags, frozenBelow } = this.pages;
    let frozen = Math.min(frozenBelow, pages);
    for (let entry = 0; entry < count; entry++) {
      if (block[entry]! >= pages) continue;
      if (block[entry]! < frozenBelow) frozen--;
      if ((flags[entry]! & ALL_FROZEN) !== 0) frozen++;
    }
    return frozen;
  }

  /** Clears both bits of a changed page; true if they were not clear, and the map page is dirty. */
  clear(entry: number): boolean {
    const flags = this.pages.flags[entry]!;
    this.pages.flags[entry] = flags & ~(ALL_VISIBLE | ALL_FROZEN);
    return (flags & (ALL_VISIBLE | ALL_FROZEN)) !== 0;
  }

  /** A row lock leaves the page all-visible, but no longer all-frozen. */
  unfreeze(entry: number): void {
    this.pages.flags[entry] = this.pages.flags[entry]! & ~ALL_FROZEN;
  }

  set(entry: number, frozen: boolean): void {
    const flags = this.pages.flags[entry]! & ~(ALL_VISIBLE | ALL_FROZEN);
    this.pages.flags[entry] = flags | ALL_VISIBLE | (frozen ? ALL_FROZEN : 0);
  }

  lsnOf(mapBlock: number): Lsn {
    return this.lsns.get(mapBlock) ?? this.pages.loaded.lsn;
  }

  setLsn(mapBlock: number, lsn: Lsn): void {
    this.lsns.set(mapBlock, lsn);
  }
}
