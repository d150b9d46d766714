import { describe, expect, it } from 'vitest';
import {
  type Losses,
  lossesByCutAndPowerOff,
  lossesByPowerOff,
  lossesWithSynchronousMode,
} from '../../bench/figures/lost-commits.ts';

const SEEDS = 60; // the benches take 200

function expectRateTimesDelay(losses: Losses): void {
  const { low, high } = losses.lost;
  expect(losses.failovers).toBe(SEEDS);
  expect(low!).toBeLessThanOrEqual(losses.expected);
  expect(high!).toBeGreaterThanOrEqual(losses.expected);
}

describe('commits lost in a failover on asynchronous replication', () => {
  it('when the host loses power: rate x time from the answer to the wire', () => {
    const losses = lossesByPowerOff(SEEDS);
    expectRateTimesDelay(losses);
    expect(losses.lost.mean).toBeGreaterThan(0);
  });

  it('and the one-way delay more where a cut drops the path at that instant', () => {
    const losses = lossesByCutAndPowerOff(SEEDS);
    expectRateTimesDelay(losses);
    expect(losses.lost.high! - losses.lost.low!).toBeLessThan(0.02 * losses.expected);
  });

  it.each([
    ['by power', false],
    ['by power and path', true],
  ])('in synchronous mode none, in any seed: %s', (_, cut) => {
    const losses = lossesWithSynchronousMode(SEEDS, cut);
    expect(losses.failovers).toBe(SEEDS);
    expect(losses.rate).toBeGreaterThan(1000);
    expect(losses.most).toBe(0);
  });
});
