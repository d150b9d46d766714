/**
 * A workload on tables of one's own: what Postgres is to be asked about it, and what its errors say
 * at which place of the scenario. The asking itself is handed in (`ResolveOptions.plans`).
 */
import type { PostgresSettings } from '../../postgres/settings.ts';
import { tableName } from '../../workload/planner/catalog.ts';
import type { CommandText } from '../../workload/planner/commands.ts';
import type { Facts } from '../../workload/planner/facts.ts';
import type { ReadScript } from '../../workload/planner/reader.ts';
import {
  errorText,
  PLAN_FORMAT,
  type PlanAnswer,
  type PlanError,
  type PlanRequest,
} from '../../workload/planner/request.ts';
import { statementRequests } from '../../workload/planner/samples.ts';
import { collectScripts } from '../../workload/planner/scripts.ts';
import { plannerSettings } from '../../workload/planner/settings.ts';
import { type PlannedStatement, placeInScript } from '../../workload/planner/statements.ts';
import { quoted } from '../../workload/planner/statistics.ts';
import { refusedByVersion } from '../../workload/planner/version-rules.ts';
import type { Scenario } from '../model.ts';
import { type Path, pathText } from '../problem.ts';
import { nearest } from '../suggest.ts';
import type {
  ColumnStatistics,
  Partitions,
  TableStatistics,
  TransactionSpec,
} from '../workload-model.ts';
import type { Context } from './context.ts';
import { scriptFindings, scriptsOf } from './scripts.ts';
import type { Servers } from './servers.ts';

interface Parts {
  readonly transactions: ReadonlyMap<string, TransactionSpec>;
  readonly statistics: ReadonlyMap<string, TableStatistics>;
  readonly partitions: ReadonlyMap<string, Partitions>;
  readonly scale: number;
}

/** What Postgres has planned of a scenario, statement by statement. */
export function explainedStatements({ workload }: Scenario) {
  const { plans, transactions, pgbench } = workload;
  if (plans === null) return [];
  const scripts = collectScripts(scriptsOf(transactions), pgbench?.scale ?? 1);
  const all = [...scripts].flatMap(([transaction, { statements }]) =>
    [...statements.values()].map(({ sql }) => ({ transaction, sql })),
  );
  return all.map((each, number) => ({ ...each, ...plans.statements[number]! }));
}

/** Postgres's answer; null if there is nothing to ask, nobody to ask, or something is wrong. */
export function resolvePlans(context: Context, servers: Servers, parts: Parts): PlanAnswer | null {
  const { schema } = context.file.workload;
  if (schema === undefined) return null;
  const scripts = collectScripts(scriptsOf(parts.transactions), parts.scale);
  if (!areRight(context, scripts)) return null;
  const primary = [...servers.servers.values()].find(({ standbyOf }) => standbyOf === null);
  if (primary === undefined) return null;
  const { settings, version } = primary;
  const request = requestOf(schema, parts, scripts, settings, version);
  const planned = context.options.plans?.(request);
  if (planned === undefined) return null;
  if (planned.ok) {
    tellVersion(context, schema, refusedByVersion(planned.answer.catalog, version));
    return checkNames(context, parts, planned.answer);
  }
  for (const error of planned.errors) tell(context, error, scripts);
  return null;
}

function areRight(context: Context, scripts: ReadonlyMap<string, ReadScript>): boolean {
  let right = true;
  for (const [name, { parsed }] of scripts) {
    if (parsed.ok) continue;
    right = false;
    for (const each of scriptFindings(scriptPath(context, name), parsed.problems)) {
      context.findings.problems.push(each);
    }
  }
  return right;
}

function scriptPath({ file }: Context, name: string): Path {
  const path = ['workload', 'transactions', name];
  return typeof file.workload.transactions?.[name] === 'string' ? path : [...path, 'script'];
}

function requestOf(
  schema: string,
  { statistics, partitions }: Parts,
  scripts: ReadonlyMap<string, ReadScript>,
  settings: PostgresSettings,
  version: number,
): PlanRequest {
  const statements = [...scripts].flatMap(([name, { parsed, statements }]) =>
    parsed.ok ? statementRequests(parsed.program, statements, name) : [],
  );
  const created = [...scripts.values()].flatMap(({ commands }) =>
    commands.filter(({ kind }) => kind === 'create'),
  );
  return {
    format: PLAN_FORMAT,
    schema,
    partitions: [
      ...[...partitions].flatMap(([table, each]) =>
        partitionCommands(table, each).map((sql) => ({ table, sql })),
      ),
      ...created.map(({ table, parent, bound }) => ({
        table: parent!.value,
        sql: `CREATE TABLE ${table.value} PARTITION OF ${parent!.value} ${bound}`,
      })),
    ],
    facts: { ...factsOf(statistics), ...absentFacts(partitions, created) },
    version,
    settings: plannerSettings(settings),
    statements,
  };
}

