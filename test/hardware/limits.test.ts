import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/hardware/limits.ts';
import { Random, SECOND } from '../../src/kernel/index.ts';

interface Request {
  readonly at: number;
  readonly tokens: number;
}

/** The twin: a bucket that is filled drop by drop, every nanosecond, and a queue before it. */
function byDrops(perSecond: number, capacity: number, requests: readonly Request[]): number[] {
  const full = capacity * SECOND; // counted in billionths of a token, hence in whole numbers
  const admitted: number[] = [];
  let level = full;
  for (let now = 0; admitted.length < requests.length; now++) {
    for (;;) {
      const next = requests[admitted.length];
      if (!next || next.at > now || level < Math.min(next.tokens, capacity) * SECOND) break;
      level -= next.tokens * SECOND;
      admitted.push(now);
    }
    level = Math.min(full, level + perSecond);
  }
  return admitted;
}

function byArithmetic(perSecond: number, capacity: number, requests: readonly Request[]): number[] {
  const bucket = new TokenBucket(perSecond, capacity);
  let last = 0;
  return requests.map(({ at, tokens }) => {
    last = bucket.earliest(tokens, Math.max(at, last));
    bucket.take(tokens, last);
    return last;
  });
}

function drawRequests(random: Random, capacity: number, meanGap: number): Request[] {
  let at = 0;
  return Array.from({ length: 40 }, () => {
    at += random.chance(0.3) ? 0 : random.exponential(meanGap);
    return { at, tokens: random.integer(1, random.chance(0.1) ? 2 * capacity : capacity) };
  });
}

describe('a token bucket by arithmetic', () => {
  it('admits at the same nanosecond as one filled drop by drop', () => {
    const random = new Random('twin');
    for (let n = 0; n < 2000; n++) {
      const perSecond = SECOND / random.integer(1, 40); // a whole number of ns between tokens
      const capacity = random.integer(1, 12);
      const meanGap = (random.uniform() * 2 * capacity * SECOND) / perSecond;
      const requests = drawRequests(random, capacity, meanGap);
      if (!Number.isInteger(perSecond)) continue;
      const drops = byDrops(perSecond, capacity, requests);
      expect(byArithmetic(perSecond, capacity, requests)).toEqual(drops);
    }
  });

  it('is at most a nanosecond off where tokens come between nanoseconds', () => {
    const random = new Random('fractions');
    let worst = 0;
    for (let n = 0; n < 2000; n++) {
      const perSecond = random.integer(25_000_000, 900_000_000);
      const capacity = random.integer(1, 12);
      const requests = drawRequests(random, capacity, (8 * SECOND) / perSecond);
      const drops = byDrops(perSecond, capacity, requests);
      byArithmetic(perSecond, capacity, requests).forEach((at, i) => {
        worst = Math.max(worst, Math.abs(at - drops[i]!));
      });
    }
    expect(worst).toBeLessThanOrEqual(1);
  });

  it('sustains its rate exactly, however long', () => {
    const bucket = new TokenBucket(3000, 300);
    const requests = 3_000_300;
    let at = 0;
    for (let i = 0; i < requests; i++) {
      at = bucket.earliest(1, at);
      bucket.take(1, at);
    }
    // 300 at once, then one token each 1/3000 s: the last of them at the 1000th second
    expect(Math.abs(at - 1000 * SECOND)).toBeLessThanOrEqual(1);
  });

  it('saves no more than its capacity', () => {
    const bucket = new TokenBucket(1000, 5);
    bucket.take(5, 0);
    expect(bucket.balance(0)).toBe(0);
    expect(bucket.balance(3_000_000)).toBeCloseTo(3, 9);
    expect(bucket.balance(60 * SECOND)).toBe(5);
  });

  it('lets a request above its capacity through when full, and works off the debt', () => {
    const bucket = new TokenBucket(1000, 4);
    expect(bucket.earliest(10, 0)).toBe(0);
    bucket.take(10, 0);
    expect(bucket.balance(0)).toBe(-6);
    expect(bucket.earliest(1, 0)).toBe(7_000_000);
    bucket.forgive(0);
    expect(bucket.balance(0)).toBe(0);
  });

  it('starts with the share that it is given', () => {
    expect(new TokenBucket(10, 200, 7, 0.25).balance(7)).toBe(50);
    expect(new TokenBucket(10, 200, 7, 0).earliest(1, 7)).toBe(7 + SECOND / 10);
  });

  it('refuses to exist without a rate', () => {
    expect(() => new TokenBucket(0, 1)).toThrow(/rate/);
  });
});
