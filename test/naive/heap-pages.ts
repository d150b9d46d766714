/**
 * A heap by its definition: every page a list of line pointers, every version an object, chains
 * followed pointer by pointer. Slow and plain; the population of pages must agree with it exactly.
 */

interface Version {
  readonly row: number;
  /** Infinity while it lives. */
  xmax: number;
  isAborted: boolean;
  readonly isHeapOnly: boolean;
  /** Pointer of the next version on this page. */
  next: number;
}

type Pointer =
  | { state: 'unused' }
  | { state: 'dead' }
  | { state: 'redirect'; to: number }
  | { state: 'tuple'; version: Version };

export interface NaivePage {
  pointers: Pointer[];
  pruneXid: number;
  isFull: boolean;
}

interface Home {
  page: number;
  pointer: number;
  /** Pages of versions left behind, with their transactions, that no scan has marked dead. */
  stale: { page: number; xid: number }[];
}

export class NaiveHeap {
  readonly pages: NaivePage[] = [];
  readonly homes = new Map<number, Home>();
  readonly freeSpace: number[] = [];
  removed = 0;
  target = -1;
  private nextSlot = 0;
  private readonly width: number;
  private readonly reserve: number;

  constructor(rows: number, tupleBytes: number, fillfactor: number) {
    this.width = Math.ceil(tupleBytes / 8) * 8;
    this.reserve = Math.floor((8192 * (100 - fillfactor)) / 100);
    for (let row = 0; row < rows; row++) {
      const last = this.pages.length - 1;
      const isRoomy = last >= 0 && this.free(last) >= this.width + this.reserve;
      if (!isRoomy) this.pages.push({ pointers: [], pruneXid: 0, isFull: false });
      this.put(this.pages.length - 1, row, false);
    }
  }

  free(page: number): number {
    const { pointers } = this.pages[page]!;
    const tuples = pointers.filter(({ state }) => state === 'tuple').length;
    const isCrowded = pointers.length >= 291 && pointers.every(({ state }) => state !== 'unused');
    if (isCrowded) return 0;
    const free = 8192 - 24 - 4 * pointers.length - this.width * tuples - 4;
    return Math.max(0, free);
  }

  insert(row: number): void {
    this.put(this.findPage(), row, false);
  }

  update(
    row: number,
    xid: number,
    horizon: number,
    changesIndexed: boolean,
    aborts: boolean,
  ): void {
    const home = this.homes.get(row);
    if (!home) return;
    this.visit(home, horizon);
    const old = this.versionOf(home);
    const fits = this.width <= this.free(home.page);
    const before = { page: home.page, pointer: home.pointer };
    if (fits) {
      const pointer = this.put(home.page, row, !changesIndexed);
      if (!changesIndexed) old.next = pointer;
    } else {
      const page = this.findPage();
      this.put(page, row, false);
      this.pages[before.page]!.isFull = true;
      this.hint(page, xid);
      home.stale.unshift({ page: before.page, xid });
    }
    old.xmax = xid;
    this.hint(before.page, xid);
    if (!aborts) return;
    this.versionOf(home).isAborted = true;
    old.xmax = Number.POSITIVE_INFINITY;
    old.next = -1;
    if (!fits) home.stale.shift();
    home.page = before.page;
    home.pointer = before.pointer;
  }

  delete(row: number, xid: number, horizon: number, aborts: boolean): void {
    const home = this.homes.get(row);
    if (!home) return;
    this.visit(home, horizon);
    this.hint(home.page, xid);
    if (aborts) return;
    this.versionOf(home).xmax = xid;
    this.homes.delete(row);
  }

  select(row: number, horizon: number): void {
    const home = this.homes.get(row);
    if (home) this.visit(home, horizon);
  }

  vacuum(horizon: number): void {
    this.pages.forEach((page, number) => {
      this.prune(page, horizon);
      page.pointers.forEach((pointer, at) => {
        if (pointer.state === 'dead') page.pointers[at] = { state: 'unused' };
      });
      this.freeSpace[number] = Math.floor(this.free(number) / 32);
    });
    for (const home of this.homes.values()) {
      home.stale = home.stale.filter(({ xid }) => xid >= horizon);
    }
  }

