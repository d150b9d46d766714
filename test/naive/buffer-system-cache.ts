/** Linux's two lists of file pages with arrays, heads first: slow and plain. */
interface CachedPage {
  readonly page: number;
  referenced: boolean;
  dirty: boolean;
  reclaim: boolean;
}

export class NaiveSystemCache {
  active: CachedPage[] = [];
  inactive: CachedPage[] = [];
  private age = 0;
  private evicted: { page: number; age: number }[] = [];
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  read(page: number): boolean {
    const found = this.find(page);
    this.accessed(found ?? this.bringIn(page));
    return found !== undefined;
  }

  write(page: number): void {
    (this.find(page) ?? this.bringIn(page)).dirty = true;
  }

  /** Writes back the dirty pages of some: the ones that reclaim met go to the inactive tail. */
  writeBack(chosen: (page: number) => boolean): number[] {
    const dirty = [...this.active, ...this.inactive]
      .filter((cached) => cached.dirty && chosen(cached.page))
      .sort((a, b) => a.page - b.page);
    for (const cached of dirty) {
      cached.dirty = false;
      if (!cached.reclaim) continue;
      this.takeOut(cached);
      cached.reclaim = cached.referenced = false;
      this.inactive.push(cached);
    }
    return dirty.map(({ page }) => page);
  }

  private find(page: number): CachedPage | undefined {
    return [...this.active, ...this.inactive].find((cached) => cached.page === page);
  }

  private accessed(cached: CachedPage): void {
    if (!cached.referenced) cached.referenced = true;
    else if (this.inactive.includes(cached)) {
      this.takeOut(cached);
      cached.referenced = cached.reclaim = false;
      this.active.unshift(cached);
      this.age++;
    }
  }

  private bringIn(page: number): CachedPage {
    if (this.active.length + this.inactive.length === this.capacity) this.reclaim();
    const shadow = this.evicted.find((old) => old.page === page);
    this.evicted = this.evicted.filter((old) => old !== shadow);
    const cached = { page, referenced: false, dirty: false, reclaim: false };
    if (shadow && this.age - shadow.age <= this.active.length) {
      this.active.unshift(cached);
      this.age++;
    } else this.inactive.unshift(cached);
    return cached;
  }

  private reclaim(): void {
    for (;;) {
      while (this.inactive.length < this.active.length) this.inactive.unshift(this.active.pop()!);
      const last = this.inactive.pop()!;
      if (!last.dirty) {
        this.evicted.push({ page: last.page, age: this.age++ });
        return;
      }
      last.reclaim = true;
      last.referenced = false;
      this.active.unshift(last);
    }
  }

  private takeOut(cached: CachedPage): void {
    this.active = this.active.filter((other) => other !== cached);
    this.inactive = this.inactive.filter((other) => other !== cached);
  }
}
