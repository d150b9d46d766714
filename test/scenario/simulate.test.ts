import { expect, test } from 'vitest';
import { SECOND } from '../../src/kernel/index.ts';
import { loadScenario } from '../../src/scenario/index.ts';
import { simulate } from '../../src/scenario/simulate.ts';

const TEXT = `
name: x
duration: 2s
warmup: WARMUP
hardware: {db: {disk: {kind: nvme}}}
servers: {main: {hardware: db}}
workload:
  pgbench: {scale: 10}
  clients: {app: {count: 4, run: tpcb-like, connect: main}}
`;

function run(warmup: string, until?: number) {
  const loaded = loadScenario(TEXT.replace('WARMUP', warmup), { file: 'x.yaml' });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const heard: number[] = [];
  const options = { onProgress: (at: number) => heard.push(at), ...(until && { until }) };
  const result = simulate(loaded.runs[0]!, options);
  if ('refused' in result) throw new Error('refused');
  return { ...result, heard };
}

test('the warm-up ends at its instant wherever the steps of the progress lie', () => {
  const whole = run('0s');
  const half = run('1s');
  const last = run('1.999s'); // within the last of 200 steps
  const share = ({ metrics }: typeof whole) =>
    metrics['commits.acknowledged']! / whole.metrics['commits.acknowledged']!;
  expect(share(half)).toBeCloseTo(0.5, 1);
  expect(share(last)).toBeGreaterThan(0);
  expect(share(last)).toBeLessThan(0.002);
  expect(new Set([whole.digest, half.digest, last.digest]).size).toBe(1);
});

test('progress goes up to the end, which an early one moves', () => {
  const whole = run('0s').heard;
  expect(whole.slice(0, 2).map((at) => at / SECOND)).toEqual([0.01, 0.02]);
  expect(whole.every((at, i) => i === 0 || at > whole[i - 1]!)).toBe(true);
  expect(Math.max(...whole)).toBeLessThan(2 * SECOND);
  expect(Math.max(...run('0s', SECOND).heard)).toBeLessThan(SECOND);
  expect(run('0s', SECOND).digest).not.toBe(run('0s').digest);
});

test('what is not a run is refused by name', () => {
  const loaded = loadScenario(TEXT.replace('WARMUP', '0s'), { file: 'x.yaml' });
  expect(() => simulate(loaded as never)).toThrow(/one run of a scenario: .*runs\[0\]/);
  expect(() => simulate(undefined as never)).toThrow(/one run of a scenario/);
});

test('a claim is judged by the run that it names', () => {
  const text = `${TEXT.replace('WARMUP', '0s').replace('2s', '100ms')}
variants: {slow: {set: {hardware.db.disk.fsync: 40ms}}}
claims:
  - {id: D1, says: it is fast, source: a book, expect: latency.mean < 20ms}
  - {id: D2, says: a disk can be slow, source: a book, variant: slow, expect: latency.mean > 20ms}
`;
  const loaded = loadScenario(text, { file: 'x.yaml' });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const judged = loaded.runs.map((each) => {
    const result = simulate(each);
    return 'refused' in result ? [] : result.claims.map(({ id, verdict }) => `${id} ${verdict}`);
  });
  expect(judged).toEqual([['D1 holds'], ['D2 holds']]);
});

test('tables that the disk has no room for are refused where their server stands', () => {
  const text = TEXT.replace('WARMUP', '0s');
  const sized = (size: string) => {
    const loaded = loadScenario(text.replace('nvme', `nvme, size: ${size}`), { file: 'x.yaml' });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return simulate(loaded.runs[0]!, { until: SECOND });
  };
  const refused = sized('100MB');
  if (!('refused' in refused)) throw new Error('it ran');
  const { why } = refused.refused[0]!;
  expect(why).toMatch(/^its tables and WAL take 0\.2 GB and its disk has 0\.1 GB$/);
  expect('refused' in sized('2GB')).toBe(false);
});

test('start.xid_age: tables that were last frozen so many transactions ago (6.6)', () => {
  const aged = (age: string) => {
    const start = `start: {xid_age: ${age}}\npostgresql: {autovacuum_naptime: 1s}`;
    const text = `${TEXT.replace('WARMUP', '0s').replace('scale: 10', 'scale: 1')}${start}\n`;
    const loaded = loadScenario(text, { file: 'x.yaml' });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const result = simulate(loaded.runs[0]!);
    if ('refused' in result) throw new Error('refused');
    const vacuums = result.events.filter(({ kind }) => kind === 'vacuum').map(({ text }) => text);
    return { vacuums, errors: result.metrics['errors'] };
  };
  const forced = /autovacuum \(aggressive\) of pgbench_accounts/;
  expect(aged('199M').vacuums.filter((text) => forced.test(text))).toEqual([]);
  const { vacuums, errors } = aged('201M');
  expect(vacuums.filter((text) => forced.test(text)).length).toBe(1);
  expect(errors).toBe(0);
  expect(aged('2145M').errors, 'no new ids').toBeGreaterThan(0);
});

test('slot: true keeps the WAL of a standby that is away; without it, it cannot come back', () => {
  const away = (slot: boolean) => {
    const text = `
name: x
duration: 25s
hardware: {db: {disk: {kind: nvme}}}
postgresql: {max_wal_size: 64MB, min_wal_size: 32MB, checkpoint_completion_target: 0.1}
servers: {main: {hardware: db}, other: {hardware: db, standby_of: main, slot: ${slot}}}
workload:
  pgbench: {scale: 10}
  clients: {app: {count: 8, think: 10ms, run: simple-update, connect: main}}
faults: [{at: 1s, crash: other, for: 12s}]
`;
    const loaded = loadScenario(text, { file: 'x.yaml' });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const result = simulate(loaded.runs[0]!);
    if ('refused' in result) throw new Error(JSON.stringify(result.refused));
    const { metrics } = result;
    return {
      kept: metrics['servers.main.wal.size.max']! / 2 ** 20,
      behind: metrics['servers.other.replication.flush_lag.bytes.end']! / 2 ** 20,
    };
  };
  const [without, having] = [away(false), away(true)];
  expect(without.kept).toBeLessThanOrEqual(96);
  expect(having.kept).toBeGreaterThan(without.kept);
  expect(having.behind, 'it has caught up').toBeLessThan(1);
  expect(without.behind).toBeGreaterThan(64);
});
