/**
 * P4.2: throughput against the size of the data (T. Vondra, wal-segment-size-tests, 2017): 750 MB,
 * 4.5 GB and 30 GB on machine A (4 cores, 8 GB, six SATA SSDs) and B (16 cores, 32 GB, one NVMe).
 * Transactions a second, tpcb-like and simple-update:
 *
 *   A   8,620   8,048   4,704     13,245  11,525   5,211
 *   B  31,347  33,512  17,304     52,720  50,366  19,867
 *
 * Clients are not told: 16 and 32, within the range that is proposed. On machine A the fall to 0.55
 * and 0.39 on 30 GB is not reached: the model has 0.76 to 0.83 and 0.72 (reports/published.md says
 * what is known). Machine B needs some ten seconds until most pages of 4.5 GB have had their image:
 * played by hand for 14 s, it has 1.04 and 0.94 there, where 1.07 and 0.96 are published. The size
 * of WAL segments is initdb's and not in the language.
 */
import { expect, test } from 'vitest';
import { metric, play } from './run.ts';

const MACHINES = {
  A: { cores: 4, memory: '8GB', buffers: '2GB', clients: 16, latency: '0.1ms', iops: 75_000 },
  B: { cores: 16, memory: '32GB', buffers: '8GB', clients: 32, latency: '0.05ms', iops: 230_000 },
} as const;
const THROUGHPUT = { A: '1500MB/s', B: '900MB/s' } as const;

function throughput(
  machine: keyof typeof MACHINES,
  builtin: 'tpcb-like' | 'simple-update',
  scale: number,
): number {
  const { cores, memory, buffers, clients, latency, iops } = MACHINES[machine];
  const speed = `iops: ${iops}, throughput: ${THROUGHPUT[machine]}`;
  const result = play(`
duration: 4s
warmup: 2.5s
hardware:
  db:
    cores: ${cores}
    memory: ${memory}
    disk: {kind: nvme, read: ${latency}, fsync: ${latency}, ${speed}}
hosts: {lab: {hardware: db}}
postgresql:
  version: 13
  shared_buffers: ${buffers}
  max_wal_size: 32GB
  checkpoint_timeout: 30min
servers: {pg1: {host: lab}}
workload:
  pgbench: {scale: ${scale}}
  transactions: {t: {builtin: ${builtin}}}
  clients: {c: {host: lab, count: ${clients}, run: t, connect: pg1}}
`);
  return metric(result, 'throughput.tps');
}

test.each(['tpcb-like', 'simple-update'] as const)(
  'P4.2: machine A, %s, six times the data, within memory, are within 15 % of the throughput',
  (builtin) => {
    const ratio = throughput('A', builtin, 300) / throughput('A', builtin, 50);
    expect(ratio).toBeGreaterThan(0.85);
    expect(ratio).toBeLessThan(1.15);
  },
);

test.each([
  { builtin: 'tpcb-like', published: 17_304 / 31_347 },
  { builtin: 'simple-update', published: 19_867 / 52_720 },
] as const)('P4.2: machine B, $builtin, data like its memory cost this much', (row) => {
  const { builtin, published } = row;
  const ratio = throughput('B', builtin, 2000) / throughput('B', builtin, 50);
  expect(Math.abs(ratio - published)).toBeLessThan(0.15);
});
