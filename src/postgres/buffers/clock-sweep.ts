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
import { PINS, USES } from './buffer-state.ts';
import type { Page } from './page.ts';
import type { BufferRing } from './rings.ts';
import type { SweptRange } from './sampled-sweep.ts';

/** In the list's links: 0, the end of the list, or the next buffer plus 2. */
const NOT_IN_LIST = 0;
const END_OF_LIST = 1;
const FIRST_LINK = 2;

const NONE = -1;

export class ClockSweep {
  /** The next buffer that the sweep will look at, and how often it has gone round. */
  hand = 0;
  passes = 0;
  /** Called once, at the next allocation that is no reuse by a ring: it wakes the bgwriter. */
  onAllocation: (() => void) | null = null;
  private allocations = 0;
  private firstFree = END_OF_LIST;
  private nextFree: Int32Array;
  /** Buffers from here on have never been used; they are free, behind the others in the list. */
  private firstUnused = 0;
  private states: Int32Array;
  private uses: Uint8Array;
  private readonly size: number;

  /** Over the states of so many buffers, of which only those ever used need be there. */
  constructor(states: Int32Array, uses: Uint8Array, size = states.length) {
    this.states = states;
    this.uses = uses;
    this.size = size;
    this.nextFree = new Int32Array(states.length);
  }

  /** The states have moved to where there is room for more. */
  moveTo(states: Int32Array, uses: Uint8Array): void {
    const { nextFree } = this;
    this.states = states;
    this.uses = uses;
    this.nextFree = new Int32Array(states.length);
    this.nextFree.set(nextFree);
  }

  get bytes(): number {
    return this.nextFree.byteLength;
  }

  /** A new pool: the hand at the first buffer, and all from `used` on in the free list. */
  reset(used: number): void {
    this.nextFree.fill(NOT_IN_LIST);
    this.firstFree = END_OF_LIST;
    this.firstUnused = used;
    this.hand = this.passes = this.allocations = 0;
  }

  /** How many buffers have ever held a page. */
  get everUsed(): number {
    return this.firstUnused;
  }

  /** All its buffers have one hand. */
  get ranges(): readonly SweptRange[] {
    return [{ from: 0, size: this.size, sweep: this }];
  }

  /** StrategyGetBuffer: a buffer that is unpinned, or -1 after a round without any change. */
  victim(ring: BufferRing | null, _page: Page): number {
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

  /** StrategyRejectBuffer: a bulk read lets the victim go out of its ring, if it was in there. */
  reject(ring: BufferRing, buffer: number): boolean {
    if (!ring.currentWasInRing || ring.buffers[ring.current] !== buffer) return false;
    ring.buffers[ring.current] = -1;
    return true;
  }

  /** StrategyFreeBuffer: to the head of the free list, if it is not in there still. */
  free(buffer: number): void {
    if (this.nextFree[buffer] !== NOT_IN_LIST) return;
    this.nextFree[buffer] = this.firstFree;
    this.firstFree = buffer + FIRST_LINK;
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
    if ((this.states[buffer]! & PINS) !== 0 || (this.uses[buffer]! & USES) > 1) return NONE;
    ring.currentWasInRing = true;
    return buffer;
  }

  /** A buffer of the free list that is still free; others have been found by the sweep since. */
  private takeFree(): number {
    while (this.firstFree !== END_OF_LIST) {
      const buffer = this.firstFree - FIRST_LINK;
      this.firstFree = this.nextFree[buffer]!;
      this.nextFree[buffer] = NOT_IN_LIST;
      if ((this.states[buffer]! & PINS) === 0 && (this.uses[buffer]! & USES) === 0) return buffer;
    }
    return this.firstUnused < this.size ? this.firstUnused++ : NONE;
  }

  private sweep(): number {
    const { states, uses, size } = this;
    let next = this.hand;
    let victim = NONE;
    for (let left = size; left > 0 && victim === NONE; ) {
      if ((states[next]! & PINS) !== 0) left--;
      else if ((uses[next]! & USES) === 0) victim = next;
      else {
        uses[next]!--;
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
