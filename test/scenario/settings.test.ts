import { describe, expect, test } from 'vitest';
import {
  defaultSettings,
  findSetting,
  MODELLED,
  measureOf,
  POSTGRES_VERSIONS,
  parseSetting,
  SETTING_FACTS,
  settingNames,
} from '../../src/postgres/settings.ts';
import { parseSyncNames } from '../../src/scenario/index.ts';

const read = (name: string, raw: string | number | boolean, version = 18) => {
  const parsed = parseSetting(findSetting(name, version)!, raw);
  return parsed.ok ? parsed.value : parsed.why;
};

describe('values are read as postgresql.conf is', () => {
  test.each([
    ['shared_buffers', '8GB', 8 * 1024 ** 3],
    ['shared_buffers', 16384, 128 * 1024 ** 2], // bare numbers count pages of 8 kB
    ['max_wal_size', 1024, 1024 ** 3], // ... megabytes
    ['max_wal_size', '1 GB', 1024 ** 3],
    ['work_mem', 4096, 4 * 1024 ** 2], // ... kilobytes
    ['checkpoint_timeout', 300, 300e9], // ... seconds
    ['checkpoint_timeout', '5min', 300e9],
    ['checkpoint_timeout', '1.5min', 90e9],
    ['wal_sender_timeout', 60_000, 60e9], // ... milliseconds
    ['wal_sender_timeout', '1d', 86_400e9],
    ['vacuum_cost_delay', '500us', 0.5e6],
    ['wal_writer_flush_after', '1MB', 1024 ** 2],
    ['max_connections', '0x64', 100],
    ['max_connections', '100.4', 100],
    ['max_connections', 1e2, 100],
    ['checkpoint_completion_target', '0.5', 0.5],
    ['max_standby_streaming_delay', -1, -1],
    ['wal_buffers', -1, -1],
    ['fsync', 'off', false],
    ['fsync', 'F', false],
    ['fsync', 'ye', true],
    ['fsync', 1, true],
    ['fsync', false, false],
    ['synchronous_commit', 'REMOTE_APPLY', 'remote_apply'],
    ['synchronous_commit', true, 'on'],
    ['synchronous_commit', 'no', 'off'],
    ['application_name', 7, '7'],
  ])('%s = %s', (name, raw, value) => {
    expect(read(name, raw)).toBe(value);
  });

  test.each([
    ['shared_buffers', '8gb'],
    ['shared_buffers', '5min'],
    ['checkpoint_timeout', '29s'],
    ['checkpoint_timeout', '1MB'],
    ['max_connections', '262144'],
    ['max_connections', '10ms'],
    ['max_connections', ''],
    ['max_connections', '1 2'],
    ['fsync', 'o'],
    ['fsync', 2],
    ['wal_level', 'archive'],
    ['checkpoint_completion_target', 1.1],
    ['max_connections', true],
  ])('%s = %s is refused', (name, raw) => {
    expect(typeof read(name, raw)).toBe('string');
  });
});

describe('the table of settings', () => {
  test('every default can be read and lies within its own range', () => {
    for (const version of POSTGRES_VERSIONS)
      for (const name of settingNames(version)) {
        const fact = findSetting(name, version)!;
        const value = defaultSettings(version)[fact.name];
        const types = { bool: 'boolean', integer: 'number', real: 'number' } as const;
        const expected =
          fact.type === 'enum' || fact.type === 'string' ? 'string' : types[fact.type];
        expect([name, typeof value]).toEqual([name, expected]);
      }
  });

  test('no version has a name twice', () => {
    for (const version of POSTGRES_VERSIONS) {
      const names = settingNames(version);
      expect(new Set(names).size).toBe(names.length);
      expect(names.length).toBeGreaterThan(320);
    }
  });

  test('what a modelled setting measures is what the table says', () => {
    for (const [name, measure] of Object.entries(MODELLED))
      expect([name, measureOf(findSetting(name, 18)!)]).toEqual([name, measure]);
  });

  test.each([
    ['checkpoint_completion_target', 13, 0.5, 14, 0.9],
    ['password_encryption', 13, 'md5', 14, 'scram-sha-256'],
    ['log_checkpoints', 14, false, 15, true],
    ['hash_mem_multiplier', 14, 1, 15, 2],
    ['effective_io_concurrency', 17, 1, 18, 16],
  ])('the default of %s in %d is %s, and in %d it is %s', (name, before, was, after, is) => {
    expect(defaultSettings(before)[name]).toBe(was);
    expect(defaultSettings(after)[name]).toBe(is);
  });

  test('settings come and go with versions', () => {
    const versions = (name: string) =>
      POSTGRES_VERSIONS.filter((version) => findSetting(name, version) !== undefined);
    expect(versions('transaction_timeout')).toEqual([17, 18]);
    expect(versions('vacuum_defer_cleanup_age')).toEqual([13, 14, 15]);
    expect(versions('io_method')).toEqual([18]);
    expect(versions('max_connections')).toEqual([13, 14, 15, 16, 17, 18]);
    expect(defaultSettings(13).transaction_timeout).toBe(0);
  });

  test('units are those that PostgreSQL knows', () => {
    const units = new Set(SETTING_FACTS.map((fact) => fact.unit));
    expect([...units].sort()).toEqual(['', '8kB', 'B', 'MB', 'kB', 'min', 'ms', 's', 'us']);
  });
});

describe('synchronous_standby_names', () => {
  test.each([
    ['', null],
    ['a', { method: 'first', count: 1, names: ['a'] }],
    ['a, b', { method: 'first', count: 1, names: ['a', 'b'] }],
    ['*', { method: 'first', count: 1, names: ['*'] }],
    ['FIRST 2 (a, b, c)', { method: 'first', count: 2, names: ['a', 'b', 'c'] }],
    ['any 1 (a,b)', { method: 'any', count: 1, names: ['a', 'b'] }],
    ['ANY 2 (*)', { method: 'any', count: 2, names: ['*'] }],
    ['2 (a, b)', { method: 'first', count: 2, names: ['a', 'b'] }],
    ['"pg-2", "a""b"', { method: 'first', count: 1, names: ['pg-2', 'a"b'] }],
    ['first, any', { method: 'first', count: 1, names: ['first', 'any'] }],
    ['FIRST 1 (1)', { method: 'first', count: 1, names: ['1'] }],
  ])('%s', (text, value) => {
    expect(parseSyncNames(text)).toEqual({ ok: true, value });
  });

  test.each([
    ['a b', 2],
    ['a,', 2],
    ['FIRST 2', 7],
    ['FIRST 2 (a', 10],
    ['FIRST 0 (a)', 6],
    ['ANY (a)', 4],
    ['pg-2', 2],
    ['2 (a) b', 6],
  ])('%s is refused at %d', (text, offset) => {
    expect(parseSyncNames(text)).toMatchObject({ ok: false, offset });
  });
});
