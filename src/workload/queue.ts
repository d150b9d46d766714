/** A first-in-first-out queue of objects, a ring that grows by doubling. */
export class Queue<T> {
  private items: (T | undefined)[] = new Array(16);
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(item: T): void {
    if (this.count === this.items.length) this.grow();
    this.items[(this.head + this.count++) & (this.items.length - 1)] = item;
  }

  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & (this.items.length - 1);
    this.count--;
    return item;
  }

  private grow(): void {
    const { items, head } = this;
    this.items = new Array(2 * items.length);
    for (let i = 0; i < items.length; i++) this.items[i] = items[(head + i) & (items.length - 1)];
    this.head = 0;
  }
}
