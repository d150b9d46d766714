import { z } from 'zod';
import {
  amount,
  count,
  duration,
  flag,
  fraction,
  law,
  name,
  named,
  oneOrMore,
  rate,
  refuse,
  section,
  text,
  word,
} from './values.ts';

/** The section about what clients do: tables, transactions and groups of clients. */

const tableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_$.]*$/, 'is not the name of a table or column');

const column = section('a column', {
  distinct: amount.optional(),
  width: count(0).optional(),
  null_fraction: fraction.optional(),
  most_common: z.union([z.array(z.unknown()), z.record(z.string(), fraction)]).optional(),
  correlation: z.number().min(-1).max(1).optional(),
  histogram: z.array(z.unknown()).optional(),
});

const statistics = z.record(
  tableName,
  section('statistics', {
    rows: count(0).optional(),
    columns: z.record(tableName, column).optional(),
  }),
);

const bound = z.union([z.string(), z.number()]);
const partitions = z.record(
  tableName,
  z.union([
    section('partitions', {
      from: bound,
      to: bound,
      every: bound,
      default: flag.optional(),
      premake: count(0, 1_000).optional(),
      retention: text.optional(),
      retention_keep_table: flag.optional(),
    }),
    section('a hypertable', {
      from: bound,
      to: bound,
      chunk_time_interval: text,
      compress_segmentby: text.optional(),
      compress_orderby: text.optional(),
    }),
    section('partitions', { list: named(z.array(bound).min(1)) }),
    section('partitions', { hash: count(1, 100_000) }),
  ]),
);

const pgbench = section('pgbench', {
  scale: count(1, 1_000_000).optional(),
  partitions: count(0, 100_000).optional(),
  partition_method: word('range', 'hash').optional(),
  fillfactor: count(10, 100).optional(),
  foreign_keys: flag.optional(),
});

export const BUILTINS = ['tpcb-like', 'simple-update', 'select-only'] as const;

/** `builtin: tpcb` names the only one that begins so, as pgbench takes it. */
const builtin = z
  .string({ error: 'is not the name of a builtin script' })
  .transform((given, context) => {
    const found = BUILTINS.filter((each) => each.startsWith(given));
    if (found.length === 1) return found[0]!;
    const why = `is not one of pgbench's builtin scripts: ${BUILTINS.join(', ')}`;
    return refuse(context, given, why, { candidates: BUILTINS });
  });

const transaction = z.union(
  [
    z.string().min(1, 'a script is not empty'),
    section('a transaction', {
      builtin: builtin.optional(),
      script: z.string().optional(),
      read_only: flag.optional(),
    }),
  ],
  { error: 'is not a pgbench script or {builtin: NAME}' },
);

const run = z.union([name, z.record(name, amount)]);

const TARGETS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

/** libpq's connection settings; times without a unit count as libpq counts them. */
const libpqTime = (perUnit: number) =>
  z.union([z.string(), z.number()]).transform((given, context): number => {
    if (typeof given === 'number') {
      if (given >= 0) return Math.round(given * perUnit);
      return refuse(context, given, 'a time cannot be negative');
    }
    const parsed = duration.safeParse(given);
    if (parsed.success) return parsed.data;
    return refuse(context, given, parsed.error.issues[0]!.message);
  });

const libpq = section('a libpq connection', {
  hosts: oneOrMore(name),
  target_session_attrs: word(...TARGETS).optional(),
  load_balance_hosts: word('disable', 'random').optional(),
  connect_timeout: libpqTime(1e9).optional(),
  tcp_user_timeout: libpqTime(1e6).optional(),
  keepalives: flag.optional(),
  keepalives_idle: libpqTime(1e9).optional(),
  keepalives_interval: libpqTime(1e9).optional(),
  keepalives_count: count(0).optional(),
  sslmode: word('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full').optional(),
  sslnegotiation: word('postgres', 'direct').optional(),
});

const retry = z.union([
  count(0, 1000),
  section('retry', {
    attempts: count(0, 1000),
    wait: law.optional(),
    on: oneOrMore(text).optional(),
  }),
]);

export const clients = section('a group of clients', {
  zone: name.optional(),
  host: name.optional(),
  cpu: law.optional(),
  threads: count(1, 10_000).optional(),
  count: count(1, 1_000_000).optional(),
  rate: rate.optional(),
  think: law.optional(),
  run: run.optional(),
  connect: z
    .union([z.string(), libpq], { error: 'is not the name of a server or {hosts: [...]}' })
    .optional(),
  connection: word('session', 'per-transaction').optional(),
  protocol: word('simple', 'extended', 'prepared').optional(),
  starts: duration.optional(),
  ends: duration.optional(),
  reread: fraction.optional(),
  reconnect: law.optional(),
  retry: retry.optional(),
});

export const workload = section('workload', {
  schema: z.string().optional(),
  statistics: statistics.optional(),
  partitions: partitions.optional(),
  now: z.string().optional(),
  distribute: z.record(tableName, text).optional(),
  pgbench: pgbench.optional(),
  transactions: named(transaction).optional(),
  clients: named(clients).optional(),
});
