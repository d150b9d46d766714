import { describe, expect, test } from 'vitest';
import { applySet, expandRuns, type Run } from '../../src/scenario/index.ts';
import { load, minimal, problems } from './support.ts';

function runsOf(text: string): readonly Run[] {
  const { document } = load(text);
  const runs = expandRuns(document);
  if (!runs.ok) throw new Error('does not expand');
  return runs.runs;
}

const texts = (comparisons: Run['expect']) => comparisons.map((each) => each.text);

describe('variants', () => {
  const text = minimal(`
seed: 3
observe: [throughput.tps > 1]
expect: [commits.lost == 0]
invariants: [noSplitBrain]
faults: [{at: 1s, crash: pg1}]
sweep_expect: [throughput.tps > 2]
variants:
  quiet: {title: No faults, set: {faults: []}}
  own: {set: {seed: 4}, observe: [throughput.tps > 3], expect: [commits.lost > 0]}
  more: {faults+: [{at: 2s, pause: pg1}]}
sweep: {workload.clients.app.count: [1, 2], seed: [3]}
`);

  test('the base, its variants in the order of the file, and the points of its sweep', () => {
    expect(runsOf(text).map(({ variant, kind }) => `${kind} ${variant}`)).toEqual([
      'base base',
      'variant quiet',
      'variant own',
      'variant more',
      'point workload.clients.app.count=1,seed=3',
      'point workload.clients.app.count=2,seed=3',
    ]);
  });

  test('the base’s expect belongs to the base; its observe holds unless there is another', () => {
    const [base, quiet, own] = runsOf(text);
    expect([texts(base!.observe), texts(base!.expect)]).toEqual([
      ['throughput.tps > 1'],
      ['commits.lost == 0'],
    ]);
    expect([texts(quiet!.observe), texts(quiet!.expect)]).toEqual([['throughput.tps > 1'], []]);
    expect([texts(own!.observe), texts(own!.expect)]).toEqual([
      ['throughput.tps > 3'],
      ['commits.lost > 0'],
    ]);
  });

  test('points have sweep_expect alone; a point equal to the base is run too', () => {
    const points = runsOf(text).filter((run) => run.kind === 'point');
    for (const point of points)
      expect([texts(point.observe), texts(point.expect)]).toEqual([[], ['throughput.tps > 2']]);
    expect(points[0]!.scenario.workload).toEqual(runsOf(text)[0]!.scenario.workload);
  });

  test('invariants hold everywhere', () => {
    for (const run of runsOf(text)) expect(run.scenario.invariants).toEqual(['noSplitBrain']);
  });

  test('patches are what differs', () => {
    const [base, quiet, own, more] = runsOf(text);
    expect(base!.patches).toEqual([]);
    expect(quiet).toMatchObject({
      title: 'No faults',
      patches: [{ op: 'replace', path: ['faults'], value: [] }],
    });
    expect(own!.patches).toEqual([{ op: 'replace', path: ['seed'], value: 4 }]);
    expect(more!.scenario.faults.map((fault) => fault.kind)).toEqual(['crash', 'pause']);
    expect(base!.scenario.faults).toHaveLength(1);
  });

  test('null removes, and a path makes the maps on its way', () => {
    const [base, less, pooled] = runsOf(
      minimal(
        `
duration: 10s
variants:
  less: {set: {duration: null, servers.pg2: null}}
  pooled: {set: {pgbouncer.pool: {server: pg1}, workload.clients.app.connect: pgbouncer.pool}}
`,
        '{pg1: {}, pg2: {standby_of: pg1}}',
      ),
    );
    expect(less!.scenario.duration).toBe(60_000_000_000);
    expect([...less!.scenario.servers.keys()]).toEqual(['pg1']);
    expect(base!.scenario.servers.size).toBe(2);
    expect(pooled!.scenario.workload.clients.get('app')!.connect).toEqual({
      kind: 'pgbouncer',
      pool: 'pool',
    });
    expect(pooled!.scenario.hosts.has('pgbouncer.pool')).toBe(true);
  });

  test('a step of a path may be an entry of a list or a name with dots', () => {
    const [, late, shards] = runsOf(
      minimal(`
faults: [{at: 1s, crash: pg1}]
postgresql: {citus.shard_count: 32}
variants:
  late: {set: {faults.0.at: 5s}}
  shards: {set: {postgresql.citus.shard_count: 64}}
`),
    );
    expect(late!.scenario.faults[0]!.start).toEqual({ kind: 'time', at: 5_000_000_000 });
    expect(shards!.patches).toEqual([
      { op: 'replace', path: ['postgresql', 'citus.shard_count'], value: 64 },
    ]);
  });

  test.each([
    [
      'a wrong value',
      'v: {set: {servers.pg1.zone: z}}',
      /^x\.yaml:5:31: servers\.pg1\.zone: .*\(in v\)/,
    ],
    ['a wrong path', 'v: {set: {servers.pg1.zoen: a}}', /zoen: .*\(in v\); did you mean zone\?/],
    ['a missing entry', 'v: {set: {faults.3.at: 1s}}', /^x\.yaml:5:26: faults: must be a list/],
    ['a section of several runs', 'v: {set: {sweep: null}}', /cannot be changed for a single run/],
    ['a part of a value', 'v: {set: {seed.x: 1}}', /seed is a single value without parts/],
    ['__proto__', 'v: {set: {servers.__proto__.x: 1}}', /is no path of a scenario/],
    ['an empty step', 'v: {set: {servers..x: 1}}', /a step of the path is empty/],
    ['a bad fault', 'v: {faults+: [{at: 1s, crash: x}]}', /^x\.yaml:5:\d+: faults\.0\.crash/],
    ['a bad expectation', 'v: {expect: [a = 1]}', /^x\.yaml:5:18: .*did you mean ==/],
    ['an unknown key', 'v: {sets: {}}', /did you mean set\?/],
  ])('%s is refused at its place', (_, variant, expected) => {
    const found = problems(minimal(`seed: 1\nvariants:\n  ${variant}`));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });
});

