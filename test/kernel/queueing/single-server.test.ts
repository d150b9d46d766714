import { describe, expect, test } from 'vitest';
import { logNormalOf, type Random } from '../../../src/kernel/index.ts';
import { expectEstimate } from '../../helpers/laws.ts';
import { customersFor, OpenQueueRun, shareFor, UNIT } from '../../helpers/queueing.ts';

type Service = (random: Random) => number;

const TIMEOUT = 120_000;
const exponential =
  (mean: number): Service =>
  (random) =>
    random.exponential(mean * UNIT);

function erlang(stages: number, mean: number): Service {
  const stage = exponential(mean / stages);
  return (random) => {
    let sum = 0;
    for (let i = 0; i < stages; i++) sum += stage(random);
    return sum;
  };
}

/** Two-phase hyperexponential with balanced means. */
function hyperexponential(squaredVariation: number, mean: number): Service {
  const p = 0.5 * (1 + Math.sqrt((squaredVariation - 1) / (squaredVariation + 1)));
  const [often, seldom] = [exponential(mean / (2 * p)), exponential(mean / (2 * (1 - p)))];
  return (random) => (random.chance(p) ? often(random) : seldom(random));
}

function uniform(min: number, max: number): Service {
  return (random) => Math.round(UNIT * (min + (max - min) * random.uniform()));
}

function logNormal(sigma: number, mean: number): Service {
  const law = logNormalOf(mean * UNIT * Math.exp((-sigma * sigma) / 2), sigma);
  return (random) => law.draw(random);
}

// rate of arrivals, rate of service, L, W, Wq, P95(W), P99(W)
const MM1 = [
  [1, 10, 0.111111, 0.111111, 0.0111111, 0.332859, 0.511686],
  [3, 10, 0.428571, 0.142857, 0.0428571, 0.427962, 0.657881],
  [5, 10, 1, 0.2, 0.1, 0.599146, 0.921034],
  [6, 10, 1.5, 0.25, 0.15, 0.748933, 1.15129],
  [7, 10, 2.33333, 0.333333, 0.233333, 0.998577, 1.53506],
  [8, 10, 4, 0.5, 0.4, 1.49787, Math.LN10],
  [9, 10, 9, 1, 0.9, 2.99573, 4.60517],
  [9.5, 10, 19, 2, 1.9, 5.99146, 9.21034],
  [400, 1000, 0.666667, 0.00166667, 0.000666667, 0.00499289, 0.00767528],
  [990, 1000, 99, 0.1, 0.099, 0.299573, 0.460517],
] as const;

describe('M/M/1: population, response and wait as published', () => {
  test.each(MM1)('%d arrivals, %d served per second', { timeout: TIMEOUT }, (...row) => {
    const [arrivalRate, serviceRate, population, response, wait, p95, p99] = row;
    const rho = arrivalRate / serviceRate;
    const run = new OpenQueueRun({
      name: `M/M/1 ${row[0]}`,
      arrivalRate,
      servers: 1,
      service: exponential(1 / serviceRate),
      customers: customersFor(rho, 1),
      sojournBound: p95,
      waitBound: p99 - 1 / serviceRate,
    });
    const share = shareFor(rho, 1);
    expectEstimate('W', run.sojourn, response, share);
    expectEstimate('Wq', run.wait, wait, rho < 0.2 ? 0.03 : share);
    const spread = (3 * run.sojourn.standardError * population) / response;
    expect(Math.abs(run.meter.meanPopulation - population)).toBeLessThan(1.5 * spread);
    expect(Math.abs(run.longSojourns.mean - 0.05)).toBeLessThan(3 * run.longSojourns.standardError);
    const beyond = rho * Math.exp(-(serviceRate - arrivalRate) * (p99 - 1 / serviceRate));
    expect(Math.abs(run.longWaits.mean - beyond)).toBeLessThan(3 * run.longWaits.standardError);
    expect(run.meter.utilisation / rho).toBeCloseTo(1, 2);
  });
});

// utilisation, Wq/s, L
const MD1 = [
  [0.1, 0.0555556, 0.105556],
  [0.2, 0.125, 0.225],
  [0.3, 0.214286, 0.364286],
  [0.5, 0.5, 0.75],
  [0.6, 0.75, 1.05],
  [0.7, 1.16667, 1.51667],
  [0.8, 2, 2.4],
  [0.9, 4.5, 4.95],
  [0.95, 9.5, 9.975],
  [0.98, 24.5, 24.99],
] as const;

