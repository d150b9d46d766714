import { describe, expect, it } from 'vitest';
import { commitLatencies } from '../../bench/figures/commit-latency.ts';
import { MICROSECOND, MILLISECOND } from '../../src/kernel/index.ts';

describe('what a commit waits for, one way 1 ms, fsync 0.8 ms here and 0.5 or 3 ms there', () => {
  const latencies = commitLatencies();
  const of = (what: string) => latencies.find((each) => each.what === what)!;
  const over = (a: string, b: string) => of(a).p50 - of(b).p50;

  it.each(latencies)('$what is the closed form, to the microsecond', (latency) => {
    expect(latency.transactions).toBeGreaterThan(500);
    expect(Math.abs(latency.p50 - latency.expected)).toBeLessThanOrEqual(MICROSECOND);
    expect(Math.abs(latency.mean - latency.expected)).toBeLessThanOrEqual(MICROSECOND);
  });

  it('on adds the round trip and the remote fsync to the local one, and processor time', () => {
    const added = over('on, FIRST 1 (pg2)', 'local');
    expect(added).toBeGreaterThan(2.5 * MILLISECOND);
    expect(added).toBeLessThan(2.53 * MILLISECOND);
  });

  it('remote_write adds the round trip alone', () => {
    expect(over('on, FIRST 1 (pg2)', 'remote_write, FIRST 1 (pg2)')).toBe(0.5 * MILLISECOND);
  });

  it('ANY 1 of two follows the faster, ANY 2 and FIRST 2 the slower', () => {
    expect(over('on, ANY 1 (pg2, pg3)', 'on, FIRST 1 (pg2)')).toBe(0);
    expect(over('on, ANY 2 (pg2, pg3)', 'on, FIRST 1 (pg3)')).toBe(0);
    expect(over('on, FIRST 2 (pg2, pg3)', 'on, FIRST 1 (pg3)')).toBe(0);
  });

  it('remote_apply adds the replay', () => {
    const replay = over('remote_apply, FIRST 1 (pg2)', 'on, FIRST 1 (pg2)');
    expect(replay).toBeGreaterThan(8 * MICROSECOND);
    expect(replay).toBeLessThan(11 * MICROSECOND);
  });
});
