import { describe, expect, test } from 'vitest';
import { Memory, type MemoryUser } from '../../src/hardware/memory.ts';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { BackendMemory, ServerMemory } from '../../src/postgres/memory.ts';
import { settingsOf, World } from '../helpers/world.ts';

const GIB = 1_073_741_824;
const MB = 1_000_000;

/** A server alone on a host, with backends that a test forks. */
function machine(settings: Record<string, number | string> = {}, bytes = 16 * GIB, strict = false) {
  const memory = new Memory({ bytes, strict });
  const backends: BackendMemory[] = [];
  const killed: number[] = [];
  const server = new ServerMemory(memory, settingsOf(settings), () => backends);
  expect(server.start()).toBe(true);
  const fork = () => {
    const n = backends.length;
    const backend = new BackendMemory(server, () => killed.push(n));
    backends.push(backend);
    return [backend, backend.start()] as const;
  };
  return { memory, server, backends, killed, fork };
}

describe('memory of a backend (7.4)', () => {
  test('500 fresh idle ones took 528.8 MB, and 129.6 MB of the kernel’s (measured)', () => {
    const { server, fork } = machine();
    const before = server.used;
    for (let i = 0; i < 500; i++) fork();
    const measured = (528_828 + 88_036 + 33_920 + 7_648) * 1_024; // anonymous, tables, slab, stacks
    expect((server.used - before) / measured).toBeGreaterThan(0.95);
    expect((server.used - before) / measured).toBeLessThan(1.05);
  });

  test('a first query adds to it once, what the second finds is there', () => {
    const { fork } = machine();
    const [backend] = fork();
    const before = backend.bytes;
    backend.query();
    backend.query();
    expect(backend.bytes - before).toBe(160_000); // 1,290 kB after ten rows, 1,132 before
  });

  test('page tables: 8 GB touched takes 16 MB, with huge pages nothing', () => {
    const touched = (hugePages: string) => {
      const { fork } = machine({ shared_buffers: 8 * GIB, huge_pages: hugePages }, 64 * GIB);
      const [backend] = fork();
      const before = backend.bytes;
      backend.touched(8 * GIB);
      backend.touched(100 * GIB);
      return backend.bytes - before;
    };
    expect(touched('try')).toBe((8 * GIB) / 512);
    expect(touched('on')).toBe(0);
  });

  test('7.4: page tables of a running backend grow to shared_buffers / 512', () => {
    const shared = 256 * MB;
    const grown = (queries: number, settings = {}) => {
      const plan = { name: 'pg1', settings: { shared_buffers: shared, ...settings } };
      const world = new World({ servers: [plan] });
      const client = world.client('a');
      const body = function* (): Process {
        yield* client.connect(['pg1']);
        for (let i = 0; i < queries; i++) yield* client.say('select', 1 + ((i * 7919) % 100_000));
      };
      world.play(body());
      world.sim.run(20 * SECOND);
      const [backend] = [...world.server('pg1').backends];
      return backend!.memory.bytes - 1_317_000 - 160_000;
    };
    const tables = shared / (2 << 20);
    const expected = (pages: number) => (1 - Math.exp(-pages / tables)) * (shared / 512);
    expect(grown(1)).toBeCloseTo(expected(2), -1);
    expect(grown(64)).toBeCloseTo(expected(128), -1);
    expect(grown(4_096)).toBeCloseTo(shared / 512, -1);
    expect(grown(64, { huge_pages: 'on' })).toBe(0);
  });

  test('the caches of 1,000 partitions 29 MB, of 3,000 106 MB: within a fifth', () => {
    const grown = (count: number) => {
      const [backend] = machine().fork();
      const before = backend.bytes;
      backend.openedRelations(count);
      return backend.bytes - before;
    };
    expect(Math.abs(grown(1_000) / (29 * MB) - 1)).toBeLessThan(0.2);
    expect(Math.abs(grown(3_000) / (106 * MB) - 1)).toBeLessThan(0.2);
  });

  test('work_mem is taken on demand, and given back after the statement', () => {
    const [backend] = machine().fork();
    const before = backend.bytes;
    backend.takeWorkMemory(4 * MB);
    backend.takeWorkMemory(4 * MB);
    expect(backend.bytes - before).toBe(8 * MB);
    backend.freeWorkMemory();
    expect(backend.bytes).toBe(before);
  });

  test('what is left is the cache of files: memory less buffers less backends', () => {
    const { memory, server, fork } = machine({ shared_buffers: 4 * GIB });
    const before = server.cacheBytes;
    const [backend] = fork();
    expect(before - server.cacheBytes).toBe(backend.bytes);
    expect(server.cacheBytes).toBeLessThan(12 * GIB);
    expect(server.cacheBytes).toBeGreaterThan(11 * GIB);
    backend.end();
    server.stop();
    expect(memory.used).toBe(Math.round(0.04 * 16 * GIB));
  });
});

