import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/index.ts';
import { type LagKind, LagTracker } from '../../src/replication/lag.ts';
import { NaiveLag } from '../naive/lag-tracker.ts';

const WRITE: LagKind = 0;
const APPLY: LagKind = 2;

describe('lag as the primary shows it (4.3)', () => {
  test('the time since the newest position that the standby has reached', () => {
    const lag = new LagTracker();
    lag.note(100, 1000);
    lag.note(200, 2000);
    lag.note(300, 3000);
    expect(lag.lagOf(WRITE, 250, 5000)).toBe(3000);
    expect(lag.lagOf(WRITE, 300, 6000)).toBe(3000);
  });

  test('between two samples the time is interpolated: a stuck standby’s lag grows', () => {
    const lag = new LagTracker();
    lag.note(100, 1000);
    lag.note(200, 2000);
    expect(lag.lagOf(APPLY, 100, 1500)).toBe(500);
    expect(lag.lagOf(APPLY, 150, 4000)).toBe(4000 - 1500);
    expect(lag.lagOf(APPLY, 150, 9000)).toBe(9000 - 1500);
  });

  test('caught up, nothing is known; the next burst does not lean on old samples', () => {
    const lag = new LagTracker();
    lag.note(100, 1000);
    expect(lag.lagOf(APPLY, 100, 1500)).toBe(500);
    expect(lag.lagOf(APPLY, 100, 2000)).toBeNull();
    lag.note(200, 1_000_000);
    expect(lag.lagOf(APPLY, 150, 1_000_500), 'as if the sample were reached now').toBe(500);
  });

  test('write, flush and apply are read each for itself', () => {
    const lag = new LagTracker();
    lag.note(100, 1000);
    expect([0, 1, 2].map((kind) => lag.lagOf(kind as LagKind, 100, 1000 * (kind + 2)))).toEqual([
      1000, 2000, 3000,
    ]);
  });

  test('2,000 random conversations against the definition', () => {
    const random = new Random('lag');
    for (let run = 0; run < 2000; run++) {
      const lag = new LagTracker();
      const naive = [new NaiveLag(), new NaiveLag(), new NaiveLag()];
      const reached = [0, 0, 0];
      let sent = 0;
      let now = 1;
      for (let step = 0; step < 40; step++) {
        now += random.integer(1, 50);
        if (random.chance(0.5)) {
          sent += random.integer(0, 30);
          lag.note(sent, now);
          for (const each of naive) each.note(sent, now);
        } else {
          const kind = random.integer(0, 2) as LagKind;
          reached[kind] = random.integer(reached[kind]!, sent);
          const what = `run ${run}, step ${step}`;
          expect(lag.lagOf(kind, reached[kind]!, now), what).toBe(
            naive[kind]!.lagOf(reached[kind]!, now),
          );
        }
      }
    }
  });

  test('8,191 samples wait; further ones take the place of the last', () => {
    const lag = new LagTracker();
    for (let i = 1; i <= 20_000; i++) lag.note(i, 10 * i);
    expect(lag.lagOf(APPLY, 8190, 200_000)).toBe(200_000 - 81_900);
    expect(lag.lagOf(APPLY, 19_999, 200_000), 'interpolated').toBe(200_000 - 199_990);
    expect(lag.lagOf(APPLY, 20_000, 200_001)).toBe(1);
  });
});
