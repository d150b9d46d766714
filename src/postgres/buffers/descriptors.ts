/**
 * The descriptor of a buffer: four words, so that a hit touches one cache line of it. File and
 * block come first, as PageTable wants them; then the state in one word, as in buf_internals.h: 18
 * bits of pins, 4 of usage count, then flags; then the next buffer in the free list.
 */
import { RECORD_SHIFT } from './page-table.ts';

/** BM_MAX_USAGE_COUNT. */
export const MAX_USAGE_COUNT = 5;

export const STATE = 2;
export const FREE_NEXT = 3;

/** In FREE_NEXT, beside a buffer's number. */
export const NOT_IN_LIST = -2;
export const END_OF_LIST = -1;

export const ONE_PIN = 1;
export const PINS = (1 << 18) - 1;
export const ONE_USE = 1 << 18;
export const USES = 15 * ONE_USE;
export const MOST_USES = MAX_USAGE_COUNT * ONE_USE;
export const DIRTY = 1 << 22;
export const JUST_DIRTIED = 1 << 23;
export const IO_IN_PROGRESS = 1 << 24;
export const CHECKPOINT_NEEDED = 1 << 25;
export const PERMANENT = 1 << 26;
/** The page has an LSN above 0; without it the LSN's own array is not looked at. */
export const HAS_LSN = 1 << 27;

/** Where the state of a buffer stands in the array of descriptors. */
export function stateAt(buffer: number): number {
  return (buffer << RECORD_SHIFT) + STATE;
}
