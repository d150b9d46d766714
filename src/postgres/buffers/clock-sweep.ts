/**
 * Which buffer goes next: the slot of a ring, the free list, the clock sweep (freelist.c).
 *
 * The hand goes round the buffers. One that is pinned is passed over, one with a usage count loses
 * one of it, one that is unpinned and at 0 is the victim; so a page that was used five times
 * survives five rounds, and the hand moves only when somebody needs a buffer. The free list is
 * where all buffers are at first; later only those of dropped relations come back to it.
 *
 * Kept: all of it, to the order in which buffers go. Left out: the strategy's spinlock.
 */
import {
  END_OF_LIST,
  FREE_NEXT,
  NOT_IN_LIST,
  ONE_USE,
  PINS,
  STATE,
  stateAt,
  USES,
} from './descriptors.ts';
import { RECORD_SHIFT } from './page-table.ts';
import type { BufferRing } from './rings.ts';

const NONE = -1;

export class ClockSweep {
  /** The next buffer that the sweep will look at, and how often it has gone round. */
  hand = 0;
  passes = 0;
  /** Called once, at the next allocation that is no reuse by a ring: it wakes the bgwriter. */
  onAllocation: (() => void) | null = null;
  private allocations = 0;
  private firstFree = END_OF_LIST;
  private readonly words: Int32Array;
  private readonly size: number;

  /** Over an array of descriptors. */
  constructor(words: Int32Array) {
    this.words = words;
    this.size = words.length >> RECORD_SHIFT;
  }

  /** A new pool: the hand at the first buffer, and all from `used` on in the free list. */
  reset(used: number): void {
    for (let buffer = 0; buffer < this.size; buffer++) {
      const next = buffer + 1 < this.size ? buffer + 1 : END_OF_LIST;
      this.words[(buffer << RECORD_SHIFT) + FREE_NEXT] = buffer < used ? NOT_IN_LIST : next;
    }
    this.firstFree = used < this.size ? used : END_OF_LIST;
    this.hand = this.passes = this.allocations = 0;
  }

  /** StrategyGetBuffer: a buffer that is unpinned, or -1 after a round without any change. */
  victim(ring: BufferRing | null): number {
    const reused = ring === null ? NONE : this.reuse(ring);
    if (reused !== NONE) return reused;
    this.onAllocation?.();
    this.onAllocation = null;
    this.allocations++;
    let buffer = this.takeFree();
    if (buffer === NONE) buffer = this.sweep();
    if (ring && buffer !== NONE) ring.buffers[ring.current] = buffer;
    return buffer;
  }

  /** StrategyFreeBuffer: to the head of the free list, if it is not in there still. */
  free(buffer: number): void {
    const at = (buffer << RECORD_SHIFT) + FREE_NEXT;
    if (this.words[at] !== NOT_IN_LIST) return;
    this.words[at] = this.firstFree;
    this.firstFree = buffer;
  }

  /** Allocations since this was last asked, reuses by rings not counted (StrategySyncStart). */
  takeAllocations(): number {
    const count = this.allocations;
    this.allocations = 0;
    return count;
  }

  /** The ring's next buffer, unless somebody else has taken to it (GetBufferFromRing). */
  private reuse(ring: BufferRing): number {
    const buffer = ring.advance();
    ring.currentWasInRing = false;
    if (buffer === NONE) return NONE;
    const state = this.words[stateAt(buffer)]!;
    if ((state & PINS) !== 0 || (state & USES) > ONE_USE) return NONE;
    ring.currentWasInRing = true;
    return buffer;
  }

  /** A buffer of the free list that is still free; others have been found by the sweep since. */
  private takeFree(): number {
    while (this.firstFree !== END_OF_LIST) {
      const buffer = this.firstFree;
      const at = buffer << RECORD_SHIFT;
      this.firstFree = this.words[at + FREE_NEXT]!;
      this.words[at + FREE_NEXT] = NOT_IN_LIST;
      if ((this.words[at + STATE]! & (PINS | USES)) === 0) return buffer;
    }
    return NONE;
  }

  private sweep(): number {
    const { words, size } = this;
    let next = this.hand;
    let victim = NONE;
    for (let left = size; left > 0 && victim === NONE; ) {
      const at = (next << RECORD_SHIFT) + STATE;
      const state = words[at]!;
      if ((state & PINS) !== 0) left--;
      else if ((state & USES) === 0) victim = next;
      else {
        words[at] = state - ONE_USE;
        left = size;
      }
      if (++next === size) {
        next = 0;
        this.passes++;
      }
    }
    this.hand = next;
    return victim;
  }
}
