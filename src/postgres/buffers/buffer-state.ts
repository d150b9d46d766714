/**
 * The state of a buffer, as in buf_internals.h, but in two words: what every look at a page reads
 * and counts is a byte (two million of them stay in the processor's caches), pins and flags are
 * beside it.
 */

/** BM_MAX_USAGE_COUNT. */
export const MAX_USAGE_COUNT = 5;

/** The byte: the usage count, and whether a read or a write is under way. */
export const USES = 7;
export const IO_IN_PROGRESS = 1 << 7;

/** The word: 18 bits of pins, then flags. */
export const ONE_PIN = 1;
export const PINS = (1 << 18) - 1;
export const DIRTY = 1 << 22;
export const JUST_DIRTIED = 1 << 23;
export const CHECKPOINT_NEEDED = 1 << 25;
export const PERMANENT = 1 << 26;
/** The page has an LSN above 0; without it the LSN's own array is not looked at. */
export const HAS_LSN = 1 << 27;
