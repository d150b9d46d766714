import { MICROSECOND, MILLISECOND, MINUTE, SECOND } from '../kernel/time.ts';
import { SETTINGS_A_TO_K } from './settings-a-to-k.ts';
import { SETTINGS_L_TO_Z } from './settings-l-to-z.ts';

/**
 * PostgreSQL's settings (GUCs): every name with its type, unit, default and range, and the way in
 * which `postgresql.conf` reads a value (guc.c:parse_int, parse_real, convert_to_base_unit).
 *
 * Kept: names, units, ranges, enumerations and what changed between versions 13 and 18. Left out:
 * contexts (every setting is read once, when the server starts), and hooks that check one setting
 * against another. Settings of extensions (`citus.shard_count`) are known by their dot alone.
 *
 * A time is resolved to nanoseconds and a size to bytes, whatever the setting's unit. Negative
 * values are special in all of them (-1: disabled, or derived from another setting) and stay so.
 */
export type SettingValue = number | string | boolean;

/** What a value of a setting measures, which fixes how it is resolved. */
export type SettingMeasure = 'time' | 'bytes' | 'number' | 'boolean' | 'string';

/** One setting of one of the tools: what `pg_settings` or the tool's manual says about it. */
export interface SettingFact {
  readonly name: string;
  readonly type: 'bool' | 'integer' | 'real' | 'enum' | 'string';
  /** What a bare number counts: `ms`, `8kB`; empty for plain numbers. */
  readonly unit: string;
  /** As the tool would print it, in the setting's unit. */
  readonly default: string;
  readonly min: number;
  readonly max: number;
  /** The words of an enumeration. */
  readonly values: readonly string[];
  /** First and last major version that has the setting, where that is known to matter. */
  readonly since: number;
  readonly until: number;
  /** The server reports it; nobody can set it. */
  readonly internal: boolean;
}

/**
 * The settings that the model uses, each with what it measures. A setting that is known but not
 * here draws a warning, so adding a line here is what says that a mechanism reads it.
 */
export const MODELLED = {
  shared_buffers: 'bytes',
  max_connections: 'number',
  superuser_reserved_connections: 'number',
  synchronous_commit: 'string',
  synchronous_standby_names: 'string',
  wal_writer_delay: 'time',
  wal_writer_flush_after: 'bytes',
  commit_delay: 'time',
  commit_siblings: 'number',
  fsync: 'boolean',
  full_page_writes: 'boolean',
  wal_level: 'string',
  wal_compression: 'string',
  wal_buffers: 'bytes',
  wal_sync_method: 'string',
  wal_init_zero: 'boolean',
  wal_recycle: 'boolean',
  archive_mode: 'string',
  archive_timeout: 'time',
  archive_command: 'string',
  max_wal_size: 'bytes',
  min_wal_size: 'bytes',
  checkpoint_timeout: 'time',
  checkpoint_completion_target: 'number',
  checkpoint_flush_after: 'bytes',
  bgwriter_delay: 'time',
  bgwriter_lru_maxpages: 'number',
  bgwriter_lru_multiplier: 'number',
  bgwriter_flush_after: 'bytes',
  recovery_prefetch: 'string',
  maintenance_io_concurrency: 'number',
  effective_io_concurrency: 'number',
  io_combine_limit: 'bytes',
  io_method: 'string',
  io_workers: 'number',
  wal_sender_timeout: 'time',
  wal_receiver_timeout: 'time',
  wal_receiver_status_interval: 'time',
  wal_retrieve_retry_interval: 'time',
  wal_keep_size: 'bytes',
  max_wal_senders: 'number',
  max_worker_processes: 'number',
  autovacuum: 'boolean',
  autovacuum_max_workers: 'number',
  autovacuum_worker_slots: 'number',
  autovacuum_naptime: 'time',
  autovacuum_vacuum_threshold: 'number',
  autovacuum_vacuum_scale_factor: 'number',
  autovacuum_vacuum_max_threshold: 'number',
  autovacuum_vacuum_insert_threshold: 'number',
  autovacuum_vacuum_insert_scale_factor: 'number',
  autovacuum_analyze_threshold: 'number',
  autovacuum_analyze_scale_factor: 'number',
  autovacuum_freeze_max_age: 'number',
  autovacuum_multixact_freeze_max_age: 'number',
  autovacuum_vacuum_cost_delay: 'time',
  autovacuum_vacuum_cost_limit: 'number',
  autovacuum_work_mem: 'bytes',
  maintenance_work_mem: 'bytes',
  work_mem: 'bytes',
  vacuum_buffer_usage_limit: 'bytes',
  vacuum_cost_delay: 'time',
  vacuum_cost_limit: 'number',
  vacuum_cost_page_hit: 'number',
  vacuum_cost_page_miss: 'number',
  vacuum_cost_page_dirty: 'number',
  vacuum_freeze_min_age: 'number',
  vacuum_freeze_table_age: 'number',
  vacuum_failsafe_age: 'number',
  vacuum_truncate: 'boolean',
  default_statistics_target: 'number',
  data_checksums: 'boolean',
  wal_log_hints: 'boolean',
  max_prepared_transactions: 'number',
  max_locks_per_transaction: 'number',
  deadlock_timeout: 'time',
  lock_timeout: 'time',
  client_connection_check_interval: 'time',
  statement_timeout: 'time',
  idle_in_transaction_session_timeout: 'time',
  idle_session_timeout: 'time',
  authentication_timeout: 'time',
  transaction_timeout: 'time',
  tcp_keepalives_idle: 'time',
  tcp_keepalives_interval: 'time',
  tcp_keepalives_count: 'number',
  tcp_user_timeout: 'time',
  recovery_min_apply_delay: 'time',
  max_standby_streaming_delay: 'time',
  max_standby_archive_delay: 'time',
  hot_standby_feedback: 'boolean',
  wal_decode_buffer_size: 'bytes',
  restart_after_crash: 'boolean',
} as const satisfies Record<string, SettingMeasure>;

