import { type Moment, parseMoment } from '../../workload/calendar.ts';
import { parseScript } from '../../workload/sql/parse.ts';
import { naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { BUILTINS } from '../schema/workload.ts';
import type {
  ColumnStatistics,
  Pgbench,
  TableStatistics,
  TransactionSpec,
  Workload,
} from '../workload-model.ts';
import { resolveClients } from './clients.ts';
import type { Context } from './context.ts';
import type { Hosts } from './hosts.ts';
import { resolvePartitions } from './partitions.ts';
import { resolvePlans } from './plans.ts';
import { scriptFindings } from './scripts.ts';
import type { Servers } from './servers.ts';

type WorkloadFile = ScenarioFile['workload'];

/** Tables, transactions and clients, with pgbench's defaults. */
export function resolveWorkload(context: Context, servers: Servers, hosts: Hosts): Workload {
  const given = context.file.workload;
  const transactions = resolveTransactions(context);
  const statistics = resolveStatistics(given);
  const now = resolveNow(context, given.now);
  const partitions = resolvePartitions(context, given, now);
  const pgbench = resolvePgbench(context, transactions);
  const parts = { transactions, statistics, partitions, scale: pgbench?.scale ?? 1 };
  return {
    schema: given.schema ?? null,
    plans: resolvePlans(context, servers, parts),
    pgbench,
    statistics,
    partitions,
    now,
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
