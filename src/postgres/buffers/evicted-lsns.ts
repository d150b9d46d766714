import type { Lsn } from '../lsn.ts';
import type { BufferPool } from './buffer-pool.ts';
import { type Page, pageOf } from './page.ts';

/**
 * The LSNs of pages that are out of the pool, as their copies on disk bear them. Only those above
 * the redo pointer matter: such a page has had its full page image in this cycle and needs none
 * when it is read back and changed again. All others count as 0.
 */
export class EvictedLsns {
  redoLsn: Lsn = 0;
  private readonly lsns = new Map<Page, Lsn>();

  /** A page is evicted, written out with this LSN. */
  remember(page: Page, lsn: Lsn): void {
    if (lsn > this.redoLsn) this.lsns.set(page, lsn);
  }

  /** All pages of a pool go, and redo will meet them. */
  rememberAll(pool: Pick<BufferPool, 'lsnOf' | 'pageIn' | 'sweep'>): void {
    for (let buffer = 0; buffer < pool.sweep.everUsed; buffer++) {
      const lsn = pool.lsnOf(buffer);
      if (lsn > 0) this.remember(pool.pageIn(buffer), lsn);
    }
  }

  /** A page is read back: its LSN, or 0. */
  recall(page: Page): Lsn {
    if (this.lsns.size === 0) return 0;
    const lsn = this.lsns.get(page) ?? 0;
    if (lsn > 0) this.lsns.delete(page);
    return lsn;
  }

  /** WAL ends here: what was changed beyond is as if it had been changed at the end. */
  cutTo(end: Lsn): void {
    for (const [page, lsn] of [...this.lsns]) if (lsn > end) this.lsns.set(page, end);
  }

  /** All of them with their LSNs, in the order of those: what redo would meet. */
  inOrder(): [page: Page, lsn: Lsn][] {
    return [...this.lsns].sort(([a, lsnA], [b, lsnB]) => lsnA - lsnB || a - b);
  }

  /**
   * A checkpoint is over: redo would begin here. (It could be moved when a checkpoint begins if
   * only images mattered; but until the end a crash goes back to the one before.)
   */
  moveRedo(redoLsn: Lsn): void {
    this.redoLsn = redoLsn;
    for (const [page, lsn] of [...this.lsns]) if (lsn <= redoLsn) this.lsns.delete(page);
  }

  /** A relation is gone from a block on. */
  drop(file: number, blocks: number): void {
    const [from, to] = [pageOf(file, blocks), pageOf(file + 1, 0)];
    for (const page of [...this.lsns.keys()]) {
      if (page >= from && page < to) this.lsns.delete(page);
    }
  }

  get size(): number {
    return this.lsns.size;
  }
}
