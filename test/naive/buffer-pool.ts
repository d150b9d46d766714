/**
 * The buffer pool as the rules of section 1 read, with objects, arrays and a Map: slow and plain.
 * Buffers are numbered as in the real thing, so that both must agree on which one goes.
 */
export interface NaiveRing {
  readonly bulkRead: boolean;
  readonly slots: (number | null)[];
  current: number;
  fromRing: boolean;
}

export function naiveRing(bulkRead: boolean, size: number): NaiveRing {
  return { bulkRead, slots: Array(size).fill(null), current: 0, fromRing: false };
}

interface Descriptor {
  page: string | null;
  usage: number;
  pins: number;
  dirty: boolean;
  checkpoint: boolean;
  permanent: boolean;
  lsn: number;
}

const EMPTY: Descriptor = {
  page: null,
  usage: 0,
  pins: 0,
  dirty: false,
  checkpoint: false,
  permanent: false,
  lsn: 0,
};

export class NaiveBufferPool {
  readonly buffers: Descriptor[];
  hand = 0;
  passes = 0;
  hits = 0;
  reads = 0;
  evictions = 0;
  allocations = 0;
  redoLsn = 0;
  private free: number[];
  private readonly lsnsOnDisk = new Map<string, number>();
  private readonly mapping = new Map<string, number>();

  constructor(size: number) {
    this.buffers = Array.from({ length: size }, () => ({ ...EMPTY }));
    this.free = this.buffers.map((_, buffer) => buffer);
  }

  find(page: string): number | null {
    return this.mapping.get(page) ?? null;
  }

  access(page: string, ring: NaiveRing | null): number | null {
    const buffer = this.find(page);
    if (buffer === null) return null;
    this.hits++;
    this.use(buffer, ring);
    return buffer;
  }

  pin(buffer: number, ring: NaiveRing | null): void {
    this.use(buffer, ring);
    this.buffers[buffer]!.pins++;
  }

  use(buffer: number, ring: NaiveRing | null): void {
    const descriptor = this.buffers[buffer]!;
    if (ring) {
      if (descriptor.usage === 0) descriptor.usage = 1;
    } else if (descriptor.usage < 5) descriptor.usage++;
  }

  /** A pinned victim, or null: no unpinned buffers available. */
  victim(ring: NaiveRing | null): number | null {
    const buffer = this.choose(ring);
    if (buffer !== null) this.buffers[buffer]!.pins++;
    return buffer;
  }

  private choose(ring: NaiveRing | null): number | null {
    if (ring) {
      ring.current = (ring.current + 1) % ring.slots.length;
      ring.fromRing = false;
      const slot = ring.slots[ring.current]!;
      if (slot !== null && this.buffers[slot]!.pins === 0 && this.buffers[slot]!.usage <= 1) {
        ring.fromRing = true;
        return slot;
      }
    }
    this.allocations++;
    const buffer = this.fromFreeList() ?? this.fromSweep();
    if (ring && buffer !== null) ring.slots[ring.current] = buffer;
    return buffer;
  }

  private fromFreeList(): number | null {
    for (;;) {
      const buffer = this.free.shift();
      if (buffer === undefined) return null;
      if (this.buffers[buffer]!.pins === 0 && this.buffers[buffer]!.usage === 0) return buffer;
    }
  }

  private fromSweep(): number | null {
    let unchanged = 0;
    for (;;) {
      const buffer = this.hand;
      const descriptor = this.buffers[buffer]!;
      this.hand = (this.hand + 1) % this.buffers.length;
      if (this.hand === 0) this.passes++;
      if (descriptor.pins > 0) {
        unchanged++;
        if (unchanged === this.buffers.length) return null;
      } else if (descriptor.usage > 0) {
        descriptor.usage--;
        unchanged = 0;
      } else return buffer;
    }
  }

  reject(ring: NaiveRing | null, buffer: number): boolean {
    if (!ring?.bulkRead || !ring.fromRing || ring.slots[ring.current] !== buffer) return false;
    ring.slots[ring.current] = null;
    this.buffers[buffer]!.pins--;
    return true;
  }

  /** The buffer that holds the page in the end, or null if the victim was taken. */
  replace(buffer: number, page: string, ring: NaiveRing | null, permanent: boolean): number | null {
    const descriptor = this.buffers[buffer]!;
    const other = this.find(page);
    if (other !== null) {
      descriptor.pins--;
      this.hits++;
      this.pin(other, ring);
      return other;
    }
    if (descriptor.pins !== 1 || descriptor.dirty) {
      descriptor.pins--;
      return null;
    }
    if (descriptor.page !== null) {
      this.mapping.delete(descriptor.page);
      if (descriptor.permanent) this.lsnsOnDisk.set(descriptor.page, descriptor.lsn);
      this.evictions++;
    }
    this.reads++;
    const onDisk = this.lsnsOnDisk.get(page) ?? 0;
    const lsn = onDisk > this.redoLsn ? onDisk : 0;
    this.buffers[buffer] = { ...EMPTY, page, usage: 1, pins: 1, permanent, lsn };
    this.mapping.set(page, buffer);
    return buffer;
  }

  dirty(buffer: number, lsn: number): void {
    const descriptor = this.buffers[buffer]!;
    descriptor.dirty = true;
    descriptor.lsn = Math.max(descriptor.lsn, lsn);
  }

  clean(buffer: number): void {
    this.buffers[buffer]!.dirty = this.buffers[buffer]!.checkpoint = false;
  }

  drop(file: number, blocks: number): number {
    let pinned = 0;
    const isIn = (page: string) => {
      const [itsFile, block] = page.split('/').map(Number);
      return itsFile === file && block! >= blocks;
    };
    for (const page of [...this.lsnsOnDisk.keys()]) if (isIn(page)) this.lsnsOnDisk.delete(page);
    this.buffers.forEach((descriptor, buffer) => {
      if (descriptor.page === null || !isIn(descriptor.page)) return;
      if (descriptor.pins > 0) pinned++;
      else {
        this.mapping.delete(descriptor.page!);
        this.buffers[buffer] = { ...EMPTY };
        if (!this.free.includes(buffer)) this.free.unshift(buffer);
      }
    });
    return pinned;
  }

  markForCheckpoint(): number[] {
    const marked = this.buffers.filter((descriptor) => descriptor.dirty && descriptor.permanent);
    for (const descriptor of marked) descriptor.checkpoint = true;
    return marked
      .map(({ page }) => page!.split('/').map(Number))
      .sort(([file, block], [otherFile, otherBlock]) => file! - otherFile! || block! - otherBlock!)
      .map(([file, block]) => this.mapping.get(`${file}/${block}`)!);
  }
}