  private visit(home: Home, horizon: number): void {
    for (const { page } of home.stale) this.read(page, horizon);
    home.stale = home.stale.filter(({ xid }) => xid >= horizon);
    this.read(home.page, horizon);
  }

  private read(number: number, horizon: number): void {
    const page = this.pages[number]!;
    if (page.pruneXid === 0 || page.pruneXid >= horizon) return;
    if (page.isFull || this.free(number) < Math.max(this.reserve, 819)) this.prune(page, horizon);
  }

  private prune(page: NaivePage, horizon: number): void {
    const isDead = (v: Version) => v.isAborted || v.xmax < horizon;
    page.pointers.forEach((pointer, root) => {
      if (pointer.state === 'tuple' && !pointer.version.isHeapOnly)
        this.pruneChain(page, root, isDead);
      if (pointer.state === 'redirect') this.pruneChain(page, root, isDead);
    });
    page.pointers.forEach((pointer, at) => {
      if (pointer.state !== 'tuple' || !pointer.version.isHeapOnly || !pointer.version.isAborted)
        return;
      page.pointers[at] = { state: 'unused' };
      this.removed++;
    });
    const left = page.pointers.flatMap((p) => (p.state === 'tuple' ? [p.version.xmax] : []));
    const oldest = Math.min(...left, Number.POSITIVE_INFINITY);
    page.pruneXid = Number.isFinite(oldest) ? oldest : 0;
    page.isFull = false;
  }

  private pruneChain(page: NaivePage, root: number, isDead: (v: Version) => boolean): void {
    const first = page.pointers[root]!;
    let at = first.state === 'redirect' ? first.to : root;
    let pruned = false;
    for (;;) {
      const pointer = page.pointers[at]!;
      if (pointer.state !== 'tuple' || !isDead(pointer.version)) break;
      const { next } = pointer.version;
      this.removed++;
      pruned = true;
      if (at !== root) page.pointers[at] = { state: 'unused' };
      if (next < 0) {
        page.pointers[root] = { state: 'dead' };
        return;
      }
      at = next;
    }
    if (pruned) page.pointers[root] = { state: 'redirect', to: at };
  }

  private versionOf({ page, pointer }: { page: number; pointer: number }): Version {
    const found = this.pages[page]!.pointers[pointer]!;
    if (found.state !== 'tuple') throw new Error('the newest version of a row is a tuple');
    return found.version;
  }

  private put(page: number, row: number, isHeapOnly: boolean): number {
    const { pointers } = this.pages[page]!;
    const version: Version = {
      row,
      xmax: Number.POSITIVE_INFINITY,
      isAborted: false,
      isHeapOnly,
      next: -1,
    };
    const unused = pointers.findIndex(({ state }) => state === 'unused');
    const at = unused < 0 ? pointers.length : unused;
    pointers[at] = { state: 'tuple', version };
    const stale = this.homes.get(row)?.stale ?? [];
    const home = this.homes.get(row);
    if (home) {
      home.page = page;
      home.pointer = at;
    } else this.homes.set(row, { page, pointer: at, stale });
    return at;
  }

  private hint(page: number, xid: number): void {
    const { pruneXid } = this.pages[page]!;
    if (pruneXid === 0 || xid < pruneXid) this.pages[page]!.pruneXid = xid;
  }

  private findPage(): number {
    const wanted = this.width + this.reserve;
    let page = this.target >= 0 ? this.target : this.search(wanted);
    if (page < 0) page = this.pages.length - 1;
    while (page >= 0 && this.free(page) < wanted) {
      this.freeSpace[page] = Math.floor(this.free(page) / 32);
      page = this.search(wanted);
    }
    if (page < 0) {
      page = this.pages.length;
      this.pages.push({ pointers: [], pruneXid: 0, isFull: false });
    }
    this.target = page;
    return page;
  }

  private search(wanted: number): number {
    const category = Math.ceil(wanted / 32);
    for (let turn = 0; turn < this.pages.length; turn++) {
      const page = (this.nextSlot + turn) % this.pages.length;
      if ((this.freeSpace[page] ?? 0) < category) continue;
      this.nextSlot = page + 1;
      return page;
    }
    return -1;
  }
}
