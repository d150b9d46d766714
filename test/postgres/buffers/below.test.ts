import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../../src/postgres/buffers/buffer-pool.ts';
import * as hints from '../../../src/postgres/buffers/hint-bits.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import * as prefetch from '../../../src/postgres/buffers/prefetch.ts';
import { ReadAhead } from '../../../src/postgres/buffers/read-ahead.ts';
import { defaultSettings } from '../../../src/postgres/settings.ts';

const VERSIONS = [13, 14, 15, 16, 17, 18];

function prefetchIn(scan: prefetch.ScanKind, version: number): prefetch.Prefetch {
  const { effective, maintenance } = prefetch.defaultConcurrency(version);
  return prefetch.prefetchOf(scan, {
    version,
    effective_io_concurrency: effective,
    maintenance_io_concurrency: maintenance,
    io_combine_limit: 128 * 1024,
  });
}

describe('1.5 below the pool', () => {
  test('writeback hints: checkpointer every 32 pages, bgwriter 64, backends none', () => {
    expect(prefetch.FLUSH_AFTER_PAGES).toEqual({ checkpointer: 32, bgwriter: 64, backend: 0 });
  });

  test('effective_io_concurrency 1, then 16 in 18; maintenance_io_concurrency 10, then 16', () => {
    const defaults = VERSIONS.map(prefetch.defaultConcurrency);
    expect(defaults.map(({ effective }) => effective)).toEqual([1, 1, 1, 1, 1, 16]);
    expect(defaults.map(({ maintenance }) => maintenance)).toEqual([10, 10, 10, 10, 10, 16]);
  });

  test('they are the defaults of the table of settings', () => {
    for (const version of VERSIONS) {
      const { effective_io_concurrency, maintenance_io_concurrency } = defaultSettings(version);
      const { effective, maintenance } = prefetch.defaultConcurrency(version);
      expect(effective_io_concurrency).toBe(effective);
      expect(maintenance_io_concurrency).toBe(maintenance);
    }
  });

  test('io_combine_limit: from 17 on 128 KiB in one read, before a page', () => {
    expect([16, 17, 18].map((version) => prefetchIn('sequential', version).combine)).toEqual([
      1, 16, 16,
    ]);
    expect(prefetchIn('bitmap heap', 17).combine).toBe(1);
  });

  test('18 reads asynchronously with three workers; the submitter waits for its own page', () => {
    expect(prefetch.DEFAULT_IO_WORKERS).toBe(3);
    expect([17, 18].map((version) => prefetchIn('sequential', version).asynchronous)).toEqual([
      false,
      true,
    ]);
    expect(prefetchIn('sequential', 18).concurrency).toBe(16);
    expect(prefetchIn('sequential', 17).concurrency).toBe(1);
  });

  test('where prefetch applies', () => {
    const methods = (scan: prefetch.ScanKind) =>
      VERSIONS.map((version) => prefetch.prefetchMethod(scan, version));
    const [none, advice, stream] = ['none', 'advice', 'read stream'] as const;
    expect(methods('bitmap heap')).toEqual([advice, advice, advice, advice, advice, stream]);
    expect(methods('sequential')).toEqual([none, none, none, none, stream, stream]);
    expect(methods('analyze')).toEqual([none, advice, advice, advice, stream, stream]);
    expect(methods('vacuum heap')).toEqual([none, none, none, none, none, stream]);
    expect(methods('vacuum index')).toEqual(methods('vacuum heap'));
    expect(methods('index')).toEqual(Array(6).fill(none));
    expect(methods('recovery')).toEqual([none, none, advice, advice, advice, advice]);
  });

  test('advice goes to the limit beyond the page at hand; an index scan orders one page', () => {
    expect(prefetchIn('bitmap heap', 15).concurrency).toBe(2);
    expect(prefetchIn('recovery', 15).concurrency).toBe(11);
    expect(prefetchIn('index', 18)).toMatchObject({ concurrency: 1, combine: 1 });
  });

  test('read-ahead of the kernel: 2, 4, 8, 16, 16 pages, not beyond the end, not at random', () => {
    const reader = new ReadAhead(50);
    const asked: [number, number][] = [];
    let until = 0;
    for (let block = 0; block < 50; block++) {
      if (block < until) reader.hit(block);
      else {
        const pages = reader.miss(block);
        asked.push([block, pages]);
        until = block + pages;
      }
    }
    expect(asked).toEqual([
      [0, 2],
      [2, 4],
      [6, 8],
      [14, 16],
      [30, 16],
      [46, 4],
    ]);
    expect([reader.miss(7), reader.miss(31), reader.miss(32)]).toEqual([1, 1, 2]);
  });
});

describe('1.6 hint bits and checksums', () => {
  const settings = { hintsAreLogged: true, inRecovery: false, fullPageWrites: true, redoLsn: 500 };

  /** A clean page whose LSN is as given. */
  function clean(lsn: number, permanent = true): [BufferPool, number] {
    const pool = new BufferPool(16);
    const buffer = pool.allocate(pageOf(1, 0), null, 0, permanent);
    pool.markDirty(buffer, lsn);
    pool.clean(buffer);
    return [pool, buffer];
  }

  test('a SELECT can dirty pages', () => {
    const [pool, buffer] = clean(400);
    expect(hints.hintOutcome(pool, buffer, { ...settings, hintsAreLogged: false })).toBe('dirtied');
  });

  test('with checksums or wal_log_hints: an image, if the clean page is not past the redo', () => {
    const image = 'dirtied with a full page image';
    expect(hints.hintOutcome(...clean(500), settings)).toBe(image);
    expect(hints.hintOutcome(...clean(501), settings)).toBe('dirtied');
    expect(hints.hintOutcome(...clean(500, false), settings)).toBe('dirtied');
    expect(hints.hintOutcome(...clean(500), { ...settings, fullPageWrites: false })).toBe(
      'dirtied',
    );
  });

  test('later hints before the next checkpoint do not: page dirty, then LSN past the redo', () => {
    const [pool, buffer] = clean(400);
    pool.markDirty(buffer, 600); // the image's record
    expect(hints.hintOutcome(pool, buffer, settings)).toBe('nothing');
    pool.clean(buffer);
    expect(hints.hintOutcome(pool, buffer, settings)).toBe('dirtied');
  });

  test('in recovery with checksums or wal_log_hints hints do not dirty the page', () => {
    const standby = { ...settings, inRecovery: true };
    expect(hints.hintOutcome(...clean(400), standby)).toBe('nothing');
    const without = { ...standby, hintsAreLogged: false };
    expect(hints.hintOutcome(...clean(400), without)).toBe('dirtied');
  });

  test('checksums are off by default up to 17 and on from 18', () => {
    expect(VERSIONS.map(hints.checksumsByDefault)).toEqual([
      ...Array<boolean>(5).fill(false),
      true,
    ]);
  });

  test('after an asynchronous commit no hint until its WAL is flushed', () => {
    const [pool, buffer] = clean(400);
    expect(hints.mayHintCommit(pool, buffer, 900, 899)).toBe(false);
    expect(hints.mayHintCommit(pool, buffer, 900, 900)).toBe(true);
    pool.markDirty(buffer, 950); // the page itself waits for the commit's WAL
    expect(hints.mayHintCommit(pool, buffer, 900, 899)).toBe(true);
    expect(hints.mayHintCommit(...clean(0, false), 900, 899)).toBe(true);
  });
});