describe('M/D/1: waits half as long as M/M/1', () => {
  test.each(MD1)('utilisation %d', { timeout: TIMEOUT }, (rho, wait, population) => {
    const run = new OpenQueueRun({
      name: `M/D/1 ${rho}`,
      arrivalRate: rho,
      servers: 1,
      service: () => UNIT,
      customers: customersFor(rho, 0),
    });
    const share = shareFor(rho, 0);
    expectEstimate('Wq/s', run.wait, wait, share);
    expectEstimate('W/s', run.sojourn, 1 + wait, share);
    const spread = 4 * run.sojourn.standardError * rho + 0.003 * population;
    expect(Math.abs(run.meter.meanPopulation - population)).toBeLessThan(spread);
  });
});

// law, rate of arrivals, mean service, squared variation, Wq, W, seconds
const MG1: [string, number, number, number, number, number, Service][] = [
  ['Erlang-4', 50, 0.01, 0.25, 0.00625, 0.01625, erlang(4, 0.01)],
  ['Erlang-2', 50, 0.01, 0.5, 0.0075, 0.0175, erlang(2, 0.01)],
  ['H2, cv2 = 4', 50, 0.01, 4, 0.025, 0.035, hyperexponential(4, 0.01)],
  ['H2, cv2 = 2', 80, 0.01, 2, 0.06, 0.07, hyperexponential(2, 0.01)],
  ['uniform 5-15 ms', 80, 0.01, 0.0833333, 0.0216667, 0.0316667, uniform(0.005, 0.015)],
  ['H2, cv2 = 9', 30, 0.02, 9, 0.15, 0.17, hyperexponential(9, 0.02)],
  ['log-normal, sigma 1', 90, 0.01, 1.71828, 0.122323, 0.132323, logNormal(1, 0.01)],
  ['log-normal, sigma 0.5', 70, 0.01, 0.284025, 0.0149803, 0.0249803, logNormal(0.5, 0.01)],
  ['H2, cv2 = 16', 60, 0.01, 16, 0.1275, 0.1375, hyperexponential(16, 0.01)],
  ['constant', 95, 0.01, 0, 0.095, 0.105, () => 0.01 * UNIT],
];

describe('M/G/1: the mean wait by Pollaczek and Khinchine', () => {
  test.each(MG1)('%s, %d per second', { timeout: TIMEOUT }, (name, rate, mean, cv2, wq, w, law) => {
    const rho = rate * mean;
    const run = new OpenQueueRun({
      name: `M/G/1 ${name}`,
      arrivalRate: rate,
      servers: 1,
      service: law,
      customers: (rho === 0.9 ? 3 : 1) * customersFor(rho, cv2),
    });
    expectEstimate('Wq', run.wait, wq, shareFor(rho, cv2));
    expectEstimate('W', run.sojourn, w, shareFor(rho, cv2));
    expect(run.meter.utilisation / rho).toBeCloseTo(1, 2);
  });
});

/** Without knowledge of the services, any order of an exponential queue has the same mean. */
test(
  'M/M/1 in slices (Processor) has the mean of first come first served',
  () => {
    const run = new OpenQueueRun({
      name: 'sliced',
      arrivalRate: 7,
      servers: 1,
      service: exponential(0.1),
      customers: 2_500_000,
      discipline: 'processor',
    });
    expectEstimate('W', run.sojourn, 1 / 3, 0.01);
  },
  TIMEOUT,
);

describe('M/G/1 with processor sharing: E[S]/(1 - utilisation), whatever the law', () => {
  test.each([MG1[0]!, MG1[1]!, MG1[2]!])(
    '%s',
    { timeout: TIMEOUT },
    (name, rate, mean, ...rest) => {
      const run = new OpenQueueRun({
        name: `sharing ${name}`,
        arrivalRate: rate,
        servers: 1,
        service: rest[3],
        customers: 1_500_000,
        discipline: 'sharing',
      });
      expectEstimate('W', run.sojourn, 0.02, 0.01);
      expect(run.meter.utilisation / (rate * mean)).toBeCloseTo(1, 2);
    },
  );
});
