/**
 * P4.1: a day of TPC-B on 900 GB (T. Vondra, flushing-benchmark, 2016): WAL between checkpoints,
 * WAL per transaction, and what it does to hand pages to the disk as they are written.
 *
 * The day had 667 million transactions. Here everything that is proportional is a hundredth or less
 * of it: pages, shared_buffers, max_wal_size, or (for the phases of a checkpoint, which take real
 * time) the load with its clients and the disk's operations a second. The machine is not described:
 * its disk does what makes the published rate.
 */
import { describe, expect, test } from 'vitest';
import { checkpointSegments } from '../../src/postgres/wal/retention.ts';
import { metric, play } from './run.ts';

const GIGABYTE = 2 ** 30;

describe('P4.1: the distance between two checkpoints', () => {
  /** Up to version 10, which the model does not have, the divisor was 2 + target: 1,638. */
  test('of 64 GB: 4,096 segments / 1.5 from version 11 on', () => {
    const settings = { max_wal_size: 64 * GIGABYTE, checkpoint_completion_target: 0.5 };
    expect(checkpointSegments(settings)).toBe(2730);
  });
});

/** 1/400: 4 segments between checkpoints, 246,000 heap pages, 160 MB of shared buffers. */
const day = (fillfactor: number) => {
  const result = play(`
duration: 2s
warmup: 0.7s
hardware: {db: {cores: 16, memory: 2GB, disk: {kind: nvme}}}
hosts: {lab: {hardware: db}}
postgresql:
  version: 13
  shared_buffers: 160MB
  max_wal_size: 96MB                   # 4 segments * 1.5
  checkpoint_timeout: 30min
  bgwriter_delay: 10ms
  bgwriter_lru_maxpages: 1000
servers: {pg1: {host: lab}}
workload:
  pgbench: {scale: 150, fillfactor: ${fillfactor}}
  transactions: {t: {builtin: tpcb-like}}
  clients: {c: {host: lab, count: 32, run: t, connect: pg1}}
`);
  const transactions = metric(result, 'commits.acknowledged');
  return {
    bytes: metric(result, 'servers.pg1.wal.bytes') / transactions,
    walBytes: metric(result, 'servers.pg1.wal.bytes'),
    requested: metric(result, 'servers.pg1.checkpoints.requested'),
  };
};

describe('P4.1: WAL per transaction', () => {
  const allHot = day(90);
  const noneHot = day(100); // full pages: each first update goes to another page and the index

  test('12,684 bytes lie between all updates HOT and none', () => {
    expect(allHot.bytes).toBeLessThan(12_684);
    expect(noneHot.bytes).toBeGreaterThan(12_684);
  });

  test('with half of the updates HOT the published bytes within 15 %', () => {
    const half = (allHot.bytes + noneHot.bytes) / 2;
    expect(Math.abs(half / 12_684 - 1)).toBeLessThan(0.15);
  });

  test('checkpoints come by volume, one for each distance of 4 segments', () => {
    for (const { walBytes, requested } of [allHot, noneHot]) {
      expect(requested).toBeGreaterThan(1);
      expect(Math.abs(requested - walBytes / (4 * 16 * 2 ** 20))).toBeLessThanOrEqual(1);
    }
  });
});

/** 1/32: one client, a disk of 700 operations a second, 51 segments. */
const writing = (flushAfter: string) => {
  const result = play(`
duration: 760s
warmup: 20s
hardware: {db: {cores: 4, memory: 8GB, disk: {kind: nvme, iops: 700}}}
hosts: {lab: {hardware: db}}
postgresql:
  version: 13
  shared_buffers: 2GB
  max_wal_size: 1232MB
  checkpoint_timeout: 30min
  checkpoint_flush_after: ${flushAfter}
  bgwriter_delay: 10ms
  bgwriter_lru_maxpages: 1000
  bgwriter_flush_after: ${flushAfter}
servers: {pg1: {host: lab}}
workload:
  pgbench: {scale: 1875, fillfactor: 90}
  transactions: {t: {builtin: tpcb-like}}
  clients: {c: {host: lab, count: 1, run: t, connect: pg1}}
`);
  const rates = result.series['throughput.tps']!.v.map((rate) => rate ?? 0).slice(10);
  const sorted = rates.sort((a, b) => a - b);
  const quantile = (p: number) => sorted[Math.floor(p * sorted.length)]!;
  return {
    tps: metric(result, 'throughput.tps'),
    tenth: quantile(0.1),
    median: quantile(0.5),
    requested: metric(result, 'servers.pg1.checkpoints.requested'),
    syncTime: metric(result, 'servers.pg1.checkpoints.sync_time'),
  };
};

describe('P4.1: checkpoint_flush_after', () => {
  const before = writing('0');
  const after = writing('256kB');

  test('the load is the published one: 7,726 / 32 transactions a second', () => {
    expect(Math.abs(before.tps / (7726 / 32) - 1)).toBeLessThan(0.1);
    expect(before.requested).toBeGreaterThanOrEqual(1);
  });

  /** Medians 3.56 and 0.03 s, the longest 17.7 and 0.6 s: thirty times at least. */
  test('the fsyncs of a checkpoint find nothing left to write', () => {
    expect(before.syncTime / after.syncTime).toBeGreaterThan(17.7 / 0.6);
  });

  test('the tenth percentile of throughput at least doubles', () => {
    expect(after.tenth / before.tenth).toBeGreaterThan(2);
  });

  /** It moved by 3.6 %. */
  test('the mean stays', () => {
    expect(Math.abs(after.tps / before.tps - 1)).toBeLessThan(0.036);
  });
});
