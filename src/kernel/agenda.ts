import type { Nanoseconds } from './time.ts';

const BUCKETS_PER_LEVEL = 256;
const LEVELS = 7; // 7 bytes hold every whole number that a double holds exactly, below 2^53
const NONE = -1;
const IN_HIGH_WORD = 1 / 0x1_0000_0000;

/**
 * The instants at which processes go on, earliest first; equal instants in the order of entry.
 *
 * A radix wheel, base 256. Simulated time only moves forward, so an instant belongs in the bucket
 * named by the highest byte in which it differs from the clock. When the buckets below are empty,
 * the first bucket above is dealt out again relative to its own earliest instant, each entry at
 * most seven times in its life. Entries of one instant always share a bucket, and a bucket is
 * first in, first out: that keeps their order without a sequence number.
 *
 * A process has at most one pending instant, so an entry needs no object: it is the process's
 * small number, linked into its bucket both ways so that it can be taken out again at once.
 */
export class Agenda {
  /** The instant of the entry removed last: the clock. */
  now: Nanoseconds = 0;
  size = 0;

  private instant: Float64Array;
  private next: Int32Array;
  private previous: Int32Array;
  private bucketOf: Int32Array;
  private readonly head = new Int32Array(LEVELS * BUCKETS_PER_LEVEL).fill(NONE);
  private readonly tail = new Int32Array(LEVELS * BUCKETS_PER_LEVEL).fill(NONE);
  /** Which buckets hold something: one bit each, in words of 32, eight words a level ... */
  private readonly occupied = new Int32Array((LEVELS * BUCKETS_PER_LEVEL) / 32);
  /** ... which of a level's words are not zero, and which levels have any. */
  private readonly occupiedWords = new Int32Array(LEVELS);
  private occupiedLevels = 0;
  private nowLow = 0;
  private nowHigh = 0;

  constructor(capacity = 1024) {
    this.instant = new Float64Array(capacity);
    this.next = new Int32Array(capacity);
    this.previous = new Int32Array(capacity);
    this.bucketOf = new Int32Array(capacity).fill(NONE);
  }

  /**
   * Enters a process that is not pending, at a whole instant that is not past.
   * Throws a RangeError otherwise: the order of all that follows would be wrong without a sign.
   */
  enter(instant: Nanoseconds, process: number): void {
    if (process >= this.instant.length) this.grow(process);
    if (
      !(instant >= this.now && instant <= Number.MAX_SAFE_INTEGER) ||
      instant !== Math.floor(instant) ||
      this.bucketOf[process] !== NONE
    ) {
      this.refuse(instant, process);
    }
    this.instant[process] = instant;
    this.size++;
    this.place(instant, process);
  }

  private refuse(instant: Nanoseconds, process: number): never {
    const reason = this.isPending(process)
      ? `it is pending already, at ${this.instant[process]}`
      : `an instant is a whole number from now (${this.now}) to 2^53 - 1`;
    throw new RangeError(`process ${process} cannot go on at ${instant}: ${reason}`);
  }

  isPending(process: number): boolean {
    return process < this.bucketOf.length && this.bucketOf[process] !== NONE;
  }

  /** The instant at which a pending process goes on. */
  instantOf(process: number): Nanoseconds {
    return this.instant[process]!;
  }

  /** Takes a process out again, if it is pending. */
  remove(process: number): void {
    if (!this.isPending(process)) return;
    const bucket = this.bucketOf[process]!;
    const before = this.previous[process]!;
    const after = this.next[process]!;
    if (before === NONE) this.head[bucket] = after;
    else this.next[before] = after;
    if (after === NONE) this.tail[bucket] = before;
    else this.previous[after] = before;
    this.bucketOf[process] = NONE;
    this.size--;
    if (this.head[bucket] === NONE) this.markEmpty(bucket);
  }

