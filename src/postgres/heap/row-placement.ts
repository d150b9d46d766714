/**
 * Which page a row's newest version is on. A row that was loaded is at home, on the block that the
 * order of loading gives it, until an update moves it or a delete ends it; one bit of its page says
 * so. Other rows are in the map of displaced rows (row-locations.ts).
 */

import { type PagePopulation, ROW_CAME_BACK } from './page-population.ts';
import { ROW_DELETED, ROW_HEAP_ONLY, ROW_LIVES, RowLocations } from './row-locations.ts';
import { StaleVersions } from './stale-versions.ts';

export class RowPlacement {
  private readonly pages: PagePopulation;
  private readonly locations = new RowLocations();
  private readonly stale = new StaleVersions();
  /** Rows of a table without an index are not looked up: inserted ones are not remembered. */
  private readonly remembersInserts: boolean;

  constructor(pages: PagePopulation, remembersInserts: boolean) {
    this.pages = pages;
    this.remembersInserts = remembersInserts;
  }

  /** The block of a row's newest version; -1 if the row is deleted or never was. */
  blockOf(row: number): number {
    const home = this.homeOf(row);
    return home >= 0 && this.isAtHome(row, home) ? home : this.locations.blockOf(row);
  }

  /** Whether versions of a row on this block may be elsewhere, to which its key leads as well. */
  hasStale(row: number, block: number): boolean {
    if (block >= 0 && this.homeOf(row) === block) {
      const entry = this.pages.find(block);
      if (entry < 0 || (this.pages.flags[entry]! & ROW_CAME_BACK) === 0) return false;
    }
    return this.locations.staleOf(row) >= 0;
  }

  /** Whether a row's newest version, on this block, is reached over a chain only. */
  isHeapOnly(row: number, block: number): boolean {
    const home = this.homeOf(row);
    if (home !== block || !this.isAtHome(row, home)) return this.locations.isHeapOnly(row);
    const entry = this.pages.find(home);
    return entry >= 0 && this.pages.isHeapOnly(entry, this.slotOf(row));
  }

  /** Notes where a row's newest version is; block -1: nowhere, the row is deleted. */
  place(row: number, block: number, heapOnly: boolean): void {
    const home = this.homeOf(row);
    if (home < 0) {
      if (this.remembersInserts) this.displace(row, block, heapOnly);
      return;
    }
    const wasAtHome = this.isAtHome(row, home);
    if (wasAtHome || block === home) this.noteAtHome(row, home, block === home, heapOnly);
    if (block >= 0 && block !== home) this.displace(row, block, heapOnly);
    else if (!wasAtHome && this.locations.blockOf(row) >= 0) this.displace(row, -1, false);
  }

  /** The row moved away from this block: index entries still lead there. */
  leave(row: number, block: number, xid: number): void {
    const head = this.stale.add(this.locations.staleOf(row), block, xid);
    this.locations.setStale(row, head);
  }

  /** The move was undone. */
  comeBack(row: number): void {
    const head = this.locations.staleOf(row);
    if (head >= 0) this.locations.setStale(row, this.stale.drop(head));
  }

  /**
   * An index scan of the row's key: adds the pages of old versions that it visits to `visited`,
   * dead ones for the last time. Returns how many entries it marked dead, or vacuum had taken.
   */
  visitStale(row: number, horizon: number, goneBelow: number, visited: number[]): number {
    const head = this.locations.staleOf(row);
    if (head < 0) return 0;
    const before = this.stale.entries;
    this.locations.setStale(row, this.stale.scan(head, horizon, goneBelow, visited));
    return before - this.stale.entries;
  }

  get bytes(): number {
    return this.locations.bytes + this.stale.bytes;
  }

  private displace(row: number, block: number, heapOnly: boolean): void {
    const state = block < 0 ? ROW_DELETED : ROW_LIVES | (heapOnly ? ROW_HEAP_ONLY : 0);
    this.locations.set(row, Math.max(0, block), state);
  }

  private noteAtHome(row: number, home: number, isThere: boolean, heapOnly: boolean): void {
    const entry = this.pages.touch(home);
    const slot = this.slotOf(row);
    if (isThere && this.pages.isGone(entry, slot)) {
      this.pages.flags[entry] = this.pages.flags[entry]! | ROW_CAME_BACK;
    }
    this.pages.setGone(entry, slot, !isThere);
    if (isThere) this.pages.setHeapOnly(entry, slot, heapOnly);
  }

  private homeOf(row: number): number {
    const { rows, rowsPerPage } = this.pages.loaded;
    return row < rows ? Math.floor(row / rowsPerPage) : -1;
  }

  private slotOf(row: number): number {
    return row % this.pages.loaded.rowsPerPage;
  }

  private isAtHome(row: number, home: number): boolean {
    const entry = this.pages.find(home);
    return entry < 0 || !this.pages.isGone(entry, this.slotOf(row));
  }
}
