/** Hosts and the network between them, from a scenario. */
import { LINUX_SWITCHING, type SwitchCosts } from '../../hardware/cores.ts';
import { Disk } from '../../hardware/disk.ts';
import { Host } from '../../hardware/host.ts';
import { Network, type PathConditions } from '../../hardware/network.ts';
import { diskSpec, findDisk } from '../../hardware/presets/index.ts';
import type { DurationLaw } from '../../hardware/presets/laws.ts';
import {
  type Distribution,
  ln,
  logNormalOf,
  normalQuantile,
  type Simulation,
} from '../../kernel/index.ts';
import { toDistribution } from '../law.ts';
import type { Scenario } from '../model.ts';
import { naturalCompare } from '../natural.ts';
import type { ProcessorProfile } from '../profile-model.ts';
import { pathOf } from '../resolve/network.ts';

/** What costs nothing lives on machines of its own, one for each zone and use. */
const FREE_CORES = 64;
const TEBIBYTE = 1_099_511_627_776;

export interface Machines {
  readonly network: Network;
  /** All hosts by name; clients' and proxies' free ones as `clients@a`, `haproxy@a`. */
  readonly hosts: ReadonlyMap<string, Host>;
}

export function freeHostName(use: string, zone: string): string {
  return `${use}@${zone}`;
}

export function buildMachines(sim: Simulation, scenario: Scenario): Machines {
  const names = [...scenario.hosts.keys(), ...freeHosts(scenario)].sort(naturalCompare);
  const hosts = new Map(names.map((name, index) => [name, host(sim, scenario, name, index)]));
  const conditions = (from: Host, to: Host) => pathConditions(scenario, from.zone, to.zone);
  return { network: new Network(sim, [...hosts.values()], conditions), hosts };
}

function freeHosts(scenario: Scenario): string[] {
  const names = new Set<string>();
  for (const group of scenario.workload.clients.values()) {
    if (group.host === null) names.add(freeHostName('clients', group.zone));
  }
  const { haproxy } = scenario;
  if (haproxy && haproxy.host === null) names.add(freeHostName('haproxy', haproxy.zone));
  return [...names];
}

function host(sim: Simulation, scenario: Scenario, name: string, index: number): Host {
  const spec = scenario.hosts.get(name);
  const random = sim.random(`hosts/${name}/disk`);
  const disk = new Disk(sim, random, spec?.machine.disk ?? diskSpec(findDisk('nvme')!));
  if (!spec) {
    const zone = name.slice(name.indexOf('@') + 1);
    const endless = { memoryBytes: TEBIBYTE, nicBitsPerSecond: Number.POSITIVE_INFINITY };
    return new Host(sim, { name, zone, index, cores: FREE_CORES, disk, ...endless });
  }
  const { cores, memoryBytes, networkBitsPerSecond: nicBitsPerSecond, profile } = spec.machine;
  return new Host(sim, {
    name,
    zone: spec.zone,
    index,
    cores,
    memoryBytes,
    disk,
    nicBitsPerSecond,
    ...(profile.loopbackDelay === null ? {} : { loopbackDelay: profile.loopbackDelay }),
    switching: switchingOf(profile.processor),
  });
}

/** What was measured of the machine's scheduler, and the usual for the rest. */
function switchingOf(measured: ProcessorProfile): SwitchCosts {
  const { direct, refill, wakeup, crossing, idleWork } = LINUX_SWITCHING;
  const coreWakeup = measured.coreWakeup ?? wakeup;
  return {
    ...LINUX_SWITCHING,
    direct: measured.contextSwitch ?? direct,
    refill: measured.cacheRefill ?? refill,
    wakeup: coreWakeup,
    wakeupWork: Math.min(coreWakeup, measured.coreWakeupWork ?? coreWakeup),
    crossing: measured.crossing ?? crossing,
    idleWork: measured.idleWork ?? idleWork,
    ...interruptions(measured),
  };
}

/** Both of them, or none. */
function interruptions({ interruptedEvery, interruption }: ProcessorProfile) {
  return interruptedEvery === null || interruption === null || interruptedEvery === 0
    ? { interruptedEvery: 0, interruption: 0 }
    : { interruptedEvery, interruption };
}

function pathConditions(scenario: Scenario, from: string, to: string): PathConditions {
  const { rtt, loss, bandwidthBitsPerSecond } = pathOf(scenario.network, from, to)!;
  return {
    delay: oneWay(rtt),
    loss,
    bitsPerSecond: bandwidthBitsPerSecond ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * Half of a round trip. Both ways are drawn independently; of a log-normal law each has the spread
 * that gives their sum the spread of the round trip.
 */
function oneWay(rtt: DurationLaw): Distribution {
  const law = toDistribution(rtt);
  if (rtt.kind !== 'log-normal') return law.scaled(0.5);
  const sigma = ln(rtt.p99 / rtt.median) / normalQuantile(0.99);
  return logNormalOf(rtt.median / 2, sigma * Math.SQRT2);
}
