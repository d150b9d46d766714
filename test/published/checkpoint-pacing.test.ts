/**
 * P4.4: checkpoints every 30 s under one client (student lab, PostgreSQL 16.2, 600 s): 27.2 MB of
 * WAL each, 1,818 to 2,441 pages, written in 26.87 to 27.09 s.
 */
import { describe, expect, test } from 'vitest';
import { metric, play } from './run.ts';

/** Three intervals, after three in which the first versions leave their pages. */
const INTERVALS = 3;
const PUBLISHED_TPS = 1040.3;

/** The fsync is the one free value: it makes a transaction last 0.961 ms. */
const result = play(`
duration: 180s
warmup: 90s
hardware: {db: {cores: 4, memory: 8GB, disk: {kind: nvme, fsync: 0.63ms}}}
hosts: {lab: {hardware: db}}
postgresql: {version: 16, checkpoint_timeout: 30s}
servers: {pg1: {host: lab}}
workload:
  pgbench: {scale: 1}
  transactions: {t: {builtin: tpcb-like}}
  clients: {c: {host: lab, count: 1, run: t, connect: pg1}}
`);
const each = (name: string) => metric(result, `servers.pg1.${name}`) / INTERVALS;

describe('P4.4: what a checkpoint of 30 s writes', () => {
  test('the load is the published one', () => {
    expect(Math.abs(metric(result, 'throughput.tps') / PUBLISHED_TPS - 1)).toBeLessThan(0.01);
  });

  test('all come by time, and write for 0.9 of it, within 0.1 s', () => {
    expect(each('checkpoints.timed')).toBe(1);
    expect(each('checkpoints.requested')).toBe(0);
    expect(Math.abs(each('checkpoints.write_time') - 27)).toBeLessThan(0.1);
    expect(each('checkpoints.sync_time')).toBeLessThanOrEqual(0.034);
  });

  test('27.2 MB of WAL between two, within 10 %', () => {
    expect(Math.abs(each('wal.bytes') / 27.2e6 - 1)).toBeLessThan(0.1);
  });

  /** n b + M images, with the b of 430 bytes that P4.3 has, too. */
  test('430 bytes a transaction beside the images, within 10 %', () => {
    const images = metric(result, 'servers.pg1.wal.fpi_bytes');
    const plain = metric(result, 'servers.pg1.wal.bytes') - images;
    const bytes = plain / metric(result, 'commits.acknowledged');
    expect(Math.abs(bytes / 430 - 1)).toBeLessThan(0.1);
  });

  test('between the fewest and the most pages of a published checkpoint', () => {
    expect(each('checkpoints.buffers')).toBeGreaterThan(1818);
    expect(each('checkpoints.buffers')).toBeLessThan(2441);
  });
});
