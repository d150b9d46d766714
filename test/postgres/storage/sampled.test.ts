import { describe, expect, test } from 'vitest';
import { BackgroundWriter } from '../../../src/postgres/buffers/bgwriter.ts';
import { BackgroundWriterTurns } from '../../../src/postgres/buffers/bgwriter-turns.ts';
import { BufferPool } from '../../../src/postgres/buffers/buffer-pool.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import { NOT_SAMPLED, PageSample } from '../../../src/postgres/buffers/sampling.ts';
import { sampleLines } from '../../../src/report/story.ts';
import { plainStyle } from '../../../src/report/style.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { loadScenario } from '../../../src/scenario/index.ts';
import { simulate } from '../../../src/scenario/simulate.ts';
import { sweptPool } from '../buffers/sweep.ts';

const SETTINGS = { bgwriter_delay: 2e8, bgwriter_lru_maxpages: 100, bgwriter_lru_multiplier: 2 };

interface Plan {
  readonly sample?: string;
  readonly version?: number;
  readonly buffers?: string;
  readonly memory?: string;
  readonly scale?: number;
  readonly run?: string;
  readonly faults?: string;
  readonly maxWal?: string;
}

function planned(plan: Plan) {
  const { sample = 'auto', version = 17, buffers = '512MB', memory = '2GB', scale = 150 } = plan;
  const { run = 'select-only', faults = '[]', maxWal = '64GB' } = plan;
  const text = `
duration: 5s
warmup: 2s
network: {zones: {a: us-east-1}}
hardware:
  db: {cores: 4, memory: ${memory}, disk: {kind: nvme, read: 0.1ms, fsync: 0.3ms}}
postgresql: {version: ${version}, shared_buffers: ${buffers}, max_wal_size: ${maxWal}}
servers: {main: {zone: a, hardware: db}}
simulation: {buffer_sample: ${sample}}
workload:
  pgbench: {scale: ${scale}}
  transactions: {t: {builtin: ${run}}}
  clients: {app: {zone: a, count: 16, run: t, connect: main}}
faults: ${faults}
`;
  const loaded = loadScenario(text, { file: 'sampled.yaml' });
  if (!loaded.ok) throw new Error(loaded.problems.map(({ why }) => why).join('\n'));
  return loaded.runs[0]!;
}

function played(plan: Plan) {
  const result = simulate(planned(plan));
  if ('refused' in result) throw new Error('refused');
  expect(result.lawsBroken).toEqual([]);
  return result;
}

function figures({ metrics }: ReturnType<typeof played>) {
  const of = (name: string) => metrics[`servers.main.${name}`]!;
  return {
    tps: metrics['throughput.tps']!,
    ratio: of('buffers.hit_ratio'),
    error: of('buffers.hit_ratio.error'),
    oneOf: of('buffers.sampled_one_of'),
    utilization: of('disk.utilization'),
    images: of('wal.fpi'),
    bgwriter: of('buffers.written_by.bgwriter'),
    backend: of('buffers.written_by.backend'),
    checkpointer: of('buffers.written_by.checkpointer'),
  };
}

const isNear = (value: number, truth: number, share: number) =>
  expect(Math.abs(value - truth), `${value} beside ${truth}`).toBeLessThan(share * truth);

describe('a server whose shared buffers are sampled, beside its twin that is not', () => {
  test('selects: the hit ratio is within its error, throughput and the disk are near', () => {
    const twin = figures(played({ sample: 'off' }));
    const sampled = figures(played({ sample: '64MB' }));
    expect([twin.oneOf, twin.error, sampled.oneOf]).toEqual([1, 0, 8]);
    expect(twin.ratio).toBeLessThan(0.8); // a third of the table's pages fit
    expect(Math.abs(sampled.ratio - twin.ratio)).toBeLessThan(sampled.error);
    expect(sampled.error).toBeLessThan(0.1);
    isNear(sampled.tps, twin.tps, 0.03);
    isNear(sampled.utilization, twin.utilization, 0.15);
  });

  test('updates: so are full-page images, and pages written by backends and bgwriter', () => {
    const twin = figures(played({ sample: 'off', version: 18, run: 'simple-update' }));
    const sampled = figures(played({ sample: '64MB', version: 18, run: 'simple-update' }));
    expect(Math.abs(sampled.ratio - twin.ratio)).toBeLessThan(sampled.error);
    isNear(sampled.tps, twin.tps, 0.03);
    isNear(sampled.images, twin.images, 0.05);
    expect(twin.backend).toBeGreaterThan(5000);
    isNear(sampled.backend, twin.backend, 0.15);
    isNear(sampled.bgwriter, twin.bgwriter, 0.1);
  });

  test('checkpoints write as many pages, at the same pace', () => {
    const plan = { version: 17, run: 'simple-update', buffers: '1GB', maxWal: '200MB' };
    const twin = figures(played({ ...plan, sample: 'off', memory: '8GB', scale: 20 }));
    const sampled = figures(played({ ...plan, sample: '128MB', memory: '8GB', scale: 20 }));
    expect(twin.checkpointer).toBeGreaterThan(5000);
    isNear(sampled.checkpointer, twin.checkpointer, 0.1);
    isNear(sampled.tps, twin.tps, 0.03);
  });

  test('a crash and its recovery are lived through', () => {
    const faults = '[{at: 3s, crash: main}]';
    const plan = { run: 'simple-update', faults };
    const twin = played({ ...plan, sample: 'off' });
    const sampled = played({ ...plan, sample: '64MB' });
    isNear(sampled.metrics['outage.write']!, twin.metrics['outage.write']!, 0.2);
  });
});

