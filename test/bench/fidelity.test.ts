import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ABLATIONS } from '../../bench/fidelity/ablations.ts';
import { calibrate } from '../../bench/fidelity/calibrate.ts';
import { readCalibrationData } from '../../bench/fidelity/calibration-data.ts';
import { EXPERIMENTS } from '../../bench/fidelity/experiments/index.ts';
import { main } from '../../bench/fidelity/main.ts';
import type { Row } from '../../bench/fidelity/row.ts';
import { LINUX_SWITCHING } from '../../src/hardware/cores.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { formatProblem } from '../../src/scenario/problem.ts';
import { directoryOf, syntheticFiles, syntheticV1, TRUTH } from './measurements.ts';

function run(...given: string[]) {
  const texts = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    write: (text: string) => {
      texts[name] += text;
    },
  });
  const status = main(given, { out: stream('out'), err: stream('err') });
  return { status, ...texts };
}

const tiny = () => directoryOf({ ...syntheticFiles(), V1: syntheticV1() });

/**
 * A select of one client on two cores: each message wakes an idle one, which has lost its caches,
 * and each side has lost of its own what the other and two idle cores, of two, take away.
 */
function roundTripAcrossCores(): number {
  const { wakeLatency, refill, idleWork } = TRUTH;
  const halfWork = LINUX_SWITCHING.halfWork / 1000;
  const after = (service: number, other: number) => {
    const others = (other + 2 * idleWork) / 2;
    return wakeLatency + service * (1 + (refill * others) / (others + halfWork));
  };
  let server = 0;
  let client = 0;
  for (let turn = 0; turn < 50; turn++) {
    server = after(TRUTH.message + TRUTH.select, client);
    client = after(TRUTH.client, server);
  }
  return server + client;
}

describe('npm run fidelity on measurements of one’s own', () => {
  test('one client alone: calibrated costs with cold caches, and two wake-ups', () => {
    const { status, out, err } = run('--data', tiny(), '--only', 'V1', '--json', '-');
    expect([status, err]).toEqual([0, '']);
    const rows = JSON.parse(out) as Row[];
    const [point] = rows;
    expect(Object.keys(point!)).toEqual([
      ...['experiment', 'point', 'metric', 'measured', 'predicted', 'error', 'noise'],
    ]);
    const roundTrip = roundTripAcrossCores();
    const of = (metric: string) => rows.find((each) => each.metric === metric)!;
    expect(of('tps').predicted! / (1e6 / roundTrip)).toBeCloseTo(1, 2);
    expect(of('tps').measured).toBeCloseTo(80_000, 6);
    expect(of('tps').error).toBeCloseTo(of('tps').predicted! / 80_000 - 1, 9);
    expect(of('tps').noise).toBeCloseTo(0.1, 9);
    expect(of('p50_ms').predicted).toBeCloseTo(roundTrip / 1000, 3);
  });

  test('what was calibrated is given back, from every transaction that it was made of', () => {
    const rows = JSON.parse(run('--data', tiny(), '--only', 'C2b', '--json', '-').out) as Row[];
    const judged = rows.filter(({ metric }) => metric === 'tps' || metric === 'p50_ms');
    expect(judged).toHaveLength(2 * 5);
    for (const { point, metric, error } of judged) {
      expect(Math.abs(error!), `${point}, ${metric}`).toBeLessThan(0.03);
    }
  });

  test('experiments without scenarios are named', () => {
    const folder = directoryOf({ ...syntheticFiles(), V1: syntheticV1(), V12: {}, V9: {} });
    expect(run('--data', folder, '--no-ablations').out).toContain('No scenarios yet: V9, V12.');
  });

  test('the report goes to standard output, the rows to the file', () => {
    const folder = tiny();
    const json = join(folder, 'rows.json');
    const { status, out } = run('--data', folder, '--json', json);
    expect(status).toBe(0);
    expect(out).toContain('## V1: Clients 1 to 256');
    expect(out).toContain('| V1 | throughput | 10% median, 20% |');
    expect(out).toContain('clients on cores of their own, at no cost');
    expect(out).toContain('processor.core_wakeup');
    expect(out).not.toContain('Known causes');
    const rows = JSON.parse(readFileSync(json, 'utf8')) as Row[];
    expect(new Set(rows.map(({ experiment }) => experiment))).toEqual(new Set(['C2b', 'V1']));
  });

  test('without ablations it says nothing of them', () => {
    const { out } = run('--data', tiny(), '--no-ablations');
    expect(out).not.toContain('without a mechanism');
  });
});

