import { describe, expect, test } from 'vitest';
import { SECOND } from '../../src/kernel/time.ts';
import { HAPROXY_FACTS } from '../../src/routing/haproxy-settings.ts';
import {
  afterCheck,
  atStart,
  type CheckOutcome,
  type CheckSettings,
  type CheckState,
  checkDuration,
  checkLimits,
  firstChecks,
  inService,
  interval,
} from '../../src/routing/health-check.ts';

const MS = SECOND / 1000;
const DEFAULTS = Object.fromEntries(
  HAPROXY_FACTS.map(({ name, type, unit, default: text }) => {
    if (type !== 'integer') return [name, text];
    return [name, text === '' ? null : Number(text) * (unit === 'ms' ? MS : 1)];
  }),
) as unknown as CheckSettings;

/** The haproxy.cfg that Patroni ships. */
const TEMPLATE: CheckSettings = {
  ...DEFAULTS,
  inter: 3 * SECOND,
  fall: 3,
  rise: 2,
  'timeout check': 5 * SECOND,
  'timeout connect': 4 * SECOND,
};

/**
 * Runs checks of a server that changes at 0, the first `phase` after it, until HAProxy changes its
 * mind; says when that is.
 */
function noticed(
  settings: CheckSettings,
  from: CheckState,
  phase: number,
  outcome: CheckOutcome,
): number {
  let state = from;
  let at = phase;
  for (;;) {
    const { duration, passed } = checkDuration(settings, outcome);
    const result = afterCheck(state, settings, passed, at + duration);
    if (result.changed !== null) return at + duration;
    state = result.state;
    at = result.nextCheckAt;
  }
}

/** The earliest and latest notice over all phases of the interval, in seconds. */
function range(settings: CheckSettings, from: CheckState, outcome: CheckOutcome) {
  const wait = interval(from, settings);
  const all = Array.from({ length: 101 }, (_, i) =>
    noticed(settings, from, (wait / 100) * i, outcome),
  );
  return [Math.min(...all) / SECOND, Math.max(...all) / SECOND];
}

const DOWN: CheckState = { health: 0, up: false };

describe("12.1 with Patroni's template, by simulation", () => {
  const up = inService(TEMPLATE);
  test('refused or 503: down after 6 to 9 s', () => {
    expect(range(TEMPLATE, up, 'refused')).toEqual([6, 9]);
    expect(range(TEMPLATE, up, 'status 503')).toEqual([6, 9]);
  });

  test('host blackholed: 15 to 18 s', () => {
    expect(range(TEMPLATE, up, 'blackholed')).toEqual([15, 18]);
  });

  test('accepts but silent: 21 to 24 s', () => {
    expect(range(TEMPLATE, up, 'silent')).toEqual([21, 24]);
  });

  test('up again after 3 to 6 s', () => {
    expect(range(TEMPLATE, DOWN, 'status 200')).toEqual([3, 6]);
  });
});

test('down after U(0, inter) + (fall - 1) inter + fall d, up after up to rise inter', () => {
  for (const inter of [1, 2, 5]) {
    for (const fall of [1, 2, 3, 5]) {
      for (const rise of [1, 2, 4]) {
        const base = { ...DEFAULTS, inter: inter * SECOND, fall, rise };
        const settings = { ...base, 'timeout check': 7 * SECOND, 'timeout connect': SECOND / 2 };
        for (const [outcome, d] of [
          ['refused', 0],
          ['blackholed', 0.5],
          ['silent', 7],
        ] as const) {
          const least = (fall - 1) * inter + fall * d;
          expect(range(settings, inService(settings), outcome)).toEqual([least, least + inter]);
        }
        const quick = (rise - 1) * inter;
        expect(range(settings, DOWN, 'status 200')).toEqual([quick, quick + inter]);
      }
    }
  }
});

