import { ask } from '../../src/cli/plans/ask.ts';
import type { PlanningServer } from '../../src/cli/plans/pglite.ts';
import { SECOND } from '../../src/kernel/index.ts';
import type { Instance } from '../../src/replication/instance.ts';
import { unbuilt } from '../../src/scenario/build/unbuilt.ts';
import { buildWorld } from '../../src/scenario/build/world.ts';
import { formatProblem, loadScenario, type Scenario } from '../../src/scenario/index.ts';
import { FAILURES } from '../../src/workload/events.ts';
import type { Planned, PlanRequest } from '../../src/workload/planner/request.ts';

/** One client that runs a transaction once, at its time, or each so often. */
export interface Runner {
  readonly run: string;
  readonly at?: string;
  readonly every?: string;
  readonly count?: number;
}

/** A workload on one server, planned by Postgres. */
export interface Played {
  readonly schema: string;
  readonly partitions?: object;
  readonly statistics?: object;
  readonly now?: string;
  readonly transactions: Record<string, string>;
  readonly clients: readonly Runner[];
  readonly seconds: number;
  readonly settings?: object;
}

/** The scenario as it would be written. */
export function textOf(played: Played): string {
  const { schema, partitions, statistics, now, transactions, clients, seconds, settings } = played;
  const groups = clients.map(({ run, at = '0s', every = '1h', count = 1 }, i) => {
    const rest = { starts: at, think: every, connection: 'session', connect: 'main' };
    return [`c${i}`, { zone: 'a', count, run, ...rest }] as const;
  });
  return JSON.stringify({
    duration: `${seconds}s`,
    network: { zones: { a: 'us-east-1' } },
    servers: {
      main: {
        zone: 'a',
        postgresql: { version: 15, shared_buffers: '1GB', autovacuum: 'off', ...settings },
      },
    },
    workload: {
      schema,
      ...(partitions && { partitions }),
      ...(statistics && { statistics }),
      ...(now && { now }),
      transactions,
      clients: Object.fromEntries(groups),
    },
  });
}

/** Runs it, and says what became of it. */
export async function play(postgres: PlanningServer, played: Played) {
  const scenario = await planned(postgres, textOf(played));
  const { sim, observed } = buildWorld(scenario, 1);
  const failures: string[] = [];
  const latencies: Record<number, number> = {};
  let acknowledged = 0;
  observed.workload.failed.observe((_at, _session, _t, failure) => {
    failures.push(FAILURES[failure]!);
  });
  observed.workload.acknowledged.observe((_at, _session, transaction, latency) => {
    acknowledged++;
    latencies[transaction] = Math.max(latencies[transaction] ?? 0, latency);
  });
  sim.run(played.seconds * SECOND);
  const { server } = observed.instances[0] as Instance;
  const { tables, database } = server.storage;
  const numberOf = (name: string) => tables.findIndex(({ definition }) => definition.name === name);
  return {
    server,
    failures,
    acknowledged,
    /** The longest of each transaction, in seconds, by the order of their names. */
    seconds: (transaction: number) => latencies[transaction]! / SECOND,
    table: (name: string) => tables[numberOf(name)]!,
    /** Whether there is such a partition by now. */
    isAttached: (name: string) => {
      const number = numberOf(name);
      return number >= 0 && database.partitions.isAttached(number, true);
    },
    compressed: (name: string) => database.compressed.get(numberOf(name)),
  };
}

async function planned(postgres: PlanningServer, text: string): Promise<Scenario> {
  let request: PlanRequest | undefined;
  const note = (asked: PlanRequest) => {
    request = asked;
    return undefined;
  };
  const first = loadScenario(text, { plans: note });
  if (!first.ok) throw new Error(first.problems.map(formatProblem).join('\n'));
  const answer: Planned = await ask(postgres, request!);
  const loaded = loadScenario(text, { plans: () => answer });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const refused = unbuilt(loaded.scenario);
  if (refused.length > 0) throw new Error(refused.map(({ why }) => why).join());
  return loaded.scenario;
}
