import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatNumber,
  formatSeconds,
  formatValue,
  unitOf,
  unitOfExpression,
} from '../../src/report/units.ts';
import { parseComparison } from '../../src/scenario/expression.ts';

describe('numbers for people', () => {
  it.each([
    [0, '0 s'],
    [3.2e-8, '32 ns'],
    [0.00041, '410 µs'],
    [0.0304, '30.4 ms'],
    [0.9996, '1.00 s'],
    [61.25, '61.3 s'],
    [119.7, '2 min'],
    [754, '12 min 34 s'],
    [9000, '2 h 30 min'],
    [259_200, '3 days'],
    [-0.5, '-500 ms'],
    [-180, '-3 min'],
  ])('%d s is %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [8192, '8 kB'],
    [1_000_000, '977 kB'],
    [500 * 1024 * 1024, '500 MB'],
    [1024 * 1024 - 1, '1.00 MB'],
  ])("%d bytes are %s in Postgres's units", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [1_234_567, '1,234,567'],
    [1234.5, '1,235'],
    [12.345, '12.3'],
    [0.5, '0.5'],
    [0.00012, '0.00012'],
  ])('%d is %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it('never misstates a number by more than half a per cent', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1e9, noNaN: true }), (value) => {
        const read = Number(formatNumber(value).replaceAll(',', ''));
        expect(Math.abs(read - value)).toBeLessThanOrEqual(value * 0.006);
      }),
    );
  });

  it.each([
    ['throughput.tps', 1204.4, '1,204/s'],
    ['latency.write.p99', 0.0212, '21.2 ms'],
    ['latency.service.read.count', 12, '12'],
    ['servers.pg1.wal.fpi_bytes', 2048, '2 kB'],
    ['servers.pg1.wal.rate.mean', 2 * 1024 * 1024, '2 MB/s'],
    ['servers.pg2.replication.replay_lag.max', 0.25, '250 ms'],
    ['servers.pg2.replication.replay_lag.bytes.max', 4096, '4 kB'],
    ['servers.pg1.cpu.utilization', 0.412, '41.2 %'],
    ['waits.IPC.SyncRep', 0.5, '50 %'],
    ['availability.write', 1, '100 %'],
    ['failover.count', 1, '1'],
    ['failover.promotion.p50', 1.5, '1.50 s'],
    ['split_brain.duration', 0, '0 s'],
    ['pgbouncer.pool.wait.p99', 0.1, '100 ms'],
    ['pgbouncer.pool.waiting.max', 40, '40'],
    ['slots.s.retained_bytes.max', 1024, '1 kB'],
    ['throughput.write', 12.5, '12.5/s'],
    ['servers.pg1.disk.fsync.p99', 0.0004, '400 µs'],
    ['servers.pg1.disk.utilization', 0.25, '25 %'],
    ['servers.pg1.connections.max', 60, '60'],
    ['clients.app.connect.p50', 0.001, '1 ms'],
    ['cost.monthly', 1234, '$1,234'],
  ])('%s of %d reads %s', (metric, value, text) => {
    expect(formatValue(value, unitOf(metric))).toBe(text);
  });

  it.each([
    ['latency.read.p99 + latency.write.p99', 'seconds'],
    ['2 * latency.write.p99', 'seconds'],
    ['servers.pg1.wal.bytes / 60', 'bytes'],
    ['-outage.write', 'seconds'],
    ['latency.read.p99 / latency.write.p99', 'count'],
    ['servers.pg1.wal.bytes * throughput.tps', 'count'],
    ['throughput.tps', 'per second'],
    ['1500/s', 'count'],
  ])('%s is in %s', (text, unit) => {
    const parsed = parseComparison(`${text} > 0`);
    if (!parsed.ok) throw new Error(parsed.error.why);
    expect(unitOfExpression(parsed.comparison.left)).toBe(unit);
  });
});