interface Measured {
  time: number;
  bytes: number;
  number: number;
  boolean: boolean;
  string: string;
}

/** The modelled settings with their types: times in nanoseconds, sizes in bytes. */
export type ModelledSettings = {
  readonly [Name in keyof typeof MODELLED]: Measured[(typeof MODELLED)[Name]];
};

/** Every setting of a server by its own name; one that the version lacks is absent. */
export type PostgresSettings = ModelledSettings & { readonly [name: string]: SettingValue };

/** The versions whose behaviour is known. */
export const POSTGRES_VERSIONS: readonly number[] = [13, 14, 15, 16, 17, 18];

/** Defaults that changed: the value up to and including a version (release notes of 14 to 18). */
const FORMER_DEFAULTS: readonly (readonly [name: string, until: number, value: string])[] = [
  ['checkpoint_completion_target', 13, '0.5'],
  ['password_encryption', 13, 'md5'],
  ['vacuum_cost_page_miss', 13, '10'],
  ['hash_mem_multiplier', 14, '1'],
  ['log_checkpoints', 14, 'off'],
  ['log_autovacuum_min_duration', 14, '-1'],
  ['vacuum_buffer_usage_limit', 16, '256'],
  ['effective_io_concurrency', 17, '1'],
  ['maintenance_io_concurrency', 17, '10'],
  ['data_checksums', 17, 'off'],
];

/** Defaults of 16 and later where they differ from version 15's, on which the table is based. */
const LATER_DEFAULTS: Readonly<Record<string, string>> = {
  effective_io_concurrency: '16',
  maintenance_io_concurrency: '16',
  data_checksums: 'on', // initdb
};

/** Spellings that an enumeration accepts beside its words (guc_tables.c, hidden entries). */
const HIDDEN_WORDS: Readonly<Record<string, string>> = {
  true: 'on',
  yes: 'on',
  1: 'on',
  false: 'off',
  no: 'off',
  0: 'off',
};

const FACTS = [...readFacts(SETTINGS_A_TO_K), ...readFacts(SETTINGS_L_TO_Z)];
const BY_NAME = new Map<string, SettingFact[]>();
for (const fact of FACTS) {
  const name = fact.name.toLowerCase();
  BY_NAME.set(name, [...(BY_NAME.get(name) ?? []), fact]);
}
const DEFAULTS = new Map<number, PostgresSettings>();

