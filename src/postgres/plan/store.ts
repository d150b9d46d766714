/** Rows that a node keeps: of those slots that somebody above wants, which row each had. */
import type { Slots } from './plan-work.ts';

export class Store {
  count = 0;
  private readonly rows: number[] = [];
  private readonly slots: Slots;
  private readonly named: readonly number[];

  constructor(slots: Slots, named: readonly number[]) {
    this.slots = slots;
    this.named = named;
  }

  /** Keeps what is at hand, for so many rows. */
  put(rows: number): void {
    this.count += rows;
    const { named, slots } = this;
    if (named.length === 0) return;
    for (let i = 0; i < rows; i++) for (const slot of named) this.rows.push(slots[slot]!);
  }

  /** Whether each row has to be given by itself. */
  get isNamed(): boolean {
    return this.named.length > 0;
  }

  /** Puts a row that was kept back into its slots, or into those of another. */
  restore(place: number, slots = this.slots): void {
    const { named, rows } = this;
    const first = place * named.length;
    for (let i = 0; i < named.length; i++) slots[named[i]!] = rows[first + i]!;
  }
}
