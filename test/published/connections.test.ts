/** P2.1: where the throughput of a closed loop peaks (Freund 2020, limits of scalability). */
import { describe, expect, test } from 'vitest';
import { metric, play } from './run.ts';

/** Two sockets of 20 cores at 1.03 million transactions a second: 39 us of a core for each. */
const CORES = 40;
const SERVICE_MICROSECONDS = 39;

function throughput(clients: number, think: string): number {
  const result = play(`
duration: 0.24s
warmup: 0.2s                    # each connection costs milliseconds before its first query
network: {rtt: {same-zone: 0ms}}
hardware:
  host:
    cores: ${CORES}
    memory: 192GB
    profile:
      processor: {context_switch: 0us, cache_refill: 0}
      costs:
        message: 1us
        fork: 0us
        backend_start: 0us
        first_query: 0us
        statements: {select: {plan: 0us, execute: ${SERVICE_MICROSECONDS - 1}us}}
postgresql: {max_connections: 10000, shared_buffers: 1GB}
servers: {pg1: {hardware: host}}
workload:
  transactions: {read: {builtin: select-only}}
  clients: {c: {count: ${clients}, run: read, connect: pg1, think: ${think}, protocol: prepared}}
`);
  return metric(result, 'throughput.tps');
}

describe('P2.1: the knee of a closed loop is at N = X (Z + S)', () => {
  const peak = (CORES * 1e6) / SERVICE_MICROSECONDS;

  test.each([
    ['on the same host', '0ms', 48],
    ['over a fast network', '0.4ms', 500],
    ['a millisecond away, with a millisecond of thought', '2ms', 3000],
  ])('%s', (_, think, published) => {
    const below = throughput(Math.round(published / 3), think);
    const at = throughput(Math.round(published * 1.5), think);
    expect(at / peak).toBeGreaterThan(0.95);
    expect(at / peak).toBeLessThanOrEqual(1.001);
    expect(below / peak).toBeLessThan(0.75);
  });
});