/** All settings of all versions in the table's order; a name can occur once for each type. */
export const SETTING_FACTS: readonly SettingFact[] = FACTS;

/** The names of the settings that a version has. */
export function settingNames(version: number): readonly string[] {
  return FACTS.filter((fact) => isIn(fact, version)).map((fact) => fact.name);
}

/**
 * A setting of one version; undefined if that version does not have it. Names are compared as
 * Postgres does, without regard to case.
 */
export function findSetting(name: string, version: number): SettingFact | undefined {
  return BY_NAME.get(name.toLowerCase())?.find((fact) => isIn(fact, version));
}

/** The defaults of a version, resolved; read as `postgresql.conf` would be. */
export function defaultSettings(version: number): PostgresSettings {
  const known = DEFAULTS.get(version);
  if (known !== undefined) return known;
  const settings: Record<string, SettingValue> = {};
  for (const fact of FACTS) {
    if (!isIn(fact, version)) continue;
    const parsed = parseSetting(fact, defaultOf(fact, version));
    settings[fact.name] = parsed.ok ? parsed.value : fact.default;
  }
  // A timeout that the version does not have is one that never fires.
  for (const [name, measure] of Object.entries(MODELLED)) {
    if (measure === 'time') settings[name] ??= 0;
  }
  const resolved = Object.freeze(settings) as PostgresSettings;
  DEFAULTS.set(version, resolved);
  return resolved;
}

/** The default of a setting in a version, as the server would print it. */
export function defaultOf(fact: SettingFact, version: number): string {
  const former = FORMER_DEFAULTS.find(([name, until]) => name === fact.name && version <= until);
  if (former !== undefined) return former[2];
  return LATER_DEFAULTS[fact.name] ?? fact.default;
}

function isIn(fact: SettingFact, version: number): boolean {
  return fact.since <= version && version <= fact.until;
}

/** A value, or why it is none and what may have been meant. */
export type ParsedSetting =
  | { readonly ok: true; readonly value: SettingValue }
  | { readonly ok: false; readonly why: string; readonly candidates?: readonly string[] };

/** Reads a value as `postgresql.conf` does; the result is in nanoseconds, bytes or as it is. */
export function parseSetting(fact: SettingFact, raw: string | number | boolean): ParsedSetting {
  switch (fact.type) {
    case 'bool':
      return parseBoolean(String(raw));
    case 'enum':
      return parseEnum(fact, String(raw));
    case 'string':
      return { ok: true, value: String(raw) };
    default:
      return typeof raw === 'boolean'
        ? { ok: false, why: `it takes ${article(fact)}, not ${raw}` }
        : parseNumber(fact, String(raw));
  }
}

/** What a setting measures once resolved. */
export function measureOf(fact: SettingFact): SettingMeasure {
  if (fact.type === 'bool') return 'boolean';
  if (fact.type === 'enum' || fact.type === 'string') return 'string';
  if (fact.unit in TIME_UNITS) return 'time';
  return fact.unit === '' ? 'number' : 'bytes';
}

function article(fact: SettingFact): string {
  const kind = fact.type === 'integer' ? 'a whole number' : 'a number';
  return fact.unit === '' ? kind : `${kind} of ${fact.unit}, or one with a unit`;
}

/** guc.c:parse_bool_with_len: any unique prefix of the words, in any case. */
function parseBoolean(text: string): ParsedSetting {
  const word = text.toLowerCase();
  if (word === '1') return { ok: true, value: true };
  if (word === '0') return { ok: true, value: false };
  const isPrefix = (full: string, least: number) => word.length >= least && full.startsWith(word);
  if (isPrefix('true', 1) || isPrefix('yes', 1) || word === 'on') return { ok: true, value: true };
  if (isPrefix('false', 1) || isPrefix('no', 1) || isPrefix('off', 2))
    return { ok: true, value: false };
  return { ok: false, why: 'it takes a Boolean value, on or off', candidates: ['on', 'off'] };
}

