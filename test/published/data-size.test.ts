/**
 * P4.2: throughput against the size of the data (T. Vondra, wal-segment-size-tests, 2017), machine
 * A: 4 cores, 8 GB, six SATA SSDs; tpcb-like 8,620 transactions a second on 750 MB, 8,048 on 4.5
 * GB, 4,704 on 30 GB. Clients are not told: 16, within the range that is proposed.
 *
 * Only what fits into memory is tested. The fall to 0.55 on 30 GB is not reached: the model has
 * 0.76 to 0.80 (reports/published.md says why).
 */
import { expect, test } from 'vitest';
import { metric, play } from './run.ts';

const throughput = (scale: number) =>
  metric(
    play(`
duration: 4s
warmup: 2.5s
hardware:
  db:
    cores: 4
    memory: 8GB
    disk: {kind: nvme, read: 0.1ms, fsync: 0.1ms, iops: 75000, throughput: 1500MB/s}
hosts: {lab: {hardware: db}}
postgresql: {version: 13, shared_buffers: 2GB, max_wal_size: 32GB, checkpoint_timeout: 30min}
servers: {pg1: {host: lab}}
workload:
  pgbench: {scale: ${scale}}
  transactions: {t: {builtin: tpcb-like}}
  clients: {c: {host: lab, count: 16, run: t, connect: pg1}}
`),
    'throughput.tps',
  );

test('P4.2: six times the data, within memory, are within 15 % of the throughput', () => {
  const ratio = throughput(300) / throughput(50);
  expect(ratio).toBeGreaterThan(0.85);
  expect(ratio).toBeLessThan(1.15);
});
