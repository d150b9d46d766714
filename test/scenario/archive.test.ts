import { expect, test } from 'vitest';
import { SECOND } from '../../src/kernel/index.ts';
import { NEVER } from '../../src/kernel/time.ts';
import { simulate } from '../../src/scenario/simulate.ts';
import { load, minimal, problems } from './support.ts';

const MIB = 1 << 20;
const SEGMENT = 16 * MIB;
/** pgbench's tables at scale 10: accounts and their index, branches and tellers with theirs. */
const DATA = (16_394 + 2_745 + 2 * (1 + 2)) * 8192;

/** A primary alone that writes 1 to 2 MB/s, no images; its WAL is archived, or not. */
function run(more: string, settings = '') {
  const text = `
name: x
duration: 120s
hardware: {small: {cores: 4, memory: 8GB, disk: {kind: nvme, size: SIZE}}}
servers: {main: {hardware: small}}
postgresql:
  {archive_mode: on, max_wal_size: 64MB, min_wal_size: 32MB, full_page_writes: off${settings}}
workload:
  pgbench: {scale: 10}
  clients: {app: {count: 64, think: 10ms, run: simple-update, connect: main, reconnect: 1s}}
${more}`;
  const size = /^size: (.*)$/m.exec(more)?.[1] ?? '10GB';
  const loaded = load(text.replace('SIZE', size).replace(/^size: .*$/m, ''));
  const result = simulate(loaded.runs[0]!);
  if ('refused' in result) throw new Error(JSON.stringify(result.refused));
  return result.metrics;
}

test('the section is read: defaults, and times at which the command fails', () => {
  const read = (section: string) => load(minimal(section)).runs[0]!.scenario.archive;
  expect(read('')).toBeNull();
  expect(read('archive: {}')).toMatchObject({ latency: 0.1 * SECOND, bytesPerSecond: 100e6 });
  expect(read('archive: {throughput: 50MB/s, fails: [{at: 5s, for: 1s}, {at: 20s}]}')).toEqual({
    latency: 0.1 * SECOND,
    bytesPerSecond: 50 * MIB,
    failures: [
      { from: 5 * SECOND, until: 6 * SECOND },
      { from: 20 * SECOND, until: NEVER },
    ],
  });
  expect(problems(minimal('archive: {speed: 3}')).join()).toContain('speed');
});

test('segments are archived, old ones go, the disk is used no further', () => {
  const metrics = run('archive: {throughput: 100MB/s, latency: 100ms}');
  const written = Math.floor(metrics['servers.main.wal.bytes']! / SEGMENT);
  expect(written).toBeGreaterThan(5);
  expect(metrics['servers.main.archiver.archived']).toBe(written);
  expect(metrics['servers.main.archiver.failed']).toBe(0);
  expect(metrics['servers.main.archiver.backlog.max']).toBe(SEGMENT);
  expect(metrics['servers.main.wal.size.max']).toBeLessThanOrEqual(5 * SEGMENT);
  const data = metrics['servers.main.disk.used.end']! - metrics['servers.main.wal.size.end']!;
  // each transaction adds a row of 48 bytes and its pointer; accounts grow for want of fillfactor
  const history = metrics['commits.acknowledged']! * (48 + 4);
  expect(data).toBeGreaterThan(DATA + history);
  expect(data).toBeLessThan(1.5 * DATA + history);
});

test('an archive that fails fills the disk: PANIC, and nothing works any more', () => {
  const metrics = run('archive: {fails: [{at: 0s}]}\nsize: 256MB');
  expect(metrics['servers.main.archiver.archived']).toBe(0);
  expect(metrics['servers.main.archiver.failed']).toBeGreaterThan(5);
  const room = Math.floor((256 * MIB - DATA) / SEGMENT);
  const most = metrics['servers.main.wal.size.max']! / SEGMENT;
  expect(most, 'and the tables have grown, too').toBeLessThanOrEqual(room);
  expect(most).toBeGreaterThanOrEqual(room - 2);
  expect(metrics['servers.main.disk.used.max']).toBeGreaterThan(256 * MIB - SEGMENT);
  expect(metrics['servers.main.panics']).toBeGreaterThan(3);
  expect(metrics['outage.write']).toBeGreaterThan(5);
});

test('disk_full for a while: an outage that ends with it', () => {
  const metrics = run('faults: [{at: 40s, disk_full: main, for: 30s}]', ', wal_recycle: off');
  expect(metrics['outage.write']).toBeGreaterThan(10);
  expect(metrics['outage.write']).toBeLessThan(50);
  expect(metrics['servers.main.disk.used.max']).toBe(10 * 1024 * MIB);
  expect(metrics['servers.main.disk.used.min']).toBeLessThan(1e9);
  expect(metrics['commits.lost']).toBe(0);
});
