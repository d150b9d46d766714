/**
 * Pages. Postgres names a page by tablespace, database, relation file, fork and block; here each
 * fork of each relation file has one number, and a page is one number below 2^53.
 */

/** BLCKSZ. */
export const PAGE_BYTES = 8192;
/** RELSEG_SIZE: blocks in one file of the file system, 1 GB. */
export const SEGMENT_BLOCKS = 131_072;
/** NUM_BUFFER_PARTITIONS (lwlock.h): mapping locks, shared on a hit, exclusive on a replacement. */
export const MAPPING_PARTITIONS = 128;

const BLOCKS = 0x1_0000_0000;
/** A power of two: to multiply by it is exact, and faster than to divide. */
const IN_FILES = 1 / BLOCKS;

/** Relation file number times 2^32, plus the block. File numbers are below 2^21. */
export type Page = number;

/** What a buffer holds that holds no page. */
export const NO_PAGE: Page = -1;

export function pageOf(file: number, block: number): Page {
  return file * BLOCKS + block;
}

export function fileOf(page: Page): number {
  return Math.floor(page * IN_FILES);
}

/** ToUint32 is the remainder by 2^32, and exact below 2^53. */
export function blockOf(page: Page): number {
  return page >>> 0;
}

/** 32 bits in which every bit of file and block counts (xorshift and multiply, three rounds). */
export function hashOf(file: number, block: number): number {
  let h = Math.imul(block, 0x9e3779b1) ^ Math.imul(file + 0x7f4a7c15, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return h ^ (h >>> 15);
}

/** The mapping lock of a page, from 0 to 127. */
export function mappingPartition(page: Page): number {
  return (hashOf(fileOf(page), blockOf(page)) >>> 0) % MAPPING_PARTITIONS;
}