function parseEnum(fact: SettingFact, text: string): ParsedSetting {
  const word = text.toLowerCase();
  const value = fact.values.find((each) => each.toLowerCase() === word);
  if (value !== undefined) return { ok: true, value };
  const meant = HIDDEN_WORDS[word];
  if (meant !== undefined && fact.values.includes(meant)) return { ok: true, value: meant };
  return { ok: false, why: `it takes one of ${fact.values.join(', ')}`, candidates: fact.values };
}

/** Nanoseconds in each unit of time that Postgres knows. */
const TIME_UNITS: Readonly<Record<string, number>> = {
  us: MICROSECOND,
  ms: MILLISECOND,
  s: SECOND,
  min: MINUTE,
  h: 60 * MINUTE,
  d: 24 * 60 * MINUTE,
};

/** Bytes in each unit of memory that Postgres knows: its kB is 1024 bytes. */
const MEMORY_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1024,
  '8kB': 8192,
  MB: 1024 * 1024,
  GB: 1024 * 1024 * 1024,
  TB: 1024 * 1024 * 1024 * 1024,
};

const NUMBER =
  /^\s*([+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))\s*([^\s\d]*)\s*$/;

function parseNumber(fact: SettingFact, text: string): ParsedSetting {
  const match = text.length <= 64 ? NUMBER.exec(text) : null;
  if (match === null) return { ok: false, why: `it takes ${article(fact)}` };
  const units = unitsOf(fact);
  const unit = match[2]!;
  if (unit !== '' && !Object.hasOwn(units, unit)) return wrongUnit(fact, Object.keys(units), unit);
  const base = units[fact.unit] ?? 1;
  const perUnit = unit === '' ? base : units[unit]!;
  const amount = (Number(match[1]) * perUnit) / base;
  const value = fact.type === 'integer' ? roundHalfEven(amount) : amount;
  if (value < fact.min || value > fact.max) return outside(fact, value);
  return { ok: true, value: value < 0 ? value : Math.round(value * base * 1e6) / 1e6 };
}

/** C's rint, by which Postgres rounds a fraction given for a whole number. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function unitsOf(fact: SettingFact): Readonly<Record<string, number>> {
  const measure = measureOf(fact);
  return measure === 'time' ? TIME_UNITS : measure === 'bytes' ? MEMORY_UNITS : {};
}

function wrongUnit(fact: SettingFact, units: readonly string[], unit: string): ParsedSetting {
  if (units.length === 0)
    return { ok: false, why: `it is a plain number and takes no unit such as "${unit}"` };
  const candidates = units.filter((each) => each !== '8kB');
  return {
    ok: false,
    why: `"${unit}" is no unit of ${fact.name}; its units are ${candidates.join(', ')}`,
    candidates,
  };
}

function outside(fact: SettingFact, value: number): ParsedSetting {
  const unit = fact.unit === '' ? '' : ` ${fact.unit}`;
  return {
    ok: false,
    why: `${value}${unit} is outside its valid range (${fact.min}${unit} .. ${fact.max}${unit})`,
  };
}

/** Reads a table of facts; see the table's own head for the columns. */
export function readFacts(table: string): readonly SettingFact[] {
  const rows = table.replaceAll('\n  ', '').trim().split('\n');
  return rows.map(readFact);
}

function readFact(row: string): SettingFact {
  const [head, type, byDefault, third, min, max] = row.split('|');
  const internal = head!.endsWith('!');
  const [name, versions] = (internal ? head!.slice(0, -1) : head!).split('@');
  const [since, until] = (versions ?? '-').split('-');
  return {
    name: name!,
    type: type as SettingFact['type'],
    default: byDefault ?? '',
    unit: type === 'enum' ? '' : (third ?? ''),
    values: type === 'enum' ? (third ?? '').split(',') : [],
    min: min === undefined || min === '' ? -Infinity : Number(min),
    max: max === undefined || max === '' ? Infinity : Number(max),
    since: since === '' ? 0 : Number(since),
    until: until === '' ? Infinity : Number(until),
    internal,
  };
}
