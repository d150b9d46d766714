import { describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../../src/kernel/index.ts';
import { CheckpointSchedule, NAP } from '../../../src/postgres/checkpoint/pacing.ts';
import { WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';

const SETTINGS = {
  checkpoint_timeout: 300 * SECOND,
  checkpoint_completion_target: 0.9,
  max_wal_size: 64 * WAL_SEGMENT_BYTES,
};

interface Case {
  readonly total: number;
  readonly timeout: number;
  readonly target: number;
  readonly walPerSecond: number;
  readonly startAt?: number;
}

/** The text of 3.3, page by page: how many pages were out at each nap, and when it ended. */
function naive(given: Case) {
  const { total, timeout, target, walPerSecond, startAt = 0 } = given;
  const segments = Math.max(1, Math.floor(64 / (1 + target)));
  const naps: number[] = [];
  let now = startAt;
  for (let done = 1; done <= total; done++) {
    const p = (done / total) * target;
    const wal = (walPerSecond * (now - startAt)) / SECOND;
    if (p < wal / WAL_SEGMENT_BYTES / segments) continue;
    if (p < (now - Math.floor(startAt / SECOND) * SECOND) / timeout) continue;
    naps.push(done);
    now += 100 * MILLISECOND;
  }
  return { naps, end: now - startAt };
}

/** The same by the schedule's own counting, as a checkpoint uses it. */
function scheduled(given: Case) {
  const { total, timeout, target, walPerSecond, startAt = 0 } = given;
  const changed = { checkpoint_timeout: timeout, checkpoint_completion_target: target };
  const schedule = new CheckpointSchedule({ ...SETTINGS, ...changed }, startAt, 0);
  const naps: number[] = [];
  let now = startAt;
  const lsn = () => (walPerSecond * (now - startAt)) / SECOND;
  for (let done = 0; done < total; ) {
    done += schedule.pagesUntilAhead(done, total, now, lsn());
    if (!schedule.isAhead(done, total, now, lsn())) continue;
    naps.push(done);
    now += NAP;
  }
  return { naps, end: now - startAt };
}

describe('pacing (3.3)', () => {
  test.each<Case>([
    { total: 30_000, timeout: 300 * SECOND, target: 0.9, walPerSecond: 0 },
    { total: 94_397, timeout: 30 * SECOND, target: 0.9, walPerSecond: 0 },
    { total: 94_397, timeout: 30 * SECOND, target: 0.9, walPerSecond: 0, startAt: 4.476e9 },
    { total: 20_000, timeout: 300 * SECOND, target: 0.5, walPerSecond: 10e6 },
    { total: 7, timeout: 300 * SECOND, target: 0.9, walPerSecond: 50e6 },
    { total: 1, timeout: 300 * SECOND, target: 0.9, walPerSecond: 0 },
    { total: 5_000, timeout: 300 * SECOND, target: 1, walPerSecond: 3e6 },
    { total: 5_000, timeout: 300 * SECOND, target: 0, walPerSecond: 3e6 },
  ])('burst by burst like the text page by page: %j', (given) => {
    const expected = naive(given);
    expect(scheduled(given)).toEqual(expected);
    expect(expected.naps.length).toBeGreaterThan(0);
  });

  test('each nap makes room for total x 0.1 s / (timeout x target) pages', () => {
    const { naps, end } = scheduled({
      ...{ total: 27_000, timeout: 300 * SECOND, target: 0.9, walPerSecond: 0 },
    });
    expect(naps.slice(0, 3)).toEqual([1, 10, 20]);
    expect(naps).toHaveLength(2701);
    expect(end).toBe(270_100 * MILLISECOND);
  });

  test('at least 10 pages a second: N pages last at most N / 10 s', () => {
    const { end } = scheduled({
      ...{ total: 600, timeout: 3600 * SECOND, target: 0.9, walPerSecond: 0 },
    });
    expect(end).toBe(60 * SECOND);
  });

  test('when WAL drives it, the writer runs at N x rate / (segments x 16 MiB x target)', () => {
    const rate = 20 * WAL_SEGMENT_BYTES;
    const { end } = scheduled({
      ...{ total: 50_000, timeout: 300 * SECOND, target: 0.9, walPerSecond: rate },
    });
    expect(end / SECOND).toBeCloseTo((33 * 0.9) / 20, 0);
    expect(Math.abs(end - ((33 * 0.9) / 20) * SECOND)).toBeLessThanOrEqual(NAP);
  });

  test('the start counts in whole seconds: measured 26.524 s of 27 (V5)', () => {
    const given = { total: 94_397, timeout: 30 * SECOND, target: 0.9, walPerSecond: 0 };
    const { end } = scheduled({ ...given, startAt: 12.476e9 });
    expect(Math.abs(end - 26.524e9)).toBeLessThanOrEqual(NAP);
  });
});
