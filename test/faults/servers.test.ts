import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/kernel/index.ts';
import { type FaultyWorld, fault, faultyWorld, play, server, story } from './fixtures.ts';

const NAMES = ['pg1', 'pg2', 'pg3'];

function statesAt(made: FaultyWorld, seconds: number): string[] {
  made.sim.run(Math.round(seconds * SECOND));
  return NAMES.map((name) => made.instance(name).server.state);
}

const IN_SERVICE = ['primary', 'hot standby', 'hot standby'];

describe('Postgres servers without Patroni', () => {
  it('a crash and a start: redo, and the same role; standbys stream again', () => {
    const made = faultyWorld(1, true);
    play(made, fault('crash', 1_000, 2_000, { targets: [server('pg1'), server('pg2')] }));
    expect(statesAt(made, 0.9)).toEqual(IN_SERVICE);
    expect(statesAt(made, 2)).toEqual(['crashed', 'crashed', 'hot standby']);
    expect(statesAt(made, 60)).toEqual(IN_SERVICE);
    const streaming = made.instance('pg1').senders.map(({ applicationName }) => applicationName);
    expect(streaming.sort()).toEqual(['pg2', 'pg3']);
  });

  it('lose power with their machine and are started at its boot', () => {
    const made = faultyWorld(1, true);
    play(made, fault('power_off', 1_000, 5_000, { targets: [server('pg1')] }));
    expect(statesAt(made, 5.9)).toEqual(['crashed', 'hot standby', 'hot standby']);
    expect(statesAt(made, 6.01)[0]).toBe('starting');
    expect(statesAt(made, 120)).toEqual(IN_SERVICE);
  });

  it('are restarted by a fast shutdown and a start in the same role', () => {
    const made = faultyWorld(1, true);
    play(made, fault('restart', 1_000, null, { targets: [server('pg1')] }));
    play(made, fault('restart', 20_000, null, { targets: [server('pg2')] }));
    const seen: string[] = [];
    for (let ms = 1_000; ms <= 40_000; ms += 5) {
      const states = statesAt(made, ms / 1_000);
      for (const [i, state] of states.entries()) {
        const line = `${NAMES[i]} ${state}`;
        if (!seen.includes(line)) seen.push(line);
      }
    }
    expect(seen).toContain('pg1 starting');
    expect(seen).toContain('pg2 starting');
    expect(seen.some((line) => line.endsWith('crashed'))).toBe(false);
    expect(statesAt(made, 60)).toEqual(IN_SERVICE);
  });

  it('a promotion by mistake makes two primaries on two timelines', () => {
    const made = faultyWorld(1, true);
    play(made, fault('promote', 1_000, null, { targets: [server('pg3')] }));
    expect(statesAt(made, 30)).toEqual(['primary', 'hot standby', 'primary']);
    const [first, , third] = NAMES.map((name) => made.instance(name).server.wal.branch);
    expect(first).not.toBe(third);
    expect(story(made)).toEqual(['1000 an operator promotes pg3']);
  });

  it('stopped ones answer nobody and go on where they were', () => {
    const made = faultyWorld(1, true);
    play(made, fault('pause', 1_000, 3_000, { targets: [server('pg2')] }));
    made.sim.run(2 * SECOND + 1);
    expect(made.instance('pg2').server.group.frozen).toBe(true);
    expect(made.hosts[1]!.state).toBe('up');
    expect(made.agents[1]!.steps).toBe(2_000); // the agent beside it goes on
    expect(statesAt(made, 10)).toEqual(IN_SERVICE);
    expect(made.instance('pg2').server.group.frozen).toBe(false);
  });
});
