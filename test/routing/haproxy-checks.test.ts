import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import { at } from '../hardware/network-fixtures.ts';
import { type Backend, type ProxyWorld, proxyWorld } from './haproxy-fixtures.ts';

const ROUND_TRIP = 0.02;
const FAILS_AT = 100; // seconds

/** How pg1 fails, and how long (in seconds) one failing check then takes. */
const FAILURES: readonly [string, number, (world: ProxyWorld) => void][] = [
  [
    'the API refuses',
    ROUND_TRIP,
    ({ backends }) => {
      backends[0]!.apiListens = false;
    },
  ],
  [
    'the API says 503',
    2 * ROUND_TRIP,
    ({ backends }) => {
      backends[0]!.status['/primary'] = 503;
    },
  ],
  ['the host is gone', 3, ({ backends }) => backends[0]!.host.powerOff()],
  ['the API is silent', ROUND_TRIP + 5, ({ backends }) => freeze(backends[0]!)],
];

const freeze = (backend: Backend) => backend.host.pause(backend.agent);

/** Seconds from the failure until pg1 is down in the frontend `primary`, for one seed. */
function downAfter(fail: (world: ProxyWorld) => void, seed: number, settings = {}): number {
  const made = proxyWorld(settings, { seed });
  at(made.sim, FAILS_AT * 1_000, () => fail(made));
  made.sim.run(200 * SECOND);
  expect(made.changes.filter(([, frontend, server]) => frontend === 0 && server === 0)).toEqual([
    [made.changes[0]![0], 0, 0, 0],
  ]);
  return made.changes[0]![0] / 1_000 - FAILS_AT;
}

describe('down', () => {
  it.each(FAILURES)('after U(0, inter) + (fall - 1) inter + fall d when %s', (_, d, fail) => {
    const least = 2 * 3 + 3 * d;
    const cycle = 3 + 2 * ROUND_TRIP; // of checks that pass
    const waits = Array.from({ length: 60 }, (_, seed) => downAfter(fail, seed) - least);
    for (const wait of waits) {
      // a check that was under way meets the failure halfway
      expect(wait).toBeGreaterThan(-2 * ROUND_TRIP);
      expect(wait).toBeLessThan(cycle);
    }
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
    const standardError = cycle / Math.sqrt(12 * waits.length);
    expect(Math.abs(mean - cycle / 2)).toBeLessThan(3 * standardError);
  });

  it('without `timeout check` a check has inter in all; fastinter brings the next sooner', () => {
    const settings = { 'timeout check': null, inter: 2 * SECOND, fastinter: 500 * MILLISECOND };
    const silent = FAILURES[3]![2];
    for (let seed = 0; seed < 20; seed++) {
      const wait = downAfter(silent, seed, settings) - (2 * 0.5 + 3 * 2);
      expect(wait).toBeGreaterThan(-2 * ROUND_TRIP);
      expect(wait).toBeLessThan(2 + 2 * ROUND_TRIP);
    }
  });

  it('not after fall - 1 failures', () => {
    const made = proxyWorld();
    const [pg1] = made.backends;
    at(made.sim, 100_000, () => {
      pg1!.apiListens = false;
    });
    at(made.sim, 106_000, () => {
      pg1!.apiListens = true;
    });
    made.sim.run(300 * SECOND);
    expect(made.changes).toEqual([]);
    expect(made.proxy.isUp('primary', 'pg1')).toBe(true);
  });
});

describe('up', () => {
  it('after (rise - 1) inter to rise inter', () => {
    for (let seed = 0; seed < 40; seed++) {
      const made = proxyWorld({}, { seed });
      at(made.sim, 100_000, () => {
        made.backends[1]!.status['/primary'] = 200;
      });
      made.sim.run(200 * SECOND);
      expect(made.changes.map(([, ...change]) => change)).toEqual([[0, 1, 1]]);
      const after = made.changes[0]![0] / 1_000 - 100;
      expect(after).toBeGreaterThan(3 + 2 * ROUND_TRIP);
      expect(after).toBeLessThan(6 + 4.5 * ROUND_TRIP);
    }
  });

  it('a switch of roles moves both frontends, and the story says why', () => {
    const made = proxyWorld();
    at(made.sim, 100_000, () => {
      for (const path of ['/primary', '/replica'] as const) {
        const [first, second] = made.backends;
        [first!.status[path], second!.status[path]] = [second!.status[path]!, first!.status[path]!];
      }
    });
    made.sim.run(200 * SECOND);
    expect(made.changes.map(([, ...change]) => change.join(' ')).sort()).toEqual([
      ...['0 0 0', '0 1 1', '1 0 1', '1 1 0'],
    ]);
    const told = made.sim.trace.notes.map(({ text }) => text);
    expect(told).toContain('primary: pg1 is DOWN (3 checks in a row failed, the last: status 503)');
    expect(told.some((text) => /^replica: pg1 is UP \(2 checks in a row passed/.test(text))).toBe(
      true,
    );
  });
});

describe('without Patroni', () => {
  it('the port is checked: the primary stays the primary, whatever it is', () => {
    const made = proxyWorld({}, { patroni: false });
    const [pg1, pg2] = made.backends;
    pg2!.status['/primary'] = 200;
    at(made.sim, 100_000, () => {
      pg1!.listens = false;
    });
    at(made.sim, 150_000, () => {
      pg1!.listens = true;
    });
    made.sim.run(200 * SECOND);
    expect(made.changes.map(([, ...change]) => change)).toEqual([
      [0, 0, 0],
      [0, 0, 1],
    ]);
    const [down, up] = made.changes.map(([instant]) => instant / 1_000);
    expect(down! - 100).toBeGreaterThan(6 + 3 * ROUND_TRIP - ROUND_TRIP);
    expect(down! - 100).toBeLessThan(9 + 4 * ROUND_TRIP);
    expect(up! - 150).toBeGreaterThan(3 + ROUND_TRIP);
    expect(up! - 150).toBeLessThan(6 + 2 * ROUND_TRIP);
  });
});

describe('after a start', () => {
  it('every server counts as up until its first check, which one failure settles', () => {
    const made = proxyWorld();
    at(made.sim, 99_000, () => made.proxy.crash());
    at(made.sim, 100_000, () => made.proxy.start());
    made.sim.run(99_500 * MILLISECOND);
    expect(made.proxy.isUp('primary', 'pg2')).toBe(false);
    made.sim.run(100_000 * MILLISECOND);
    const upAtOnce = made.changes.map(([, ...change]) => change.join(' '));
    expect(upAtOnce).toEqual(['0 1 1', '0 2 1', '1 0 1']);
    made.sim.run(200 * SECOND);
    // six checks, half a second apart: of the order of the configuration
    expect(made.changes.slice(3)).toEqual([
      [100_500 + 40, 0, 1, 0],
      [101_000 + 40, 0, 2, 0],
      [101_500 + 40, 1, 0, 0],
    ]);
  });
});