describe('a directory that cannot be used: exit status 2, and where it is wrong', () => {
  const broken = (files: Record<string, unknown>, ...given: string[]) => {
    const folder = directoryOf({ ...syntheticFiles(), V1: syntheticV1(), ...files });
    const { status, out, err } = run('--data', folder, ...given);
    expect([status, out]).toEqual([2, '']);
    return err.replaceAll(`${folder}/`, '');
  };

  test('a column that is no number', () => {
    const v1 = JSON.stringify(syntheticV1(), null, 1).replace('"tps": 76000', '"tps": "fast"');
    const line = v1.split('\n').findIndex((each) => each.includes('fast')) + 1;
    expect(broken({ V1: v1 })).toBe(`V1.json:${line}:11: points.0.tps: is not a number\n`);
  });

  test('a column that is missing, and a file of another shape', () => {
    expect(broken({ C3: { points: [{ clients: 1, transport: 'unix' }] } })).toContain(
      'points.0.server_cpu_us_per_txn: is not a number',
    );
    expect(broken({ V1: [] })).toMatch(/^V1\.json:1:1: /);
  });

  test('JSON that is cut off', () => {
    expect(broken({ C1: '{"meta": {},\n "tests": [' })).toMatch(/^C1\.json:2:\d+: JSON: /);
  });

  test('no calibration, no experiment, none of that name', () => {
    const folder = directoryOf({ V1: syntheticV1() });
    expect(run('--data', folder)).toMatchObject({ status: 2 });
    expect(run('--data', folder).err).toContain('C1.json:1:1: the file: there is none');
    const none = run('--data', directoryOf(syntheticFiles()));
    expect([none.status, none.err]).toEqual([2, expect.stringContaining('has none of V1.json')]);
    expect(broken({}, '--only', 'V77')).toContain('V77:1:1: the directory: is no experiment');
    expect(broken({}, '--only', 'V2')).toContain('has no V2.json');
  });

  test('an option that does not exist', () => {
    const { status, err } = run('--dta', 'x');
    expect(status).toBe(2);
    expect(err).toContain('npm run fidelity -- [--data DIR]');
  });
});

describe('the measurements that come with the harness', () => {
  const folder = join(import.meta.dirname, '../../bench/fidelity/data');
  const calibration = calibrate(readCalibrationData(folder));

  test.each(EXPERIMENTS)('$name: every point is a scenario, without each mechanism too', (each) => {
    const points = each.points(folder, calibration);
    expect(points.length).toBeGreaterThan(0);
    expect(new Set(points.map(({ name }) => name)).size).toBe(points.length);
    for (const { scenario, measured } of points) {
      expect(Object.keys(measured).length).toBeGreaterThan(0);
      const sets = ABLATIONS.flatMap(({ changes }) => [changes(scenario) ?? []]);
      for (const set of each.ablated && scenario === points[0]!.scenario ? [[], ...sets] : [[]]) {
        const loaded = loadScenario(JSON.stringify(scenario), { set });
        expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([]);
      }
    }
  });

  test('nothing of the results reaches the calibration', () => {
    const only = { ...syntheticFiles() };
    const before = calibrate(readCalibrationData(directoryOf(only)));
    const beside = directoryOf(only);
    const results = EXPERIMENTS.filter(({ name }) => name.startsWith('V'));
    for (const { name } of results) writeFileSync(join(beside, `${name}.json`), 'not read');
    expect(calibrate(readCalibrationData(beside)).profile).toEqual(before.profile);
  });
});
