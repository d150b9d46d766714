/** A first-in-first-out queue of small integers that grows by doubling. */
export class Ring {
  private items = new Int32Array(64);
  private head = 0;
  private tail = 0;

  get length(): number {
    return this.tail - this.head;
  }

  push(item: number): void {
    if (this.length === this.items.length) this.grow();
    this.items[this.tail++ & (this.items.length - 1)] = item;
  }

  /** Not when empty. */
  shift(): number {
    const item = this.items[this.head++ & (this.items.length - 1)]!;
    if (this.head === this.tail) this.head = this.tail = 0; // keeps the counters small
    return item;
  }

  includes(item: number): boolean {
    for (let i = this.head; i < this.tail; i++) {
      if (this.items[i & (this.items.length - 1)] === item) return true;
    }
    return false;
  }

  replace(item: number, by: number): void {
    for (let i = this.head; i < this.tail; i++) {
      const at = i & (this.items.length - 1);
      if (this.items[at] === item) this.items[at] = by;
    }
  }

  private grow(): void {
    const longer = new Int32Array(2 * this.items.length);
    const count = this.length;
    for (let i = 0; i < count; i++) longer[i] = this.items[(this.head + i) & (count - 1)]!;
    this.items = longer;
    this.head = 0;
    this.tail = count;
  }
}
