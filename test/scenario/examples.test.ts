import { describe, expect, test } from 'vitest';
import { expandRuns } from '../../src/scenario/index.ts';
import { examples, load } from './support.ts';

const MS = 1_000_000;
const S = 1_000_000_000;

describe('the examples of the language', () => {
  test.each([...examples.keys()])('%s loads with all of its runs', (name) => {
    const { document, scenario } = load(examples.get(name)!, { file: name });
    expect(scenario.name).toBe(name.replace('.yaml', ''));
    const runs = expandRuns(document);
    expect(runs.ok).toBe(true);
  });

  test('async-failover says what it says of servers, network and machines', () => {
    const { scenario } = load(examples.get('async-failover.yaml')!);
    expect(scenario).toMatchObject({
      seed: 42,
      duration: 180 * S,
      warmup: 10 * S,
      fencing: 'lease',
    });
    expect([...scenario.servers.keys()]).toEqual(['pg1', 'pg2', 'pg3']);
    const pg2 = scenario.servers.get('pg2')!;
    expect(pg2).toMatchObject({ standbyOf: 'pg1', primary: 'pg1', zone: 'b', host: 'pg2' });
    expect(pg2.settings).toMatchObject({
      shared_buffers: 8 * 1024 * 1024 * 1024,
      max_connections: 400,
      synchronous_commit: 'local',
    });
    expect(scenario.network.paths.get('a~b')!.rtt).toEqual({
      kind: 'log-normal',
      median: 12 * MS,
      p99: 14 * MS,
    });
    expect(scenario.network.paths.get('b~c')!.rtt).toEqual({ kind: 'constant', value: 50 * MS });
    expect(scenario.network.paths.get('a~a')!.rtt).toEqual({ kind: 'constant', value: 0.2 * MS });
    expect(scenario.hosts.get('pg1')!.machine).toMatchObject({ cores: 4, disk: { kind: 'gp3' } });
  });

  test('async-failover says what it says of routes, clients and faults', () => {
    const { scenario } = load(examples.get('async-failover.yaml')!);
    expect(scenario.haproxy!.settings).toMatchObject({
      inter: 3 * S,
      'timeout check': 5 * S,
      'timeout connect': null,
      'on-marked-down': 'shutdown-sessions',
    });
    expect(scenario.etcd!.members).toEqual([
      { name: 'a', zone: 'a', host: 'pg1' },
      { name: 'b', zone: 'b', host: 'pg2' },
      { name: 'c', zone: 'c', host: 'pg3' },
    ]);
    expect(scenario.workload.clients.get('app')).toMatchObject({
      count: 256,
      rate: 1000,
      think: null,
      protocol: 'simple',
      connection: 'session',
      run: [
        { transaction: 'lookup', weight: 60 },
        { transaction: 'transfer', weight: 40 },
      ],
      connect: { kind: 'haproxy', frontend: 'primary' },
      reconnect: { kind: 'uniform', min: 0.5 * S, max: 1.5 * S },
    });
    expect(scenario.faults).toEqual([
      {
        index: 0,
        kind: 'partition',
        start: { kind: 'time', at: 119.9 * S },
        for: S,
        sides: [
          [{ kind: 'zone', zone: 'a' }],
          [
            { kind: 'zone', zone: 'b' },
            { kind: 'zone', zone: 'c' },
          ],
        ],
      },
      {
        index: 1,
        kind: 'power_off',
        start: { kind: 'time', at: 120 * S },
        for: null,
        targets: [{ kind: 'server', server: 'pg1' }],
      },
    ]);
  });

  test('a variant differs from the base in what it sets and nothing else', () => {
    const { document } = load(examples.get('async-failover.yaml')!);
    const runs = expandRuns(document);
    if (!runs.ok) throw new Error('does not expand');
    const [base, sync] = runs.runs;
    expect(base).toMatchObject({ variant: 'base', set: {}, patches: [] });
    expect(sync!.set).toEqual({
      'postgresql.synchronous_commit': 'on',
      'patroni.synchronous_mode': true,
    });
    expect(sync!.patches).toEqual([
      { op: 'replace', path: ['postgresql', 'synchronous_commit'], value: 'on' },
      { op: 'add', path: ['patroni', 'synchronous_mode'], value: true },
    ]);
    expect(sync!.scenario.servers.get('pg3')!.settings.synchronous_commit).toBe('on');
    expect(sync!.scenario.patroni!.settings.synchronous_mode).toBe('on');
    expect(sync!.scenario.workload).toEqual(base!.scenario.workload);
    expect(sync!.expect.map((each) => each.text)).toEqual([
      'commits.lost == 0',
      'latency.write.p50 > 12ms',
    ]);
    expect(sync!.observe.map((each) => each.text)).toEqual(['failover.count == 1']);
  });

  test('durability-gradient sweeps the cross product in the order of the file', () => {
    const { document } = load(examples.get('durability-gradient.yaml')!);
    const runs = expandRuns(document);
    if (!runs.ok) throw new Error('does not expand');
    const points = runs.runs.filter((run) => run.kind === 'point');
    expect(points).toHaveLength(15);
    expect(points[0]!.variant).toBe(
      'postgresql.synchronous_commit=off,network.rtt.same-region=0.5ms',
    );
    expect(points[1]!.variant).toContain('same-region=2ms');
    expect(points[14]!.variant).toContain('remote_apply,network.rtt.same-region=10ms');
    for (const point of points) expect([point.observe, point.expect]).toEqual([[], []]);
  });

  test('split-brain removes a server and keeps a member in its zone', () => {
    const { document } = load(examples.get('split-brain.yaml')!);
    const runs = expandRuns(document);
    if (!runs.ok) throw new Error('does not expand');
    const witness = runs.runs.find((run) => run.variant === 'witness')!.scenario;
    expect([...witness.servers.keys()]).toEqual(['pg1', 'pg2']);
    expect(witness.etcd!.members[2]).toEqual({ name: 'c', zone: 'c', host: 'etcd.c' });
    const stuck = runs.runs.find((run) => run.variant === 'stuck-agent')!.scenario;
    expect(stuck.faults).toHaveLength(2);
    expect(stuck.faults[1]).toMatchObject({
      kind: 'pause',
      targets: [{ kind: 'patroni', server: 'pg1' }],
      for: 180 * S,
    });
  });

  test('fan-out has a partition for each month of two years', () => {
    const { document } = load(examples.get('fan-out.yaml')!);
    const runs = expandRuns(document);
    if (!runs.ok) throw new Error('does not expand');
    const counts = runs.runs.map(({ scenario }) => {
      const partitions = scenario.workload.partitions.get('supply_deliveries')!;
      return partitions.kind === 'range' ? partitions.ranges.length : 0;
    });
    expect(counts).toEqual([24, 2, 8, 24, 105]);
    const monthly = runs.runs[0]!.scenario.workload.partitions.get('supply_deliveries')!;
    const ranges = monthly.kind === 'range' ? monthly.ranges : [];
    expect(ranges[0]).toEqual({
      name: 'supply_deliveries_2024_01',
      from: '2024-01-01',
      to: '2024-02-01',
    });
    expect(ranges[23]!.to).toBe('2026-01-01');
  });
});
