import type { Nanoseconds } from '../kernel/index.ts';

/**
 * The requests that a device has promised and not yet finished, with the end and the length of
 * their service: what tells service received from service promised. Finished ones are forgotten
 * when the oldest is, so that a request costs a constant time.
 */
export class Outstanding {
  private ends = new Float64Array(16);
  private services = new Float64Array(16);
  private first = 0;
  private length = 0;

  push(now: Nanoseconds, end: Nanoseconds, service: Nanoseconds): void {
    const mask = this.ends.length - 1;
    while (this.length > 0 && this.ends[this.first]! <= now) {
      this.first = (this.first + 1) & mask;
      this.length--;
    }
    if (this.length === this.ends.length) this.grow();
    const at = (this.first + this.length++) & (this.ends.length - 1);
    this.ends[at] = end;
    this.services[at] = service;
  }

  /** How many are not finished. */
  count(now: Nanoseconds): number {
    let count = 0;
    for (let i = 0; i < this.length; i++) if (this.ends[this.place(i)]! > now) count++;
    return count;
  }

  /** Service that was promised and lies in the future. */
  future(now: Nanoseconds): Nanoseconds {
    let sum = 0;
    for (let i = 0; i < this.length; i++) {
      const left = this.ends[this.place(i)]! - now;
      if (left > 0) sum += Math.min(left, this.services[this.place(i)]!);
    }
    return sum;
  }

  clear(): void {
    this.length = 0;
  }

  private place(i: number): number {
    return (this.first + i) & (this.ends.length - 1);
  }

  private grow(): void {
    const ends = new Float64Array(2 * this.ends.length);
    const services = new Float64Array(2 * this.ends.length);
    for (let i = 0; i < this.length; i++) {
      ends[i] = this.ends[this.place(i)]!;
      services[i] = this.services[this.place(i)]!;
    }
    this.first = 0;
    this.ends = ends;
    this.services = services;
  }
}