describe('out of memory', () => {
  const user = (bytes: number, log: number[]): MemoryUser => ({
    bytes,
    outOfMemory: () => log.push(bytes),
  });

  test('the kernel kills the largest, of equal ones the youngest', () => {
    const log: number[] = [];
    const memory = new Memory({ bytes: 1_000 });
    const users = [user(1, log), user(7, log), user(3, log)];
    expect(memory.take(960, users)).toBe('granted');
    expect(memory.take(1, users)).toBe('killed');
    expect(log).toEqual([7]);
    expect(memory.kills).toBe(1);
  });

  test('with vm.overcommit_memory = 2 it refuses and kills nobody', () => {
    const { fork, killed, memory } = machine({ shared_buffers: GIB }, 2.4 * GIB, true);
    let answer = 'granted';
    let count = 0;
    while (answer === 'granted' && count++ < 1_000) answer = fork()[1];
    expect(answer).toBe('refused');
    expect([killed, memory.kills]).toEqual([[], 0]);
    expect(memory.refusals).toBe(1);
  });

  test('a killed backend ends all sessions; the server recovers and takes new ones', () => {
    const world = new World({ servers: [{ name: 'pg1', settings: { max_connections: 2_000 } }] });
    const server = world.server('pg1');
    const clients = Array.from({ length: 1_000 }, (_, i) => world.client(`c${i}`));
    for (const [i, client] of clients.entries()) {
      const body = function* (): Process {
        yield world.sim.hold(i * MILLISECOND);
        yield* client.connect(['pg1']);
        yield* client.hear();
      };
      world.play(body());
    }
    const counts: number[] = [];
    world.events.connections.observe((_, __, count) => counts.push(count));
    const kills: number[] = [];
    world.events.oomKill.observe((_, __, bytes) => kills.push(bytes));
    world.sim.run(5 * SECOND);
    const died = counts.indexOf(0);
    // 1 GiB less 4 %, 134 MB of shared buffers, 50 MB for 2,010 slots; 1.317 MB each
    const room = Math.floor((GIB * 0.96 - 16_384 * 8_192 - 2_010 * 25_000) / 1_317_000);
    expect(counts[died - 1]).toBeGreaterThanOrEqual(room);
    expect(counts[died - 1]).toBeLessThanOrEqual(room + 1);
    expect(server.host.memory.kills).toBeGreaterThan(0);
    expect(kills).toEqual(Array(server.host.memory.kills).fill(1_317_000));
    const told = world.sim.trace.notes.filter(({ kind }) => kind === 'server');
    expect(told.length).toBe(kills.length);
    expect(told[0]!.text).toBe(
      'pg1: the kernel killed a backend of 1.3 MB for want of memory: all sessions end',
    );
    expect(server.state).toBe('primary');
    expect(server.memory.used).toBeGreaterThan(0);
    expect(server.procArray.array.connections).toBe(server.backends.size);
  });

  test('with restart_after_crash off it stays down', () => {
    const settings = { restart_after_crash: false };
    const world = new World({ servers: [{ name: 'pg1', settings }] });
    const server = world.server('pg1');
    const client = world.client('a');
    world.play(client.connect(['pg1']) as unknown as Process);
    world.at(SECOND, () => [...server.backends][0]!.memory.takeWorkMemory(2 * GIB));
    world.sim.run(2 * SECOND);
    expect(server.state).toBe('crashed');
    expect(server.memory.used).toBe(0);
    expect(server.host.memory.used).toBe(Math.round(0.04 * GIB));
  });
});
