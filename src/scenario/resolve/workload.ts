import {
  formatMoment,
  isBefore,
  type Moment,
  parseMoment,
  parseStep,
  partitionSuffix,
  stepsAfter,
} from '../../workload/calendar.ts';
import { parseScript } from '../../workload/sql/parse.ts';
import { naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { BUILTINS } from '../schema/workload.ts';
import type {
  ColumnStatistics,
  Partitions,
  Pgbench,
  TableStatistics,
  TransactionSpec,
  Workload,
} from '../workload-model.ts';
import { resolveClients } from './clients.ts';
import type { Context } from './context.ts';
import type { Hosts } from './hosts.ts';
import { resolvePlans } from './plans.ts';
import { scriptFindings } from './scripts.ts';
import type { Servers } from './servers.ts';

type WorkloadFile = ScenarioFile['workload'];

/** Tables, transactions and clients, with pgbench's defaults. */
export function resolveWorkload(context: Context, servers: Servers, hosts: Hosts): Workload {
  const given = context.file.workload;
  const transactions = resolveTransactions(context);
  const statistics = resolveStatistics(given);
  const partitions = resolvePartitions(context, given);
  const pgbench = resolvePgbench(context, transactions);
  const parts = { transactions, statistics, partitions, scale: pgbench?.scale ?? 1 };
  return {
    schema: given.schema ?? null,
    plans: resolvePlans(context, servers, parts),
    pgbench,
    statistics,
    partitions,
    now: resolveNow(context, given.now),
    distribute: new Map(naturalEntries(given.distribute ?? {})),
    transactions,
    clients: resolveClients(context, servers, hosts, transactions),
  };
}

function resolveNow({ findings }: Context, given: string | undefined): Moment | null {
  if (given === undefined) return null;
  const parsed = parseMoment(given);
  if (parsed.ok) return parsed.value;
  findings.problem(['workload', 'now'], parsed.why);
  return null;
}

function resolveTransactions(context: Context): Map<string, TransactionSpec> {
  const given = context.file.workload.transactions ?? builtinsRun(context.file.workload);
  const transactions = new Map<string, TransactionSpec>();
  for (const [name, written] of naturalEntries(given)) {
    const path = ['workload', 'transactions', name];
    const {
      builtin,
      script,
      read_only: readOnly,
    } = typeof written === 'string'
      ? { script: written, builtin: undefined, read_only: undefined }
      : written;
    if ((builtin === undefined) === (script === undefined))
      context.findings.problem(path, 'is either a builtin or a script');
    if (builtin !== undefined)
      transactions.set(name, {
        kind: 'builtin',
        name,
        builtin,
        readOnly: builtin === 'select-only',
      });
    else {
      const isWritten = typeof written === 'string';
      checkScript(context, isWritten ? path : [...path, 'script'], script ?? '');
      transactions.set(name, {
        kind: 'script',
        name,
        script: script ?? '',
        isNested: !isWritten,
        readOnly: readOnly ?? null,
      });
    }
  }
  if (transactions.size === 0)
    context.findings.problem(['workload', 'transactions'], 'has no transaction');
  return transactions;
}

/** Scripts on pgbench's tables run without a planner; others are in `plans.ts`. */
function checkScript({ file, findings }: Context, path: Path, script: string): void {
  const { schema, pgbench } = file.workload;
  if (schema !== undefined) return;
  const parsed = parseScript(script, pgbench?.scale ?? 1);
  if (!parsed.ok)
    for (const each of scriptFindings(path, parsed.problems)) findings.problems.push(each);
}

/** Without transactions of its own a workload has the builtins its clients run, or pgbench's. */
function builtinsRun({ clients = {} }: WorkloadFile): NonNullable<WorkloadFile['transactions']> {
  const run = Object.values(clients).flatMap((group) =>
    typeof group.run === 'string' ? [group.run] : Object.keys(group.run ?? {}),
  );
  const named = BUILTINS.filter((builtin) => run.includes(builtin));
  const builtins = named.length > 0 ? named : (['tpcb-like'] as const);
  return Object.fromEntries(builtins.map((builtin) => [builtin, { builtin }]));
}

/** Without a schema of one's own there are pgbench's tables, of scale 1 if nothing is said. */
function resolvePgbench(
  context: Context,
  transactions: ReadonlyMap<string, TransactionSpec>,
): Pgbench | null {
  const { pgbench, schema } = context.file.workload;
  if (pgbench === undefined) {
    const builtin = [...transactions.values()].find((each) => each.kind === 'builtin');
    if (builtin === undefined && schema !== undefined) return null;
    if (builtin !== undefined && schema !== undefined) {
      const path = ['workload', 'transactions', builtin.name];
      context.findings.problem(path, "needs pgbench's tables: say workload.pgbench: {scale: N}");
    }
  }
  return {
    scale: pgbench?.scale ?? 1,
    partitions: pgbench?.partitions ?? 0,
    partitionMethod: pgbench?.partition_method ?? 'range',
    fillfactor: pgbench?.fillfactor ?? 100,
    foreignKeys: pgbench?.foreign_keys ?? false,
  };
}

function resolveStatistics(given: WorkloadFile): Map<string, TableStatistics> {
  return new Map(
    naturalEntries(given.statistics ?? {}).map(([table, { rows, columns }]) => [
      table,
      {
        rows: rows ?? null,
        columns: new Map(
          naturalEntries(columns ?? {}).map(([name, column]) => [name, columnStatistics(column)]),
        ),
      },
    ]),
  );
}

type StatisticsFile = NonNullable<WorkloadFile['statistics']>[string];
type ColumnFile = NonNullable<StatisticsFile['columns']>[string];

function columnStatistics(given: ColumnFile): ColumnStatistics {
  const common = given.most_common ?? [];
  return {
    distinct: given.distinct ?? null,
    width: given.width ?? null,
    nullFraction: given.null_fraction ?? null,
    correlation: given.correlation ?? null,
    histogram: (given.histogram ?? []).map(String),
    mostCommon: Array.isArray(common)
      ? common.map((value) => ({ value: String(value), share: null }))
      : Object.entries(common).map(([value, share]) => ({ value, share })),
  };
}

function resolvePartitions(context: Context, given: WorkloadFile): Map<string, Partitions> {
  const partitions = new Map<string, Partitions>();
  for (const [table, written] of naturalEntries(given.partitions ?? {})) {
    const path = ['workload', 'partitions', table];
    if ('hash' in written) partitions.set(table, { kind: 'hash', modulus: written.hash });
    else if ('list' in written) {
      const lists = Object.entries(written.list).map(([name, values]) => ({
        name: `${table}_${name}`,
        values: values.map(String),
      }));
      partitions.set(table, { kind: 'list', lists });
    } else {
      const ranges = rangesOf(context, path, table, written);
      if (ranges !== undefined) partitions.set(table, ranges);
    }
  }
  return partitions;
}

type RangeFile = Extract<NonNullable<WorkloadFile['partitions']>[string], { every: unknown }>;

const MOST_PARTITIONS = 100_000;

function rangesOf(
  context: Context,
  path: Path,
  table: string,
  given: RangeFile,
): Partitions | undefined {
  if (typeof given.from === 'number' && typeof given.to === 'number')
    return numericRanges(context, path, table, given);
  const from = parseMoment(String(given.from));
  const to = parseMoment(String(given.to));
  const every = parseStep(String(given.every));
  for (const [key, parsed] of [
    ['from', from],
    ['to', to],
    ['every', every],
  ] as const)
    if (!parsed.ok) context.findings.problem([...path, key], parsed.why);
  if (!from.ok || !to.ok || !every.ok) return undefined;
  const ranges: { name: string; from: string; to: string }[] = [];
  for (let i = 0, at = from.value; isBefore(at, to.value); i++) {
    const next = stepsAfter(from.value, every.value, i + 1);
    const end = isBefore(next, to.value) ? next : to.value;
    const name = `${table}_${partitionSuffix(at, every.value)}`;
    ranges.push({ name, from: formatMoment(at), to: formatMoment(end) });
    if (ranges.length > MOST_PARTITIONS) break;
    at = next;
  }
  return checkedRanges(context, path, ranges, every.value);
}

function numericRanges(
  context: Context,
  path: Path,
  table: string,
  given: RangeFile,
): Partitions | undefined {
  const [from, to, every] = [Number(given.from), Number(given.to), Number(given.every)];
  if (!Number.isFinite(from) || !Number.isFinite(to) || !(every > 0) || !Number.isFinite(every)) {
    context.findings.problem([...path, 'every'], 'is not a step above 0 between numbers');
    return undefined;
  }
  const ranges: { name: string; from: string; to: string }[] = [];
  for (let i = 0; from + i * every < to && i <= MOST_PARTITIONS; i++) {
    const end = Math.min(from + (i + 1) * every, to);
    ranges.push({ name: `${table}_${i + 1}`, from: String(from + i * every), to: String(end) });
  }
  return checkedRanges(context, path, ranges, every);
}

function checkedRanges(
  context: Context,
  path: Path,
  ranges: { name: string; from: string; to: string }[],
  every: Extract<Partitions, { kind: 'range' }>['every'],
): Partitions | undefined {
  if (ranges.length === 0) context.findings.problem([...path, 'to'], 'is not after from');
  else if (ranges.length > MOST_PARTITIONS)
    context.findings.problem([...path, 'every'], `makes more than ${MOST_PARTITIONS} partitions`);
  else return { kind: 'range', ranges, every };
  return undefined;
}
