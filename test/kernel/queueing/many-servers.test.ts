import { describe, expect, test } from 'vitest';
import { expectEstimate } from '../../helpers/laws.ts';
import { customersFor, OpenQueueRun, shareFor, UNIT } from '../../helpers/queueing.ts';

const TIMEOUT = 120_000;

// rate of arrivals, rate of service, servers, P(wait), Wq, W, P99 of the wait
const MMC = [
  [2, 2.4, 1, 0.833333, 2.08333, 2.5, 11.0571],
  [3, 2, 2, 0.642857, 0.642857, 1.14286, 4.16334],
  [7, 2, 4, 0.737861, 0.737861, 1.23786, 4.30117],
  [12, 2, 8, 0.356981, 0.0892453, 0.589245, 0.893774],
  [15, 2, 8, 0.807253, 0.807253, 1.30725, 4.39105],
  [28, 2, 16, 0.508482, 0.127121, 0.627121, 0.982211],
  [30.4, 2, 16, 0.780192, 0.48762, 0.98762, 2.7231],
  [60, 2, 32, 0.630223, 0.157556, 0.657556, 1.03587],
  [94, 1, 100, 0.433853, 0.0723088, 1.07231, 0.628353],
  [950, 25, 40, 0.663638, 0.0132728, 0.0532728, 0.083903],
] as const;

describe('M/M/c (Erlang C): probability and length of the wait', () => {
  test.each(MMC)(
    '%d arrivals, %d served per second by each of %i',
    { timeout: TIMEOUT },
    (...row) => {
      const [arrivalRate, serviceRate, servers, waits, wait, response, p99] = row;
      const rho = arrivalRate / serviceRate / servers;
      const queue = {
        name: `M/M/${servers} ${arrivalRate}`,
        arrivalRate,
        servers,
        service: (random: { exponential(mean: number): number }) =>
          random.exponential(UNIT / serviceRate),
        customers: (rho === 0.875 ? 1.5 : 1) * customersFor(rho, 1), // still held to 1 %
      };
      const run = new OpenQueueRun({ ...queue, sojournBound: 0, waitBound: p99 });
      expectEstimate('Wq', run.wait, wait, rho > 0.7 ? 1.5 * shareFor(rho, 1) : 0.01);
      expectEstimate('W', run.sojourn, response, shareFor(rho, 1));
      expectEstimate('P(wait)', run.anyWait, waits, shareFor(rho, 1));
      expect(Math.abs(run.longWaits.mean - 0.01)).toBeLessThan(3 * run.longWaits.standardError);
      expect(run.meter.utilisation / rho).toBeCloseTo(1, 2);
    },
  );
});

// rate of arrivals, rate of service, servers, room, P(block), throughput, L, W, utilisation
const MMCK = [
  [5, 10, 1, 1, 0.333333, 3.333333, 0.333333, 0.1, 0.333333],
  [8, 10, 1, 5, 0.0888195, 7.289444, 1.86833, 0.256307, 0.728944],
  [12, 10, 1, 10, 0.192586, 9.688962, 6.71071, 0.692614, 0.968896],
  [20, 10, 1, 10, 0.500244, 9.995115, 9.00537, 0.900978, 0.999511],
  [30, 2, 16, 16, 0.144602, 25.66194, 12.831, 0.5, 0.801936],
  [40, 2, 16, 20, 0.229643, 30.81427, 17.2884, 0.561051, 0.962946],
  [100, 50, 2, 10, 0.0952381, 90.47619, 5.2381, 0.0578947, 0.904762],
  [180, 10, 16, 64, 0.111317, 159.9629, 56.0986, 0.350698, 0.999768],
  [8, 1, 8, 8, 0.23557, 6.115438, 6.11544, 1, 0.76443],
  [950, 25, 40, 200, 9.052e-6, 949.9914, 50.58, 0.0532426, 0.949991],
] as const;

describe('M/M/c/K: who finds K inside is refused (rows 1, 5 and 9 are Erlang B)', () => {
  test.each(MMCK)(
    '%d arrivals, %d served by each of %i, room for %i',
    { timeout: TIMEOUT },
    (...row) => {
      const [
        arrivalRate,
        serviceRate,
        servers,
        capacity,
        blocked,
        throughput,
        population,
        ...rest
      ] = row;
      const [response, utilisation] = rest;
      const run = new OpenQueueRun({
        name: `M/M/${servers}/${capacity} ${arrivalRate}`,
        arrivalRate,
        servers,
        capacity,
        service: (random) => random.exponential(UNIT / serviceRate),
        customers: capacity === 200 ? 10_000_000 : 2_000_000,
        admitted: 0.99 * (1 - blocked),
        discipline: 'latch',
      });
      expectEstimate('W', run.sojourn, response, 0.01);
      if (blocked > 1e-3) expectEstimate('P(block)', run.refused, blocked, 0.01);
      else expect(Math.abs(run.refused.mean - blocked)).toBeLessThan(3 * run.refused.standardError);
      expect(Math.abs(run.throughput / throughput - 1)).toBeLessThan(0.005);
      expect(Math.abs(run.meter.meanPopulation / population - 1)).toBeLessThan(0.01);
      expect(Math.abs(run.meter.utilisation / utilisation - 1)).toBeLessThan(0.005);
    },
  );
});
