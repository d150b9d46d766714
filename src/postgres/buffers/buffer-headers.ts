/**
 * What each buffer of the pool says of itself (BufferDesc in buf_internals.h): which page it holds,
 * how often it was used, who has it pinned, whether it is dirty and since which LSN, whether it is
 * being read or written.
 */
import type { Lsn } from '../lsn.ts';
import {
  CHECKPOINT_NEEDED,
  DIRTY,
  HAS_LSN,
  IO_IN_PROGRESS,
  JUST_DIRTIED,
  MAX_USAGE_COUNT,
  ONE_PIN,
  PERMANENT,
  PINS,
  USES,
} from './buffer-state.ts';
import type { Page } from './page.ts';
import type { BufferRing } from './rings.ts';

export class BufferHeaders {
  /** Dirty pages, unlogged ones included. */
  dirty = 0;
  protected pages: Float64Array; // by buffer, plus 1; 0 if there is none
  protected states: Int32Array;
  protected uses: Uint8Array;
  protected lsns: Float64Array;

  /** Of so many buffers, none of which holds a page. */
  constructor(buffers: number) {
    this.pages = new Float64Array(buffers);
    this.states = new Int32Array(buffers);
    this.uses = new Uint8Array(buffers);
    this.lsns = new Float64Array(buffers);
  }

  protected get headerBytes(): number {
    const { pages, states, uses, lsns } = this;
    return pages.byteLength + states.byteLength + uses.byteLength + lsns.byteLength;
  }

  /** More buffers; those that there are stay as they are. */
  protected makeRoom(buffers: number): void {
    const { pages, states, uses, lsns } = this;
    this.pages = new Float64Array(buffers);
    this.states = new Int32Array(buffers);
    this.uses = new Uint8Array(buffers);
    this.lsns = new Float64Array(buffers);
    this.pages.set(pages);
    this.states.set(states);
    this.uses.set(uses);
    this.lsns.set(lsns);
  }

  /** Pins a buffer and counts the use. */
  pin(buffer: number, ring: BufferRing | null = null): void {
    this.use(buffer, ring);
    this.states[buffer]! += ONE_PIN;
  }

  /** A pin more by who has just used the page. */
  keep(buffer: number): void {
    this.states[buffer]! += ONE_PIN;
  }

  unpin(buffer: number): void {
    if ((this.states[buffer]! & PINS) === 0) throw new Error(`buffer ${buffer} is not pinned`);
    this.states[buffer]! -= ONE_PIN;
  }

  /** The page has arrived (or is there, if new): whoever waited for the I/O flag may go on. */
  finishRead(buffer: number): void {
    this.uses[buffer]! &= ~IO_IN_PROGRESS;
  }

  /** A read or a write of it is under way; whoever else wants to do the same waits. */
  ioInProgress(buffer: number): boolean {
    return this.uses[buffer]! >= IO_IN_PROGRESS;
  }

  /** A change of the page, by a WAL record that ends at `lsn`; without one, a hint. */
  markDirty(buffer: number, lsn: Lsn = 0): void {
    if ((this.states[buffer]! & DIRTY) === 0) this.dirty++;
    const former = (this.states[buffer]! & HAS_LSN) !== 0 ? this.lsns[buffer]! : 0;
    this.states[buffer]! |= DIRTY | JUST_DIRTIED;
    if (lsn <= former) return;
    this.states[buffer]! |= HAS_LSN;
    this.lsns[buffer] = lsn;
  }

  /** A write begins; a change from now on leaves the page dirty. */
  startWrite(buffer: number): void {
    this.states[buffer]! &= ~JUST_DIRTIED;
    this.uses[buffer]! |= IO_IN_PROGRESS;
  }

  /** The write is done: true if the page is clean, and done with for the checkpoint. */
  finishWrite(buffer: number): boolean {
    const state = this.states[buffer]!;
    this.uses[buffer]! &= ~IO_IN_PROGRESS;
    const clean = (state & JUST_DIRTIED) === 0;
    if (clean && (state & DIRTY) !== 0) this.dirty--;
    this.states[buffer] = clean ? state & ~(DIRTY | CHECKPOINT_NEEDED) : state;
    return clean;
  }

  /** Written out in one instant. */
  clean(buffer: number): void {
    this.startWrite(buffer);
    this.finishWrite(buffer);
  }

  /** Whether the checkpoint under way must still write it: nobody else has since it began. */
  needsCheckpoint(buffer: number): boolean {
    return (this.states[buffer]! & CHECKPOINT_NEEDED) !== 0;
  }

  pageIn(buffer: number): Page {
    return this.pages[buffer]! - 1;
  }

  isDirty(buffer: number): boolean {
    return (this.states[buffer]! & DIRTY) !== 0;
  }

  /**
   * Up to where WAL must be on disk before the page may be: 0 for unlogged pages, and for pages not
   * changed since the redo pointer that were read since.
   */
  lsnOf(buffer: number): Lsn {
    const needed = PERMANENT | HAS_LSN;
    return (this.states[buffer]! & needed) === needed ? this.lsns[buffer]! : 0;
  }

  isPermanent(buffer: number): boolean {
    return (this.states[buffer]! & PERMANENT) !== 0;
  }

  usageCount(buffer: number): number {
    return this.uses[buffer]! & USES;
  }

  pinCount(buffer: number): number {
    return this.states[buffer]! & PINS;
  }

  /** Unpinned and at 0: the sweep would take it. */
  isReusable(buffer: number): boolean {
    return (this.states[buffer]! & PINS) === 0 && (this.uses[buffer]! & USES) === 0;
  }

  /** PinBuffer: one more up to 5; through a ring, 1 if it was 0. */
  protected use(buffer: number, ring: BufferRing | null): void {
    const uses = this.uses[buffer]! & USES;
    if (ring === null ? uses < MAX_USAGE_COUNT : uses === 0) this.uses[buffer]!++;
  }
}