describe('12.1, time limits', () => {
  test('defaults: inter 2 s, fall 3, rise 2', () => {
    expect([DEFAULTS.inter, DEFAULTS.fall, DEFAULTS.rise]).toEqual([2 * SECOND, 3, 2]);
  });

  test('without timeout check the whole check has inter', () => {
    const limits = checkLimits({ ...DEFAULTS, 'timeout connect': SECOND });
    expect(limits).toEqual({ connect: 2 * SECOND, whole: true, answer: 2 * SECOND });
    const slow = { ...DEFAULTS };
    expect(checkDuration(slow, 'silent', 0.5 * SECOND)).toEqual({
      duration: 2 * SECOND,
      passed: false,
    });
    expect(checkDuration(slow, 'status 200', SECOND, SECOND).passed).toBe(true);
    expect(checkDuration(slow, 'status 200', SECOND, SECOND + 1).passed).toBe(false);
  });

  test('with it: connect gets min(timeout connect, inter), then the reply timeout check', () => {
    const limits = (connect: number | null) =>
      checkLimits({ ...TEMPLATE, 'timeout connect': connect }).connect / SECOND;
    expect([limits(4 * SECOND), limits(SECOND), limits(null)]).toEqual([3, 1, 3]);
    expect(checkDuration(TEMPLATE, 'silent', SECOND)).toEqual({
      duration: 6 * SECOND,
      passed: false,
    });
    expect(checkDuration(TEMPLATE, 'status 200', SECOND, 5 * SECOND)).toEqual({
      duration: 6 * SECOND,
      passed: true,
    });
    expect(checkDuration(TEMPLATE, 'status 200', 3 * SECOND + 1).passed).toBe(false);
  });

  test('the next check starts inter after the last one ended', () => {
    const { nextCheckAt } = afterCheck(inService(TEMPLATE), TEMPLATE, false, 17 * SECOND);
    expect(nextCheckAt).toBe(20 * SECOND);
  });
});

describe('health', () => {
  test('at start one failure takes a server down, in service it takes fall', () => {
    expect(afterCheck(atStart(TEMPLATE), TEMPLATE, false, 0).changed).toBe('down');
    expect(afterCheck(inService(TEMPLATE), TEMPLATE, false, 0).changed).toBe(null);
  });

  test('a success on the way down restores full health', () => {
    let state = inService(TEMPLATE);
    for (const passed of [false, false, true, false, false]) {
      const result = afterCheck(state, TEMPLATE, passed, 0);
      expect(result.changed).toBe(null);
      state = result.state;
    }
    expect(afterCheck(state, TEMPLATE, false, 0).changed).toBe('down');
  });

  test('a failure on the way up starts over', () => {
    const settings = { ...TEMPLATE, rise: 3 };
    let state = DOWN;
    for (const passed of [true, true, false, true, true]) {
      state = afterCheck(state, settings, passed, 0).state;
      expect(state.up).toBe(false);
    }
    expect(afterCheck(state, settings, true, 0).changed).toBe('up');
  });

  test('it agrees with counting failures and successes in a row, for every sequence of ten', () => {
    for (let bits = 0; bits < 1024; bits++) {
      let state = inService(TEMPLATE);
      let naive = { up: true, row: 0 };
      for (let i = 0; i < 10; i++) {
        const passed = ((bits >> i) & 1) === 1;
        state = afterCheck(state, TEMPLATE, passed, 0).state;
        naive = count(naive, passed);
        expect(state.up).toBe(naive.up);
      }
    }
  });

  function count({ up, row }: { up: boolean; row: number }, passed: boolean) {
    const next = passed === up ? 0 : row + 1;
    return next === (up ? TEMPLATE.fall : TEMPLATE.rise) ? { up: !up, row: 0 } : { up, row: next };
  }

  test('fastinter between, downinter once down', () => {
    const settings = { ...TEMPLATE, fastinter: SECOND, downinter: 10 * SECOND };
    const full = inService(settings);
    const shaken = afterCheck(full, settings, false, 0).state;
    const rising = afterCheck(DOWN, settings, true, 0).state;
    const waits = [full, shaken, DOWN, rising].map((state) => interval(state, settings) / SECOND);
    expect(waits).toEqual([3, 1, 10, 1]);
    expect(range(settings, full, 'refused')).toEqual([2, 5]);
  });
});

test('12.1, checks of servers are offset: spread evenly over the shortest interval', () => {
  const three = firstChecks([TEMPLATE, TEMPLATE, TEMPLATE]);
  expect(three.map((at) => at / SECOND)).toEqual([0, 1, 2]);
  const mixed = firstChecks([TEMPLATE, { ...TEMPLATE, inter: 6 * SECOND }]);
  expect(mixed.map((at) => at / SECOND)).toEqual([0, 3]);
});