/** What the shorthand `workload.partitions` stands for. */
function partitionCommands(table: string, partitions: Partitions): string[] {
  const part = (name: string, values: string) =>
    `CREATE TABLE ${name} PARTITION OF ${table} FOR VALUES ${values}`;
  switch (partitions.kind) {
    case 'range':
      return [
        ...[...partitions.ranges, ...partitions.later].map(({ name, from, to }) =>
          part(name, `FROM (${quoted(from)}) TO (${quoted(to)})`),
        ),
        ...(partitions.hasDefault
          ? [`CREATE TABLE ${table}_default PARTITION OF ${table} DEFAULT`]
          : []),
      ];
    case 'list':
      return partitions.lists.map(({ name, values }) =>
        part(name, `IN (${values.map(quoted).join(', ')})`),
      );
    case 'hash':
      return Array.from({ length: partitions.modulus }, (_, remainder) =>
        part(
          `${table}_${remainder}`,
          `WITH (MODULUS ${partitions.modulus}, REMAINDER ${remainder})`,
        ),
      );
  }
}

/** Tables that are made during the run have their place from the beginning, and no rows. */
function absentFacts(
  partitions: ReadonlyMap<string, Partitions>,
  created: readonly CommandText[],
): Facts {
  const later = [...partitions.values()].flatMap((each) => {
    return each.kind === 'range' ? each.later.map(({ name }) => name) : [];
  });
  const names = [...later, ...created.map(({ table }) => table.value)];
  return Object.fromEntries(names.map((name) => [name, { rows: 0, columns: {}, isAbsent: true }]));
}

function factsOf(statistics: ReadonlyMap<string, TableStatistics>): Facts {
  return Object.fromEntries(
    [...statistics].map(([table, { rows, columns }]) => {
      const own = [...columns].map(([name, column]) => [name, columnFacts(column)] as const);
      return [table, { rows: rows ?? 0, columns: Object.fromEntries(own) }];
    }),
  );
}

function columnFacts(column: ColumnStatistics) {
  const { distinct, width, nullFraction, correlation, mostCommon, histogram } = column;
  const common = mostCommon.flatMap(({ value, share }) =>
    share === null ? [] : [{ value, share }],
  );
  return { distinct, width, nullFraction, correlation, common, histogram: [...histogram] };
}

/** What the scenario's version would not take, in its words. */
function tellVersion(
  context: Context,
  schema: string,
  refused: ReturnType<typeof refusedByVersion>,
): void {
  for (const { message, at } of refused) {
    const offset = Math.max(0, schema.search(at));
    context.findings.problem(['workload', 'schema'], message, { offset });
  }
}

/** Statistics are about tables and columns that the schema has. */
function checkNames(context: Context, { statistics }: Parts, answer: PlanAnswer): PlanAnswer {
  const tables = new Map(answer.catalog.tables.map((table) => [tableName(table), table]));
  for (const [name, { columns }] of statistics) {
    const path = ['workload', 'statistics', name];
    const table = tables.get(name);
    if (table === undefined) unknown(context, path, 'a table of the schema', [...tables.keys()]);
    const known = table?.columns.map((column) => column.name);
    for (const column of known === undefined ? [] : columns.keys()) {
      if (!known!.includes(column)) {
        unknown(context, [...path, 'columns', column], `a column of ${name}`, known!);
      }
    }
  }
  return answer;
}

function unknown(context: Context, path: Path, what: string, names: readonly string[]): void {
  const why = `is not ${what}; there is ${names.join(', ')}`;
  context.findings.problem(path, why, {
    nearest: nearest(String(path.at(-1)), names),
    atKey: true,
  });
}

/** An error of Postgres, in its own words, where it belongs. */
function tell(context: Context, error: PlanError, scripts: ReadonlyMap<string, ReadScript>): void {
  const why = errorText(error);
  const { at, offset } = error;
  switch (at.kind) {
    case 'schema':
      context.findings.problem(['workload', 'schema'], why, { offset });
      return;
    case 'statement': {
      const [name, statement] = statementAt(scripts, at.index);
      const path = scriptPath(context, name);
      context.findings.problem(path, why, { offset: placeInScript(statement, offset) });
      return;
    }
    case 'partitions': {
      const isShort = context.file.workload.partitions?.[at.table] !== undefined;
      const path = ['workload', ...(isShort ? ['partitions', at.table] : ['transactions'])];
      context.findings.problem(path, why, { atKey: true });
      return;
    }
    case 'settings':
      context.findings.problem(['postgresql', at.name], why);
      return;
    case 'statistics': {
      const path = ['workload', 'statistics', at.table];
      const what = pathText(at.column === null ? path : [...path, 'columns', at.column]);
      const isThere = at.column !== null && hasColumn(context, at.table, at.column);
      const place = isThere ? [...path, 'columns', at.column!] : ['workload', 'schema'];
      context.findings.problem(place, why, { what, atKey: true });
    }
  }
}

function hasColumn({ file }: Context, table: string, column: string): boolean {
  return file.workload.statistics?.[table]?.columns?.[column] !== undefined;
}

function statementAt(
  scripts: ReadonlyMap<string, ReadScript>,
  index: number,
): readonly [string, PlannedStatement] {
  const all = [...scripts].flatMap(([name, { statements }]) =>
    [...statements.values()].map((statement) => [name, statement] as const),
  );
  return all[index]!;
}
