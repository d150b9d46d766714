import { describe, expect, test } from 'vitest';
import { toDistribution } from '../../src/scenario/index.ts';
import { naturalCompare } from '../../src/scenario/natural.ts';
import { editDistance, nearest } from '../../src/scenario/suggest.ts';
import {
  parseBandwidth,
  parseCount,
  parseDuration,
  parseFraction,
  parseRate,
  parseSize,
  parseThroughput,
} from '../../src/scenario/units.ts';
import { formatMoment, parseMoment, parseStep, stepsAfter } from '../../src/workload/calendar.ts';
import { load, minimal, problems } from './support.ts';

const value = <T>(parsed: { ok: boolean; value?: T }) => (parsed.ok ? parsed.value : undefined);

describe('quantities', () => {
  test.each([
    ['200ms', 200e6],
    ['0.2ms', 200e3],
    ['30s', 30e9],
    ['5min', 300e9],
    ['2h', 7200e9],
    ['15us', 15e3],
    ['1d', 86_400e9],
    ['119.9s', 119.9e9],
    [' 3 min ', 180e9],
    [0, 0],
  ])('the duration %s is %d ns', (text, expected) => {
    expect(value(parseDuration(text))).toBe(expected);
  });

  test.each([
    ['8GB', 8 * 1024 ** 3],
    ['500MB', 500 * 1024 ** 2],
    ['16kB', 16384],
    ['100B', 100],
    ['1.5TB', 1.5 * 1024 ** 4],
  ])('the size %s is %d bytes', (text, expected) => {
    expect(value(parseSize(text))).toBe(expected);
  });

  test('rates, bandwidths, throughputs, shares and counts', () => {
    expect(value(parseRate('1500/s'))).toBe(1500);
    expect(value(parseRate('2k/s'))).toBe(2000);
    expect(value(parseRate('30/min'))).toBe(0.5);
    expect(value(parseBandwidth('10Gbit'))).toBe(10e9);
    expect(value(parseBandwidth('1MB/s'))).toBe(8 * 1024 * 1024);
    expect(value(parseThroughput('500MB/s'))).toBe(500 * 1024 * 1024);
    expect(value(parseFraction('20%'))).toBe(0.2);
    expect(value(parseFraction(0.5))).toBe(0.5);
    expect(value(parseCount('200M'))).toBe(200e6);
    expect(value(parseCount('1.5k'))).toBe(1500);
    expect(value(parseCount('2B'))).toBe(2e9);
  });

  test.each([
    ['a duration without a unit', 'duration: 60', 'a duration needs a unit, as in 30s'],
    ['a unit of something else', 'duration: 60GB', '"GB" is no unit of a duration'],
    ['a long name of a unit', 'duration: 3 minutes', 'did you mean 3min?'],
    ['a negative duration', 'duration: -3s', 'a duration cannot be negative'],
    ['more than the clock holds', 'duration: 105d', 'is longer than the 104 days of the clock'],
    ['no number at all', 'duration: .inf', 'is not a duration'],
  ])('%s is refused', (_, line, why) => {
    expect(problems(minimal(line))).toEqual([expect.stringContaining(why)]);
    expect(problems(minimal(line))[0]).toMatch(/^x\.yaml:3:11: /);
  });
});