describe('sweeps', () => {
  test('the last path varies fastest, as the file is read', () => {
    const names = runsOf(minimal('sweep: {seed: [1, 2], duration: [1s, 2s]}')).map(
      (run) => run.variant,
    );
    expect(names).toEqual([
      'base',
      'seed=1,duration=1s',
      'seed=1,duration=2s',
      'seed=2,duration=1s',
      'seed=2,duration=2s',
    ]);
  });

  test('a bad point is refused at its value', () => {
    expect(problems(minimal('sweep: {seed: [1, -2]}'))).toEqual([
      expect.stringMatching(/^x\.yaml:3:19: seed: .*cannot be negative.*in seed=-2/),
    ]);
  });

  test('too many points are refused', () => {
    const values = `[${Array.from({ length: 100 }, (_, i) => i + 1)}]`;
    const text = minimal(`sweep: {seed: ${values}, workload.clients.app.count: ${values}}`);
    expect(problems(text).join()).toContain('has 10000 points; at most 5000 are run');
  });
});

describe('--set path=value', () => {
  test('changes the base, and with it every variant', () => {
    const { document, scenario } = load(minimal('variants: {v: {set: {seed: 9}}}'), {
      set: [
        'duration=5s',
        'postgresql.max_connections=50',
        'workload.clients.app.run={tpcb-like: 2}',
      ],
    });
    expect(scenario.duration).toBe(5_000_000_000);
    expect(scenario.servers.get('pg1')!.settings.max_connections).toBe(50);
    const runs = expandRuns(document);
    expect(runs.ok && runs.runs[1]!.scenario).toMatchObject({ seed: 9, duration: 5_000_000_000 });
  });

  test.each([
    ['duration=5', '--set:1:10: duration: a duration needs a unit, as in 30s'],
    ['servers.pg1.zone=zz', '--set:1:18: servers.pg1.zone: is not a zone; there is a'],
    ['seed', '--set:1:1: seed: is not of the form path=value'],
    ['seed={', '--set:1:7'],
    ['postgresql.shared_bufers=1', 'did you mean shared_buffers?'],
    ['faults.1.at=1s', '--set:1:1'],
  ])('%s is refused', (option, why) => {
    const found = problems(minimal(), { set: [option] });
    expect(found.length).toBeGreaterThan(0);
    expect(found.join()).toContain(why);
  });

  test('can be asked for alone', () => {
    const { document } = load(minimal());
    const changed = applySet(document, 'seed=7');
    expect(changed.ok && changed.document.value).toMatchObject({ seed: 7 });
    expect(document.value).not.toHaveProperty('seed');
  });
});
