import { describe, expect, test } from 'vitest';
import { type Calibration, calibrate } from '../../bench/fidelity/calibrate.ts';
import { readCalibrationData } from '../../bench/fidelity/calibration-data.ts';
import { samplesOf } from '../../bench/fidelity/latency-law.ts';
import { BadMeasurements } from '../../bench/fidelity/measurements.ts';
import { mean, median, slopeThroughOrigin, spread } from '../../bench/fidelity/statistics.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { directoryOf, syntheticFiles, TRUTH } from './measurements.ts';

function derived(calibration: Calibration): Map<string, number> {
  return new Map(calibration.derived.map(({ name, value }) => [name, value]));
}

const calibrated = (files: Record<string, unknown>) =>
  calibrate(readCalibrationData(directoryOf(files)));

describe('calibration from C1 to C3', () => {
  const calibration = calibrated(syntheticFiles());
  const values = derived(calibration);

  test.each([
    ['costs.message', TRUTH.message],
    ['costs.statements.select', TRUTH.select],
    ['costs.statements.update', TRUTH.update],
    ['begin + insert + commit', TRUTH.rest],
    ['costs.flush', TRUTH.flush],
    ['costs.wake, costs.sleep', TRUTH.system / 2],
    ['client, per statement', TRUTH.client],
    ['processor.core_wakeup', TRUTH.wakeLatency],
    ['processor.core_wakeup_work', TRUTH.wakeWork],
    ['costs.flush_in_kernel', TRUTH.flushInKernel],
    ['processor.cache_refill', TRUTH.refill],
    ['processor.idle_work', TRUTH.idleWork],
    ['disk.fsync, mean of C1', TRUTH.loop],
    ['disk.fsync, longer than in C1', TRUTH.longer],
    ['fork, start, first query, exit', TRUTH.connection],
  ])('%s of a machine whose costs are known', (name, truth) => {
    expect(values.get(name)).toBeCloseTo(truth, 4);
  });

  test('the profile is one that scenarios take, and sums to the measured transaction', () => {
    const scenario = {
      hardware: { box: { profile: calibration.profile } },
      servers: { pg1: {} },
      workload: {
        transactions: { t: { builtin: 'simple-update' } },
        clients: { c: { count: 1, connect: 'pg1', run: 't' } },
      },
    };
    const loaded = loadScenario(JSON.stringify(scenario));
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { costs, loopbackDelay } = [...loaded.scenario.hosts.values()][0]!.machine.profile;
    const { begin, update, select, insert, commit } = costs.statements;
    const executions = [begin, update, select, insert, commit].map(({ execute }) => execute);
    const sum = 5 * costs.message + executions.reduce((a, b) => a + b) + costs.commit;
    const truth = 5 * TRUTH.message + TRUTH.update + TRUTH.select + TRUTH.rest;
    expect(sum / 1000).toBeCloseTo(truth, 1);
    expect(insert.execute / begin.execute).toBeCloseTo(
      DEFAULT_COSTS.statements.insert.execute / DEFAULT_COSTS.statements.begin.execute,
      1,
    );
    const connecting = costs.fork + costs.backendStart + costs.firstQuery + costs.backendExit;
    expect(connecting / 1000).toBeCloseTo(TRUTH.connection, 1);
    expect(loopbackDelay).toBe(0);
  });

  test('repeats are averaged', () => {
    const files = syntheticFiles();
    const { points } = files['C2b'] as { points: Record<string, unknown>[] };
    const slower = points.map((point) => ({
      ...point,
      server_cpu_us_per_txn: (point['server_cpu_us_per_txn'] as number) + 4,
    }));
    const both = calibrated({ ...files, C2b: { points: [...points, ...slower] } });
    // 2 us more on a core where the client's 4 us have cooled it, which is a part of the 2 us.
    const cold = 1 + (TRUTH.refill * 4) / (4 + 250);
    expect(derived(both).get('costs.message')).toBeCloseTo(TRUTH.message + 2 / cold, 2);
    expect(derived(both).get('costs.statements.select')).toBeCloseTo(TRUTH.select, 2);
  });

  test('the price of an image is what it adds just after a checkpoint', () => {
    const run = (fpw_phase: string, images: number, cpu: number) => ({
      fpw_phase,
      workload: 'simple-update',
      sync_commit: 'off',
      transport: 'unix',
      lat: { p50_ms: 0.3, p99_ms: 1 },
      server_cpu_us_per_txn: cpu,
      server_user_us: 1,
      client_cpu_us_per_txn: 1,
      wal_fpi_per_txn: images,
    });
    const points = [run('steady', 0, 70), run('just_after_checkpoint', 0.5, 80)];
    const values = derived(calibrated({ ...syntheticFiles(), C2: { points } }));
    expect(values.get('costs.full_page_image')).toBeCloseTo(20, 6);
    expect(derived(calibration).has('costs.full_page_image')).toBe(false);
  });

  test('a busy core of another takes 0.28 of what an idle one does', () => {
    const cold = 1 + (TRUTH.refill * TRUTH.idleWork) / (TRUTH.idleWork + 250);
    const cross = (TRUTH.message + TRUTH.client) * cold + 2 * TRUTH.wakeWork;
    // In `same` each of the two is cooled by the other, a little.
    const same = (of: number, other: number) => of * (1 + (TRUTH.refill * other) / (other + 250));
    const both = same(TRUTH.message, TRUTH.client) + same(TRUTH.client, TRUTH.message);
    expect(values.get('processor.crossing')).toBeCloseTo((0.28 * (cross - both)) / 2, 1);
  });

  test('interruptions follow from the 99th percentiles of a short and a long transaction', () => {
    expect(values.has('processor.interruption'), 'all percentiles alike').toBe(false);
    const every = 900;
    const lasting = 40;
    const files = syntheticFiles();
    type Point = { workload: string; lat: { p50_ms: number; p99_ms: number } };
    const { points } = files['C2b'] as { points: Point[] };
    const longer = (length: number) => lasting * Math.log(length / every / 0.01);
    const disturbed = points.map((point) => {
      const length = 1000 * point.lat.p50_ms;
      return { ...point, lat: { p50_ms: length / 1000, p99_ms: (length + longer(length)) / 1000 } };
    });
    const found = derived(calibrated({ ...files, C2b: { points: disturbed } }));
    expect(found.get('processor.interrupted_every')).toBeCloseTo(every, 3);
    expect(found.get('processor.interruption')).toBeCloseTo(lasting, 4);
  });

  describe('reads', () => {
    const meta = { hardware: '2 vCPU of nobody, 8 GB RAM' };
    const reads = (iops: number, microseconds: number) => {
      const { tests } = syntheticFiles()['C1'] as { tests: object[] };
      const alone = { test: 'randread8k_odirect_qd1', min_us: microseconds, p999_us: microseconds };
      const c1 = { meta, tests: [...tests, alone, { test: 'fio_16threads', iops }] };
      const found = calibrated({ ...syntheticFiles(), C1: c1 });
      return { values: derived(found), disk: found.profile['disk'] as Record<string, unknown> };
    };

    test('which two cores bounded cost what they had for each, less cold caches', () => {
      const { values, disk } = reads(50_000, 90); // 40 us each, 280 us of others between two
      const warm = 40 / (1 + (TRUTH.refill * 280) / (280 + 250));
      expect(values.get('costs.disk_read')).toBeCloseTo(warm, 6);
      const cold = 1 + (TRUTH.refill * TRUTH.idleWork) / (TRUTH.idleWork + 250);
      expect(values.get('disk.read, mean')).toBeCloseTo(90 - warm * cold - TRUTH.wakeLatency, 4);
      expect(disk['queue_depth']).toBeUndefined();
    });

    test('which the disk bounded tell how many it works on at a time', () => {
      const { values, disk } = reads(10_000, 400);
      expect(values.has('costs.disk_read')).toBe(false);
      expect(values.get('disk.read, mean')).toBeCloseTo(400, 6);
      expect(disk['queue_depth']).toBe(4);
    });
  });

  test('the way through the delay proxy has what the proxy takes itself', () => {
    const files = syntheticFiles();
    const rtt = { oneway_us_500: { p50_us: 1120 }, oneway_us_10000: { p50_us: 20_230 } };
    const c1 = { ...(files['C1'] as object), delay_proxy_pingpong_rtt: rtt };
    const { roundTrip } = calibrated({ ...files, C1: c1 });
    expect(roundTrip(1)).toBeCloseTo(2.12, 9);
    expect(roundTrip(20)).toBeCloseTo(40.23, 9);
    expect(calibration.roundTrip(5)).toBe(10);
  });

  test('what is missing is named with its file', () => {
    const files = syntheticFiles();
    const { points } = files['C2b'] as { points: { workload: string }[] };
    const without = points.filter(({ workload }) => workload !== 'tpcb-like');
    const attempt = () => calibrated({ ...files, C2b: { points: without } });
    expect(attempt).toThrow(BadMeasurements);
    expect(attempt).toThrow(/C2b\.json: there is no point of tpcb-like, placement same/);
    const c1 = { tests: [{ test: 'something else' }], meta: {} };
    expect(() => calibrated({ ...files, C1: c1 })).toThrow(/no test is overwrite8k_fdatasync/);
  });
});