describe('a time can be a distribution', () => {
  const rtt = (text: string) =>
    load(minimal(`network: {zones: {a: x}, rtt: {same-zone: ${text}}}`)).scenario.network.paths.get(
      'a~a',
    )!.rtt;

  test('log-normal, exponential, uniform, empirical, constant', () => {
    const logNormal = rtt('{median: 1ms, p99: 1.8ms}');
    expect(logNormal).toEqual({ kind: 'log-normal', median: 1e6, p99: 1.8e6 });
    expect(toDistribution(logNormal).quantile(0.99)).toBeCloseTo(1.8e6, -2);
    expect(toDistribution(logNormal).quantile(0.5)).toBeCloseTo(1e6, -2);
    expect(rtt('{mean: 5ms}')).toEqual({ kind: 'exponential', mean: 5e6 });
    expect(rtt('{min: 1ms, max: 2ms}')).toEqual({ kind: 'uniform', min: 1e6, max: 2e6 });
    const empirical = rtt('{samples: [3ms, 1ms, 2ms]}');
    expect(empirical).toEqual({ kind: 'empirical', samples: [1e6, 2e6, 3e6] });
    expect(toDistribution(empirical).mean).toBe(2e6);
    expect(rtt('5ms')).toEqual({ kind: 'constant', value: 5e6 });
  });

  test.each([
    ['{median: 2ms, p99: 1ms}', 'the p99 lies below the median'],
    ['{min: 2ms, max: 1ms}', 'the max lies below the min'],
    ['{median: 2ms}', 'a distribution is {median, p99}'],
    ['{median: 1ms, p99: 2ms, mean: 1ms}', 'and no mixture'],
    ['{meen: 1ms}', 'did you mean mean?'],
    ['{mean: 1}', 'a duration needs a unit'],
    ['[1ms]', 'is not a duration'],
  ])('%s is refused', (text, why) => {
    const line = `network: {zones: {a: x}, rtt: {same-zone: ${text}}}`;
    expect(problems(minimal(line)).join()).toContain(why);
  });
});

describe('calendar steps are UTC', () => {
  test('every day of four centuries agrees with the built-in calendar', () => {
    const from = parseMoment('1999-12-31');
    const day = parseStep('1 day');
    if (!from.ok || !day.ok) throw new Error('does not parse');
    for (let i = 0; i < 146_097; i += 17) {
      const date = new Date(Date.UTC(1999, 11, 31 + i)).toISOString().slice(0, 10);
      expect(formatMoment(stepsAfter(from.value, day.value, i))).toBe(date);
    }
  });

  test('a month after the 31st ends on the last day, as interval arithmetic has it', () => {
    const from = parseMoment('2024-01-31');
    const month = parseStep('1 month');
    if (!from.ok || !month.ok) throw new Error('does not parse');
    const days = [1, 2, 3, 13].map((times) =>
      formatMoment(stepsAfter(from.value, month.value, times)),
    );
    expect(days).toEqual(['2024-02-29', '2024-03-31', '2024-04-30', '2025-02-28']);
  });

  test('what is no date is refused', () => {
    for (const text of ['2024-02-30', '2024-13-01', 'yesterday', '2024-1-1', '2024-01-01 25:00'])
      expect(parseMoment(text).ok).toBe(false);
  });
});

describe('natural order and nearest names', () => {
  test('pg2 stands before pg10, and order is total', () => {
    const names = ['pg10', 'pg2', 'pg1', 'pg', 'pg01', 'a', 'pg2-1', 'pg2-10', 'pg2-9', 'B'];
    const sorted = [...names].sort(naturalCompare);
    expect(sorted).toEqual([
      'B',
      'a',
      'pg',
      'pg01',
      'pg1',
      'pg2',
      'pg2-1',
      'pg2-9',
      'pg2-10',
      'pg10',
    ]);
    for (const a of names)
      for (const b of names)
        expect(Math.sign(naturalCompare(a, b))).toBe(-Math.sign(naturalCompare(b, a)) + 0);
  });

  test('edit distance against the definition', () => {
    const naive = (a: string, b: string): number => {
      if (a === '' || b === '') return a.length + b.length;
      const same = a[0] === b[0] ? 0 : 1;
      let least = Math.min(
        naive(a.slice(1), b) + 1,
        naive(a, b.slice(1)) + 1,
        naive(a.slice(1), b.slice(1)) + same,
      );
      if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0])
        least = Math.min(least, naive(a.slice(2), b.slice(2)) + 1);
      return least;
    };
    const words = ['', 'a', 'ab', 'ba', 'abc', 'acb', 'bca', 'abcd', 'badc', 'xyz', 'aabb', 'abab'];
    for (const a of words) for (const b of words) expect(editDistance(a, b)).toBe(naive(a, b));
  });

  test('a slip is repaired, a stranger is not', () => {
    expect(nearest('shared_bufers', ['shared_buffers', 'temp_buffers'])).toBe('shared_buffers');
    expect(nearest('Shared-Buffers', ['shared_buffers'])).toBe('shared_buffers');
    expect(nearest('elephant', ['shared_buffers'])).toBeUndefined();
  });
});