  /** Removes and returns the first process and moves the clock to its instant. Not when empty. */
  removeFirst(): number {
    const bucket = this.firstBucket();
    const first = this.head[bucket]!;
    const second = this.next[first]!;
    if (bucket < BUCKETS_PER_LEVEL || second === NONE) {
      this.unlinkHead(bucket, second);
      this.moveClock(this.instant[first]!);
    } else {
      this.dealOut(bucket);
      return this.removeFirst();
    }
    this.bucketOf[first] = NONE;
    this.size--;
    return first;
  }

  private unlinkHead(bucket: number, second: number): void {
    this.head[bucket] = second;
    if (second === NONE) {
      this.tail[bucket] = NONE;
      this.markEmpty(bucket);
    } else this.previous[second] = NONE;
  }

  /** Moves the clock to the earliest instant of a bucket, whose entries then find closer places. */
  private dealOut(bucket: number): void {
    const { instant, next } = this;
    let earliest = instant[this.head[bucket]!]!;
    for (let p = this.head[bucket]!; p !== NONE; p = next[p]!) {
      if (instant[p]! < earliest) earliest = instant[p]!;
    }
    let process = this.head[bucket]!;
    this.head[bucket] = NONE;
    this.tail[bucket] = NONE;
    this.markEmpty(bucket);
    this.moveClock(earliest);
    while (process !== NONE) {
      const following = next[process]!;
      this.place(instant[process]!, process);
      process = following;
    }
  }

  private moveClock(instant: Nanoseconds): void {
    this.now = instant;
    this.nowLow = instant | 0;
    this.nowHigh = (instant * IN_HIGH_WORD) | 0;
  }

  private place(instant: Nanoseconds, process: number): void {
    const low = instant | 0;
    const high = (instant * IN_HIGH_WORD) | 0;
    const differenceHigh = high ^ this.nowHigh;
    let bucket: number;
    if (differenceHigh === 0) {
      const level = (31 - Math.clz32((low ^ this.nowLow) | 1)) >> 3;
      bucket = (level << 8) | ((low >>> (level << 3)) & 255);
    } else {
      const level = (31 - Math.clz32(differenceHigh)) >> 3;
      bucket = ((level + 4) << 8) | ((high >>> (level << 3)) & 255);
    }
    const last = this.tail[bucket]!;
    this.next[process] = NONE;
    this.previous[process] = last;
    this.bucketOf[process] = bucket;
    this.tail[bucket] = process;
    if (last === NONE) {
      this.head[bucket] = process;
      this.markOccupied(bucket);
    } else this.next[last] = process;
  }

  private firstBucket(): number {
    const level = lowestBit(this.occupiedLevels);
    const word = (level << 3) | lowestBit(this.occupiedWords[level]!);
    return (word << 5) | lowestBit(this.occupied[word]!);
  }

  private markOccupied(bucket: number): void {
    const level = bucket >> 8;
    this.occupied[bucket >> 5]! |= 1 << (bucket & 31);
    this.occupiedWords[level]! |= 1 << ((bucket >> 5) & 7);
    this.occupiedLevels |= 1 << level;
  }

  private markEmpty(bucket: number): void {
    const word = bucket >> 5;
    const level = bucket >> 8;
    this.occupied[word]! &= ~(1 << (bucket & 31));
    if (this.occupied[word] !== 0) return;
    this.occupiedWords[level]! &= ~(1 << (word & 7));
    if (this.occupiedWords[level] === 0) this.occupiedLevels &= ~(1 << level);
  }

  private grow(process: number): void {
    const capacity = Math.max(2 * this.instant.length, process + 1);
    const longer = <T extends Float64Array | Int32Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.instant = longer(new Float64Array(capacity), this.instant);
    this.next = longer(new Int32Array(capacity), this.next);
    this.previous = longer(new Int32Array(capacity), this.previous);
    this.bucketOf = longer(new Int32Array(capacity).fill(NONE), this.bucketOf);
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