describe('a law from quantiles', () => {
  const test1 = {
    test: 't',
    min_us: 10,
    p10_us: 20,
    p50_us: 60,
    p99_us: 100,
    p999_us: 200,
    max_us: 5_000,
  };

  test('has the quantiles, and between them latencies lie evenly', () => {
    const samples = samplesOf([{ ...test1, mean_us: 62 }]);
    expect(samples).toHaveLength(1000);
    expect(samples).toEqual([...samples].sort((a, b) => a - b));
    expect(samples[99]).toBeCloseTo(20, 0);
    expect(samples[499]).toBeCloseTo(60, 0);
    expect(samples[299]).toBeCloseTo(40, 0);
    expect(samples[989]).toBeCloseTo(100, 0);
  });

  test('has the mean: what quantiles do not explain are the stalls of the last thousandth', () => {
    const samples = samplesOf([{ ...test1, mean_us: 62 }]);
    expect(mean(samples)).toBeCloseTo(62, 6);
    expect(samples.at(-1)).toBeGreaterThan(1000);
    expect(samplesOf([{ ...test1, mean_us: 1_000 }]).at(-1)).toBe(5_000);
    expect(samplesOf([{ ...test1, mean_us: 1 }]).at(-1)).toBe(200);
  });

  test('averages repeats by rank', () => {
    const twice = { ...test1, min_us: 30, p10_us: 40, p50_us: 80 };
    const [a, b, both] = [[test1], [twice], [test1, twice]].map(samplesOf) as [
      number[],
      number[],
      number[],
    ];
    for (const i of [0, 100, 500, 998]) expect(both[i]).toBeCloseTo((a[i]! + b[i]!) / 2, 9);
  });
});

test('sums against cases by hand', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNull();
  expect(spread([9, 11])).toBeCloseTo(0.2, 12);
  expect(spread([5])).toBeNull();
  expect(
    slopeThroughOrigin([
      [1, 2],
      [2, 4.5],
    ]),
  ).toBeCloseTo((2 + 9) / 5, 12);
});
