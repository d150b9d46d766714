/** A scenario's transactions as clients run them. */

import type { TableDefinition } from '../../postgres/heap/relation.ts';
import { withBatches } from '../../workload/columnar/definitions.ts';
import { builtinScript, pgbenchTables } from '../../workload/pgbench.ts';
import type { PartitionManagers } from '../../workload/planner/managers.ts';
import { compileScripts } from '../../workload/planner/scripts.ts';
import { PLAN_CACHE_MODE } from '../../workload/planner/settings.ts';
import { tableDefinitions } from '../../workload/planner/tables.ts';
import type { Script } from '../../workload/script.ts';
import { type Parsed, parseScript } from '../../workload/sql/parse.ts';
import { sqlScript } from '../../workload/sql/script.ts';
import type { Scenario, Server as ServerSpec } from '../model.ts';
import type { Finding } from '../problem.ts';
import { scriptFindings, scriptsOf } from '../resolve/scripts.ts';

/** Every script that clients run, read; on a schema of one's own by Postgres's plans. */
export function readScripts(scenario: Scenario, asTrees = false): ReadonlyMap<string, Parsed> {
  const { transactions, plans, pgbench, now, partitions } = scenario.workload;
  const scale = pgbench?.scale ?? 1;
  const scripts = scriptsOf(transactions);
  if (plans === null)
    return new Map(scripts.map(({ name, text }) => [name, parseScript(text, scale)]));
  const primary = [...scenario.servers.values()].find(({ standbyOf }) => standbyOf === null)!;
  const { [PLAN_CACHE_MODE]: mode, cpu_operator_cost: cost } = primary.settings;
  const prunes = primary.settings['enable_partition_pruning'] !== false;
  const settings = { mode: String(mode), cpuOperatorCost: Number(cost), asTrees, prunes };
  return compileScripts(
    scripts,
    scale,
    plans,
    primary.version,
    settings,
    now,
    managersOf(partitions),
  );
}

/** Who looks after the partitions of which table. */
function managersOf(partitions: Scenario['workload']['partitions']): PartitionManagers {
  return new Map(
    [...partitions].flatMap(([name, each]) => {
      return each.kind === 'range' && each.manager !== null ? [[name, each.manager]] : [];
    }),
  );
}

/** What keeps the scripts that clients run from being run. */
export function unbuiltScripts(scenario: Scenario): Finding[] {
  const { clients, transactions } = scenario.workload;
  const groups = [...clients.values()];
  const isRun = (name: string) =>
    groups.some(({ run }) => run.some(({ transaction }) => transaction === name));
  return [...readScripts(scenario)].flatMap(([name, parsed]) => {
    if (parsed.ok || !isRun(name)) return [];
    const spec = transactions.get(name);
    const path = ['workload', 'transactions', name];
    const at = spec?.kind === 'script' && spec.isNested ? [...path, 'script'] : path;
    return scriptFindings(at, parsed.problems);
  });
}

export function buildScripts(scenario: Scenario): Map<string, Script> {
  const scale = scenario.workload.pgbench?.scale ?? 1;
  const read = readScripts(scenario);
  const scripts = new Map<string, Script>();
  for (const spec of scenario.workload.transactions.values()) {
    const { name } = spec;
    if (spec.kind === 'builtin') {
      scripts.set(name, builtinScript(name, scripts.size, spec.builtin, scale));
      continue;
    }
    const parsed = read.get(name)!;
    if (!parsed.ok) scripts.set(name, unusable(name, scripts.size));
    else scripts.set(name, sqlScript(name, scripts.size, parsed.program, spec.readOnly));
  }
  return scripts;
}

/** A script that nobody runs. */
function unusable(name: string, index: number): Script {
  const execution = () => {
    throw new Error(`${name} cannot be run`);
  };
  return { name, index, writes: false, statements: 0, execution };
}

/** The tables of a cluster, as its primary's settings make them. */
export function tablesOf(
  { workload }: Scenario,
  { version, settings }: ServerSpec,
): TableDefinition[] {
  const isLogical = settings.wal_level === 'logical';
  const { plans, pgbench } = workload;
  if (plans !== null) {
    const { catalog, facts } = plans;
    const definitions = tableDefinitions(catalog, facts, { version, isLogical });
    return withBatches(definitions, catalog, facts, managersOf(workload.partitions));
  }
  const { scale = 1, fillfactor = 100 } = pgbench ?? {};
  return pgbenchTables(scale, version, fillfactor, isLogical);
}