describe('what is sampled', () => {
  const oneOf = (plan: Plan) => {
    const { scenario } = planned({ ...plan, memory: '512GB', scale: 1 });
    const { observed } = buildWorld(scenario, 1);
    return observed.instances[0]!.server.storage.sampled?.sample.oneOf ?? 1;
  };

  test('pools beyond 16 GB, by 1 GB of them; smaller ones if the scenario says so', () => {
    expect(oneOf({ buffers: '16GB' })).toBe(1);
    expect(oneOf({ buffers: '64GB' })).toBe(64);
    expect(oneOf({ buffers: '20GB', sample: 'off' })).toBe(1);
    expect(oneOf({ buffers: '64GB', sample: '512MB' })).toBe(128);
    expect(oneOf({ buffers: '1GB', sample: '4GB' })).toBe(1);
  });

  test('the words and sizes it takes', () => {
    expect(() => planned({ sample: 'half' })).toThrow('auto, off or a size');
    expect(() => planned({ sample: '100kB' })).toThrow('at least 1MB');
  });

  test('the report says the hit ratio with its error, of sampled servers only', () => {
    const run = played({ buffers: '64GB', memory: '128GB' });
    const [line, ...more] = sampleLines([run], plainStyle(200));
    expect(more).toEqual([]);
    expect(line).toMatch(
      /main: buffer hit ratio .*%, give or take .*; one page of 64 was followed/,
    );
    expect(sampleLines([played({})], plainStyle(200))).toEqual([]);
  });
});

describe("the bgwriter's turns", () => {
  const worn = (sample: PageSample | null): BufferPool =>
    wear(new BufferPool(4096, sample), sample, 0, 60_000);

  function wear(pool: BufferPool, sample: PageSample | null, from: number, to: number) {
    for (let block = from; block < to; block++) {
      if (sample && sample.partOf(pageOf(1, block)) === NOT_SAMPLED) continue;
      const buffer = pool.allocate(pageOf(1, block));
      pool.finishRead(buffer);
      pool.markDirty(buffer, block + 1);
      pool.unpin(buffer);
    }
    return pool;
  }

  test('over a pool that is followed page by page are plain cycles', () => {
    const [pool, twin] = [worn(null), worn(null)];
    const turns = new BackgroundWriterTurns(pool, 1);
    const writer = new BackgroundWriter();
    for (let cycle = 0; cycle < 50; cycle++) {
      const found = turns.next(SETTINGS);
      expect(found).toEqual(writer.cycle(sweptPool(twin), SETTINGS));
      for (const buffer of found.writes) {
        pool.clean(buffer);
        twin.clean(buffer);
      }
    }
  });

  test('over a sample take its share of bgwriter_lru_maxpages, from all parts alike', () => {
    const sample = new PageSample({ oneOf: 8, levels: 2, stretch: 1, first: 0 });
    const pool = worn(sample);
    const turns = new BackgroundWriterTurns(pool, 8);
    const writes: number[] = [];
    for (let cycle = 0; cycle < 80; cycle++) {
      wear(pool, sample, 60_000 + 400 * cycle, 60_400 + 400 * cycle);
      const found = turns.next(SETTINGS).writes;
      for (const buffer of found) pool.clean(buffer);
      writes.push(...found);
    }
    expect(writes.length).toBeLessThanOrEqual((80 * 100) / 8);
    expect(writes.length).toBeGreaterThan((0.95 * 80 * 100) / 8);
    const byPart = Array.from({ length: 8 }, () => 0);
    for (const buffer of writes) byPart[Math.floor(buffer / 512)]!++;
    for (const count of byPart) expect(Math.abs(count - 125)).toBeLessThanOrEqual(15);
  });
});
