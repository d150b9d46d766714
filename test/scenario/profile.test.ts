import { describe, expect, test } from 'vitest';
import { MICROSECOND } from '../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { formatProblem } from '../../src/scenario/problem.ts';
import type { ProfileText } from '../../src/scenario/resolve/context.ts';
import { simulate } from '../../src/scenario/simulate.ts';

const REST = `
hosts: {box: {hardware: m}}
servers: {pg1: {host: box}}
duration: 1s
workload:
  pgbench: {scale: 1}
  transactions: {read: {builtin: select-only}}
  clients: {app: {host: box, count: 1, run: read, connect: pg1, protocol: prepared}}
`;

function load(machine: string, readProfile?: (file: string) => ProfileText) {
  return loadScenario(`hardware: {m: ${machine}}${REST}`, { readProfile });
}

function machine(text: string, readProfile?: (file: string) => ProfileText) {
  const loaded = load(text, readProfile);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.scenario.hosts.get('box')!.machine;
}

function problems(text: string, readProfile?: (file: string) => ProfileText): string[] {
  const loaded = load(text, readProfile);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

describe('hardware.X.profile', () => {
  test('without one, costs are the documented defaults', () => {
    const { profile } = machine('{cores: 2}');
    expect(profile.costs).toEqual(DEFAULT_COSTS);
    expect(profile.loopbackDelay).toBeNull();
  });

  test('a profile changes what it names and nothing else', () => {
    const { profile, disk, cores } = machine(`{cores: 2, profile: {loopback: 0, disk:
      {fsync: {samples: [90us, 110us]}, queue_depth: 3, stream: 2GB/s},
      costs: {message: 7us, redo_per_byte: 2.5, statements: {update: {execute: 9us}}}}}`);
    const { message, redoPerByte, statements, ...rest } = profile.costs;
    const usual = DEFAULT_COSTS;
    expect([message, redoPerByte, profile.loopbackDelay, cores]).toEqual([7_000, 2.5, 0, 2]);
    expect(statements).toEqual({
      ...usual.statements,
      update: { plan: usual.statements.update.plan, execute: 9_000 },
    });
    expect(rest).toEqual(
      Object.fromEntries(Object.keys(rest).map((key) => [key, usual[key as keyof typeof usual]])),
    );
    expect(disk.fsync).toEqual({ kind: 'empirical', samples: [90_000, 110_000] });
    expect([disk.queueDepth, disk.streamBytesPerSecond]).toEqual([3, 2 * 1024 ** 3]);
  });

  test('what the machine says of its disk goes before the profile', () => {
    const { disk } = machine('{disk: {fsync: 5ms}, profile: {disk: {fsync: 1ms, write: 2ms}}}');
    expect(disk.fsync).toEqual({ kind: 'constant', value: 5_000 * MICROSECOND });
    expect(disk.write).toEqual({ kind: 'constant', value: 2_000 * MICROSECOND });
  });

  test('a run takes as long as the profile says: round trips of one session, all of it CPU', () => {
    const loaded = load(`{cores: 2, profile: {loopback: 0,
      costs: {message: 30us, statements: {select: {execute: 70us}}}}}`);
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const result = simulate(loaded.runs[0]!, { seed: 1 });
    if ('refused' in result) throw new Error('refused');
    expect(result.metrics['latency.read.p50']).toBeCloseTo(100e-6, 6);
    expect(result.metrics['latency.read.p99']).toBeCloseTo(100e-6, 6);
  });

  test('mistakes are found where they stand', () => {
    expect(problems('{profile: {costs: {mesage: 4us}}}')).toEqual([
      expect.stringMatching(/^scenario.yaml:1:\d+: .*mesage.*did you mean message\?$/),
    ]);
    expect(problems('{profile: {costs: {redo_per_byte: -1}}}')[0]).toContain('negative');
  });

  test('what the model does not use yet is said', () => {
    const loaded = load('{profile: {costs: {page_hit: 1us}}}');
    expect(loaded.ok && loaded.warnings.map(({ what, why }) => `${what}: ${why}`)).toContain(
      'hardware.m.profile.costs.page_hit: is not used by the model yet',
    );
  });
});

describe('a profile in a file', () => {
  const reader = (text: string) => (file: string) => {
    expect(file).toBe('my.json');
    return { ok: true, text } as const;
  };

  test('YAML or JSON, read by whoever has files', () => {
    for (const text of ['{"costs": {"flush": "60us"}}', 'costs:\n  flush: 60us\n']) {
      expect(machine('{profile: my.json}', reader(text)).profile.costs.flush).toBe(60_000);
    }
  });

  test('problems name the file, its line and the value', () => {
    const [broken] = problems('{profile: my.json}', reader('costs:\n  flush: soon\n'));
    expect(broken).toMatch(/^scenario\.yaml:1:\d+: hardware\.m\.profile: my\.json:2: costs\.flush/);
    expect(problems('{profile: my.json}', reader('{'))[0]).toContain('my.json is not YAML or JSON');
    const missing = () => ({ ok: false, why: 'my.json: no such file' }) as const;
    expect(problems('{profile: my.json}', missing)[0]).toContain('no such file');
    expect(problems('{profile: my.json}')[0]).toContain('nothing here reads files');
  });
});
