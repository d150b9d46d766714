import { describe, expect, it } from 'vitest';
import { BackendProgram } from '../../src/faults/backend-program.ts';
import { SECOND } from '../../src/kernel/index.ts';
import { fault, faultyWorld, play, server } from './fixtures.ts';

const GIGABYTE = 2 ** 30;
const BECOMES = { hardware: 'large', cores: 16, memoryBytes: 64 * GIGABYTE };

/** Three servers, managed by nobody. */
function unmanaged() {
  const made = faultyWorld(1, true);
  return {
    ...made,
    programOf: (target: Parameters<typeof made.programOf>[0]) =>
      target.kind === 'patroni' ? null : made.programOf(target),
  };
}

describe('a machine that becomes another one', () => {
  it('is away behind a fast shutdown, and boots with other cores and memory', () => {
    const made = unmanaged();
    const { host } = made.instance('pg1').server;
    const cores = host.cores;
    play(made, fault('resize', 1_000, 30_000, { targets: [server('pg1')], ...BECOMES }));
    made.sim.run(5 * SECOND);
    expect([host.state, made.instance('pg1').server.state]).toEqual(['off', 'shut down']);
    made.sim.run(31 * SECOND - 1);
    expect([host.state, host.cores]).toEqual(['off', cores]);
    made.sim.run(40 * SECOND);
    expect([host.state, made.instance('pg1').server.state]).toEqual(['up', 'primary']);
    expect([host.cores, host.memoryBytes, host.memory.bytes]).toEqual([
      16,
      64 * GIGABYTE,
      64 * GIGABYTE,
    ]);
    const { cpu } = host;
    expect(cpu.offered).toBe(31 * SECOND * cores + 9 * SECOND * 16);
    expect(cpu.served + cpu.idle).toBe(cpu.offered);
  });

  it('loses nothing that was written before', () => {
    const made = unmanaged();
    const { wal } = made.instance('pg1').server;
    play(made, fault('resize', 1_000, 5_000, { targets: [server('pg1')], ...BECOMES }));
    made.sim.run(SECOND - 1);
    const end = wal.insert(100);
    made.sim.run(60 * SECOND);
    expect(wal.flushed.value).toBeGreaterThan(end);
    expect(made.instance('pg2').server.wal.flushed.value).toBe(wal.flushed.value);
  });

  it('boots at once if its time is over before its server has ended', () => {
    const made = unmanaged();
    const { host } = made.instance('pg1').server;
    play(made, fault('resize', 1_000, 0.001, { targets: [server('pg1')], ...BECOMES }));
    made.sim.run(30 * SECOND);
    expect([host.state, host.cores]).toEqual(['up', 16]);
    expect(made.instance('pg1').server.state).toBe('primary');
  });
});

describe('a crash of one backend', () => {
  it('does nothing where nobody is connected', () => {
    const made = faultyWorld(1, true);
    made.sim.run(SECOND);
    const program = new BackendProgram(made.instance('pg1').server);
    program.crash();
    made.sim.run(2 * SECOND);
    expect(made.instance('pg1').server.state).toBe('primary');
  });
});
