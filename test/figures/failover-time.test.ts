import { describe, expect, it } from 'vitest';
import { failoverTimeFigures } from '../../bench/figures/failover-time.ts';

const SEEDS = 90; // the benches take 200

describe('the time of a failover', () => {
  it.each(failoverTimeFigures(SEEDS))('$what: $bound', (figure) => {
    expect(figure).toMatchObject({ holds: true });
  });
});
