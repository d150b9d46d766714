import { describe, expect, test } from 'vitest';
import { loadScenario } from '../../src/scenario/load.ts';
import { simulate } from '../../src/scenario/simulate.ts';

/*
 * What single values of a hardware profile do to a run, against what they mean.
 */

interface Plan {
  readonly builtin: 'select-only' | 'simple-update';
  readonly clients?: number;
  readonly cores?: number;
  readonly client?: Record<string, unknown>;
  readonly costs?: Record<string, unknown>;
  readonly processor?: Record<string, unknown>;
  readonly postgresql?: Record<string, unknown>;
  readonly memory?: string;
  readonly scale?: number;
}

/** The metrics of five seconds of a server that shares its host with its clients. */
function run(plan: Plan): Readonly<Record<string, number>> {
  const { builtin, clients = 1, cores = 4, client = {}, costs = {}, processor = {} } = plan;
  const disk = { fsync: '100us', read: '50us', queue_depth: 1 };
  const scenario = {
    seed: 1,
    warmup: '1s',
    duration: '6s',
    hardware: {
      box: {
        cores,
        memory: plan.memory ?? '8GB',
        profile: { loopback: 0, costs, processor, disk },
      },
    },
    hosts: { box: { hardware: 'box' } },
    postgresql: { version: 15, full_page_writes: 'off', ...plan.postgresql },
    servers: { pg1: { host: 'box' } },
    workload: {
      pgbench: { scale: plan.scale ?? 1 },
      transactions: { txn: { builtin } },
      clients: { c: { host: 'box', count: clients, run: 'txn', connect: 'pg1', ...client } },
    },
  };
  const loaded = loadScenario(JSON.stringify(scenario));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const result = simulate(loaded.runs[0]!, { seed: 1 });
  if ('refused' in result) throw new Error(JSON.stringify(result.refused));
  expect(result.lawsBroken).toEqual([]);
  return result.metrics as Readonly<Record<string, number>>;
}

const SECONDS = 5;

describe('values of a profile', () => {
  test('flush_in_kernel: cores are busy with each flush so long, and nobody waits for it', () => {
    const work = (flush_in_kernel: string) => {
      const warm = { cache_refill: 0 }; // or it would cool the others' caches
      const costs = { flush_in_kernel };
      const metrics = run({ builtin: 'simple-update', costs, processor: warm });
      const busy = metrics['servers.pg1.cpu.utilization']! * 4 * SECONDS;
      return { busy, flushes: metrics['servers.pg1.wal.flushes']!, p50: metrics['latency.p50']! };
    };
    const [without, with40] = [work('0us'), work('40us')];
    expect(with40.p50).toBeCloseTo(without.p50, 6);
    expect((with40.busy - without.busy) / with40.flushes / 40e-6).toBeCloseTo(1, 1);
  });

  test('disk_read: each read of the disk takes so much processor time beside the device', () => {
    const small = { postgresql: { shared_buffers: '1MB' }, memory: '300MB', scale: 50 };
    const latency = (disk_read: string) => {
      const metrics = run({ builtin: 'select-only', costs: { disk_read }, ...small });
      const reads = (metrics['servers.pg1.disk.utilization']! * SECONDS) / 50e-6; // one at a time
      return { reads: reads / metrics['latency.count']!, mean: metrics['latency.mean']! };
    };
    const [without, with200] = [latency('0us'), latency('200us')];
    expect(with200.reads).toBeGreaterThan(0.5);
    const device = (with200.reads - without.reads) * 50e-6;
    const longer = with200.mean - without.mean - device;
    expect(longer / (with200.reads * 200e-6)).toBeCloseTo(1, 1);
  });

  test('interruptions leave the mean as it was, and lengthen one transaction in so many', () => {
    const of = (processor: Record<string, unknown>) =>
      run({ builtin: 'select-only', cores: 1, processor });
    const undisturbed = of({});
    const disturbed = of({ interrupted_every: '1ms', interruption: '50us' });
    expect(disturbed['latency.mean']! / undisturbed['latency.mean']!).toBeCloseTo(1, 1);
    expect(undisturbed['latency.p99']).toBeCloseTo(undisturbed['latency.p50']!, 5);
    // of T / 1 ms transactions each, exp(-x / 50 us) take more than x longer
    const share = undisturbed['latency.p50']! / 1e-3;
    const longer = 50e-6 * Math.log(share / 0.001);
    const found = disturbed['latency.p999']! - disturbed['latency.p50']!;
    expect(found / longer).toBeGreaterThan(0.85);
    expect(found / longer).toBeLessThan(1.15);
  });
});

test('sizes of a table and its index apart: 1,640 and 276 pages as PostgreSQL makes them', () => {
  const metrics = run({ builtin: 'select-only' });
  const of = (name: string) => metrics[`servers.pg1.tables.pgbench_accounts.${name}.end`];
  expect(of('heap_bytes')).toBe(1640 * 8192);
  expect(of('index_bytes')).toBe(276 * 8192);
  expect(of('bytes')).toBe((1640 + 276) * 8192);
});

test('pgbench’s latency leaves out what a session waits between its transactions', () => {
  const crowd = { count: 16, threads: 1, cpu: '40us' };
  const metrics = run({ builtin: 'select-only', client: crowd });
  const inFlight = metrics['throughput.tps']! * metrics['latency.mean']!;
  // The thread is the bottleneck: it ends one half of the sessions' time, and begins the other.
  expect(metrics['throughput.tps']! / (1 / 40e-6)).toBeCloseTo(1, 1);
  expect(inFlight).toBeGreaterThan(5);
  expect(inFlight).toBeLessThan(12);
});
