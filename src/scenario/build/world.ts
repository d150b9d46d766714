/** A whole simulated world from a scenario: everything in service, faults scheduled. */
import { FaultEvents } from '../../faults/events.ts';
import { scheduleFaults } from '../../faults/schedule.ts';
import { HaEvents } from '../../ha/events.ts';
import { Simulation } from '../../kernel/index.ts';
import type { Observed } from '../../measure/observed.ts';
import { PostgresEvents } from '../../postgres/events.ts';
import { History } from '../../postgres/timeline.ts';
import { WorkloadEvents } from '../../workload/events.ts';
import type { Script } from '../../workload/script.ts';
import type { Scenario } from '../model.ts';
import { buildCluster } from './cluster.ts';
import { faultVictims, faultWorld } from './faults.ts';
import { buildMachines } from './machines.ts';
import { buildHaproxy } from './proxy.ts';
import { buildScripts } from './scripts.ts';
import { buildClients } from './workload.ts';

export interface World {
  readonly sim: Simulation;
  readonly observed: Observed;
}

/** `own`: scripts in place of the scenario's. */
export function buildWorld(
  scenario: Scenario,
  seed: number,
  own?: ReadonlyMap<string, Script>,
): World {
  const sim = new Simulation(seed);
  const { network, hosts } = buildMachines(sim, scenario);
  const postgres = new PostgresEvents(sim.trace);
  const ha = new HaEvents(sim.trace);
  const workload = new WorkloadEvents(sim.trace);
  const faults = new FaultEvents(sim.trace);
  const history = new History();
  const cluster = buildCluster({ sim, network, events: postgres, history }, ha, scenario, hosts);
  const haproxy = buildHaproxy(network, ha, scenario, hosts, cluster);
  const scripts = own ?? buildScripts(scenario);
  const destinations = { instances: cluster.instances, haproxy };
  const context = { sim, network, events: workload };
  const groups = buildClients(context, scenario, hosts, destinations, scripts);
  const reach = faultWorld(scenario, { sim, network, hosts, cluster, haproxy });
  scheduleFaults(reach, faults, scenario.faults);
  const observed: Observed = {
    clock: sim,
    postgres,
    workload,
    ha,
    faults,
    instances: [...cluster.instances.values()],
    clusterOf: clusterOf(scenario),
    branches: history.branches,
    groups,
    transactions: [...scripts.values()],
    hosts: [...hosts.values()],
    faultVictims: faultVictims(scenario),
    initialLeader: cluster.agents.size > 0 ? initialLeader(scenario) : -1,
    leaderTtl: cluster.agents.size > 0 ? scenario.patroni!.settings.ttl : null,
    postgresVersion: scenario.postgresVersion,
    warmup: scenario.warmup,
    duration: scenario.duration,
    monthlyPrices: [...scenario.hosts.values()].map(({ machine }) => machine.priceMonthly),
  };
  return { sim, observed };
}

/** One cluster for each server without an upstream, numbered in natural order. */
function clusterOf(scenario: Scenario): number[] {
  const servers = [...scenario.servers.values()];
  const primaries = servers.filter(({ standbyOf }) => standbyOf === null).map(({ name }) => name);
  return servers.map(({ primary }) => primaries.indexOf(primary));
}

function initialLeader(scenario: Scenario): number {
  return [...scenario.servers.values()].findIndex(({ standbyOf }) => standbyOf === null);
}
