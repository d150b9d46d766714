/**
 * The state of a buffer in one word, as in buf_internals.h: 18 bits of pins, 4 of usage count, then
 * flags.
 */

/** BM_MAX_USAGE_COUNT. */
export const MAX_USAGE_COUNT = 5;

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
