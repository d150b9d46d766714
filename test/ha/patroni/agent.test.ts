import { describe, expect, test } from 'vitest';
import { expandRuns, loadScenario, simulate } from '../../../src/index.ts';
import type { RunResult } from '../../../src/measure/result.ts';

/** A small cluster in one region; its members of etcd have machines of their own. */
function run(faults: string, duration: string, seed: number): RunResult {
  const loaded = loadScenario(`
name: agents
seed: ${seed}
duration: ${duration}
warmup: 1s
network: {zones: {a: us-east-1, b: us-east-1, c: us-east-1}}
hosts:
  ea: {zone: a, hardware: small}
  eb: {zone: b, hardware: small}
  ec: {zone: c, hardware: small}
hardware: {small: {cores: 2, memory: 8GB}}
servers:
  pg1: {zone: a, hardware: small}
  pg2: {zone: b, hardware: small, standby_of: pg1}
patroni: {ttl: 30, loop_wait: 10, retry_timeout: 10}
etcd:
  members:
    - {name: a, zone: a, host: ea}
    - {name: b, zone: b, host: eb}
    - {name: c, zone: c, host: ec}
workload:
  pgbench: {scale: 1}
  transactions: {write: {builtin: simple-update}}
  clients: {app: {zone: a, count: 2, rate: 20/s, run: write, connect: {hosts: all}}}
faults: [${faults}]
`);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const expanded = expandRuns(loaded.document);
  if (!expanded.ok) throw new Error(JSON.stringify(expanded.problems));
  const result = simulate(expanded.runs[0]!);
  if ('refused' in result) throw new Error(JSON.stringify(result.refused));
  expect(result.lawsBroken).toEqual([]);
  return result;
}

describe('an agent among real processes', () => {
  test.each([1, 2, 3])('patronictl wakes the leader: no wait for its loop (seed %i)', (seed) => {
    const { events, metrics } = run('{at: 20s, switchover: pg2}', '40s', seed);
    const first = events.find(({ kind, t }) => kind === 'patroni' && t >= 20)!;
    expect(first.text).toContain('pg1: switchover');
    expect(first.t).toBeLessThan(20.1);
    expect(metrics['switchover.count']).toBe(1);
    expect(metrics['commits.lost']).toBe(0);
  });

  // Each life of the agent begins with a member of etcd drawn at random: some with the dead one.
  test.each([1, 2, 3, 4, 5, 6])('a new life builds its cache elsewhere (seed %i)', (seed) => {
    const faults = '{at: 5s, power_off: eb}, {at: 20s, crash: pg1.patroni, for: 1s}';
    const { metrics, events } = run(faults, '60s', seed);
    expect(events.filter(({ text }) => text.includes('cannot be reached'))).toEqual([]);
    expect(metrics['outage.write']).toBeLessThan(1);
  });

  test('where nothing happens there is no story', () => {
    expect(run('', '60s', 1).events).toEqual([]);
  });

  test('a stopped Postgres stops its agent: the key runs out, another is promoted', () => {
    const { metrics, events } = run('{at: 20s, pause: pg1, for: 45s}', '90s', 1);
    expect(metrics['failover.count']).toBe(1);
    const promoted = events.find(({ text }) => text.startsWith('pg2: won the race'))!;
    expect(promoted.t).toBeGreaterThan(20 + 20);
    expect(promoted.t).toBeLessThan(20 + 30 + 5);
  });

  test('a shorter stop than what is left of the lease changes no leader', () => {
    const { metrics } = run('{at: 20s, pause: pg1, for: 10s}', '60s', 1);
    expect(metrics['failover.count']).toBe(0);
    expect(metrics['outage.write']).toBeGreaterThan(9.5);
    expect(metrics['split_brain.duration']).toBe(0);
  });

  test('an agent that was killed on a machine that is off starts when that boots', () => {
    const faults = '{at: 10s, crash: pg1.patroni, for: 5s}, {at: 12s, power_off: pg1, for: 20s}';
    const { metrics, events } = run(faults, '90s', 1);
    expect(events.some(({ text }) => text.includes('has power again'))).toBe(true);
    expect(metrics['commits.acknowledged']).toBeGreaterThan(500);
  });

  test('with all machines off nobody hears of a switchover', () => {
    const faults = '{at: 10s, power_off: [pg1, pg2], for: 10s}, {at: 15s, switchover: pg2}';
    expect(run(faults, '60s', 1).metrics['switchover.count']).toBe(0);
  });
});
