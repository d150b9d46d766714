import type { Scenario } from './model.ts';
import type { Finding } from './problem.ts';
import type { ScenarioFile } from './schema/root.ts';

/** What is allowed and yet probably not meant. */
export function lint(scenario: Scenario, file: ScenarioFile): Finding[] {
  return [
    ...unusedHardware(scenario),
    ...unusedTransactions(scenario),
    ...syncNamesWithoutStandby(scenario),
    ...faultsInWarmup(scenario),
    ...fencingWithoutPatroni(scenario, file),
    ...crowdedServers(scenario),
    ...otherIndexes(scenario),
  ];
}

function unusedHardware(scenario: Scenario): Finding[] {
  const used = new Set([...scenario.hosts.values()].map((host) => host.machine.name));
  for (const fault of scenario.faults) if (fault.kind === 'resize') used.add(fault.hardware);
  return [...scenario.hardware.keys()]
    .filter((name) => !used.has(name))
    .map((name) => ({ path: ['hardware', name], why: 'nothing runs on it', atKey: true }));
}

function unusedTransactions(scenario: Scenario): Finding[] {
  const { transactions, clients } = scenario.workload;
  const run = new Set(
    [...clients.values()].flatMap((group) => group.run.map((each) => each.transaction)),
  );
  return [...transactions.keys()]
    .filter((name) => !run.has(name))
    .map((name) => ({
      path: ['workload', 'transactions', name],
      why: 'no group of clients runs it',
      atKey: true,
    }));
}

/** A primary that waits for standbys of which none is its own hangs at its first commit. */
function syncNamesWithoutStandby(scenario: Scenario): Finding[] {
  const servers = [...scenario.servers.values()];
  return servers
    .filter(({ standbyOf, settings }) => standbyOf === null && settings.synchronous_standby_names)
    .filter(({ name }) => !servers.some((other) => other.standbyOf === name))
    .map(({ name, group }) => ({
      path: ['servers', group ?? name],
      why: 'has synchronous_standby_names and no standby, so that commits wait for ever',
      atKey: true,
    }));
}

function faultsInWarmup(scenario: Scenario): Finding[] {
  return scenario.faults
    .filter(({ start }) => start.kind === 'time' && start.at < scenario.warmup)
    .map(({ index }) => ({
      path: ['faults', index, 'at'],
      why: 'begins within the warm-up, which the metrics leave out',
    }));
}

function fencingWithoutPatroni(scenario: Scenario, file: ScenarioFile): Finding[] {
  if (file.fencing === undefined || file.fencing === 'none' || scenario.patroni !== null) return [];
  return [{ path: ['fencing'], why: 'has nobody to act on it: there is no Patroni' }];
}

/** More sessions than connections: most would be refused. */
function crowdedServers(scenario: Scenario): Finding[] {
  const sessions = new Map<string, number>();
  for (const group of scenario.workload.clients.values()) {
    const { connect, count, connection } = group;
    if (connect.kind !== 'server' || connection !== 'session') continue;
    sessions.set(connect.server, (sessions.get(connect.server) ?? 0) + count);
  }
  return [...sessions].flatMap(([name, count]) => {
    const { settings, group } = scenario.servers.get(name)!;
    const free = settings.max_connections - settings.superuser_reserved_connections;
    if (count <= free) return [];
    const why = `is given ${count} sessions, and max_connections leaves room for ${free}`;
    return [{ path: ['servers', group ?? name], why, atKey: true }];
  });
}

/** Queries find rows by them; their own pages, and what changes write to them, are left out. */
function otherIndexes({ workload: { plans } }: Scenario): Finding[] {
  const all = (plans?.catalog.tables ?? []).filter(({ kind }) => kind === 'r');
  const others = all.flatMap(({ indexes }) => indexes.filter(({ method }) => method !== 'btree'));
  return others.map(({ name, method }) => ({
    path: ['workload', 'schema'],
    what: `the index ${name}`,
    why: `is of the method ${method}: no pages and no WAL of its own are simulated`,
    atKey: true,
  }));
}
