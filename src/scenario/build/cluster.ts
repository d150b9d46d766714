/** Servers and what manages them, from a scenario: a cluster in service. */

import { etcdConfig } from '../../ha/etcd/index.ts';
import { EtcdNode, LeaderKeyObserver } from '../../ha/etcd-node.ts';
import type { HaEvents } from '../../ha/events.ts';
import { PatroniAgent } from '../../ha/patroni/agent.ts';
import { type InitialMember, initialState } from '../../ha/patroni/bootstrap.ts';
import type { SyncState, Tags } from '../../ha/patroni/cluster.ts';
import { Dcs } from '../../ha/patroni/dcs.ts';
import { KeyCache, type MemberData } from '../../ha/patroni/keys.ts';
import { formatStandbyNames } from '../../ha/patroni/standby-names.ts';
import type { PatroniTags } from '../../ha/patroni-settings.ts';
import type { Host } from '../../hardware/host.ts';
import type { Network } from '../../hardware/network.ts';
import { SECOND, type Simulation } from '../../kernel/index.ts';
import { PAGE_BYTES } from '../../postgres/buffers/page.ts';
import type { ServerContext } from '../../postgres/context.ts';
import { FIRST_LSN } from '../../postgres/lsn.ts';
import { Server } from '../../postgres/server.ts';
import type { PostgresSettings } from '../../postgres/settings.ts';
import { Database } from '../../postgres/storage/database.ts';
import { PageCache } from '../../postgres/storage/page-cache.ts';
import type { Branch } from '../../postgres/timeline.ts';
import { type ArchiveTarget, ORDINARY_ARCHIVE } from '../../postgres/wal/archiver.ts';
import { Instance } from '../../replication/instance.ts';
import type { Scenario, Server as ServerSpec } from '../model.ts';
import { tablesOf } from './scripts.ts';

export interface Cluster {
  /** By name, in natural order. */
  readonly instances: ReadonlyMap<string, Instance>;
  readonly agents: ReadonlyMap<string, PatroniAgent>;
  readonly etcd: ReadonlyMap<string, EtcdNode>;
}

export function buildCluster(
  context: ServerContext,
  events: HaEvents,
  scenario: Scenario,
  hosts: ReadonlyMap<string, Host>,
): Cluster {
  const instances = buildInstances(context, scenario, hosts);
  if (!scenario.patroni || !scenario.etcd) return { instances, agents: new Map(), etcd: new Map() };
  const members = initialMembers(instances, scenario);
  const leader = members.find(({ name }) => scenario.servers.get(name)!.standbyOf === null)!;
  const sync = initialSync(scenario, instances, leader.name);
  const ttlSeconds = Math.floor(scenario.patroni.settings.ttl / SECOND);
  const initial = initialState(members, leader, FIRST_LSN, ttlSeconds, sync);
  const indexOf = (name: string) => instances.get(name)?.server.index ?? -1;
  const observer = new LeaderKeyObserver(events, indexOf);
  const etcd = buildEtcd(context.network, scenario, hosts, (network, name, host, id, ids) => {
    const { settings, version } = scenario.etcd!;
    const config = etcdConfig({
      version,
      heartbeatInterval: settings['heartbeat-interval'],
      electionTimeout: settings['election-timeout'],
      ...(settings['pre-vote'] === null ? {} : { preVote: settings['pre-vote'] }),
    });
    return new EtcdNode(network, events, name, host, id, ids, config, initial.log, observer);
  });
  const agents = new Map<string, PatroniAgent>();
  for (const [index, member] of members.entries()) {
    const instance = instances.get(member.name)!;
    const { host } = instance.server;
    const group = host.newGroup();
    const random = context.sim.random(`servers/${member.name}/patroni`);
    const cache = new KeyCache(members.map(({ name }) => name));
    cache.replace(initial.keys);
    const { settings } = scenario.patroni;
    const dcs = new Dcs(
      context.network,
      [...etcd.values()],
      host,
      group,
      settings,
      random,
      member.name,
      cache,
      member.lease,
      initial.revision,
    );
    const { name, data } = member;
    const { fencing } = scenario;
    const options = { name, index, host, group, instance, settings, tags: data.tags, fencing };
    agents.set(name, new PatroniAgent(context.network, events, dcs, random, options));
  }
  for (const agent of agents.values()) {
    agent.peers = agents;
    agent.beginInService(agent.name === leader.name);
  }
  return { instances, agents, etcd };
}

function buildInstances(
  context: ServerContext,
  scenario: Scenario,
  hosts: ReadonlyMap<string, Host>,
): Map<string, Instance> {
  const instances = new Map<string, Instance>();
  const branches = new Map<string, Branch>();
  const databases = new Map<string, Database>();
  const caches = pageCaches(context.sim, scenario, hosts);
  for (const [index, spec] of [...scenario.servers.values()].entries()) {
    const branch = branches.get(spec.primary) ?? context.history.begin(spec.primary);
    branches.set(spec.primary, branch);
    const { name, settings, start } = spec;
    const host = hosts.get(spec.host)!;
    const database = databases.get(spec.primary) ?? databaseOf(scenario, spec);
    databases.set(spec.primary, database);
    const databaseBytes = database.pages * PAGE_BYTES;
    host.disk.allocate(databaseBytes);
    const archive = archiveOf(scenario, settings);
    const { costs } = scenario.hosts.get(spec.host)!.machine.profile;
    const pageCache = caches.get(spec.host)!;
    const server = new Server(context, {
      name,
      index,
      host,
      settings,
      branch,
      archive,
      costs,
      database,
      pageCache,
      start,
    });
    const instance = new Instance(server, spec.applicationName);
    instance.databaseBytes = databaseBytes;
    instances.set(name, instance);
  }
  const begin = (name: string) => {
    const instance = instances.get(name)!;
    if (instance.server.isRunning) return;
    const { standbyOf } = scenario.servers.get(name)!;
    if (standbyOf !== null) begin(standbyOf);
    instance.beginInService(standbyOf === null ? null : instances.get(standbyOf)!);
  };
  createSlots(scenario, instances);
  for (const name of instances.keys()) begin(name);
  return instances;
}

/** `slot: true` on the upstream; under Patroni's use_slots each member has one of each other. */
function createSlots(scenario: Scenario, instances: ReadonlyMap<string, Instance>): void {
  for (const { name, applicationName, slot, standbyOf } of scenario.servers.values()) {
    if (slot && standbyOf !== null) instances.get(standbyOf)!.slots.create(applicationName);
    if (!scenario.patroni?.settings.use_slots) continue;
    for (const other of instances.keys()) {
      if (other !== name) instances.get(other)!.slots.create(applicationName);
    }
  }
}

/** What archive_command does; without one and without a section about it, nothing is archived. */
function archiveOf(scenario: Scenario, settings: PostgresSettings): ArchiveTarget | null {
  const { archive_command: command, archive_library: library = '' } = settings;
  return scenario.archive ?? (command !== '' || library !== '' ? ORDINARY_ARCHIVE : null);
}

/** The tables of a cluster, as its primary's settings make them. */
export function databaseOf(scenario: Scenario, { primary }: ServerSpec): Database {
  const spec = scenario.servers.get(primary)!;
  const { xidAge } = spec.start;
  const isFrozen = xidAge === 0; // what has aged since has been vacuumed, and not frozen
  const tables = tablesOf(scenario, spec);
  const database = new Database(tables.map((table) => ({ ...table, isFrozen })));
  database.nextXid += xidAge;
  return database;
}

/** One page cache for each machine with servers: what their shared memory leaves of it. */
function pageCaches(
  sim: Simulation,
  scenario: Scenario,
  hosts: ReadonlyMap<string, Host>,
): Map<string, PageCache> {
  const caches = new Map<string, PageCache>();
  for (const { host } of scenario.servers.values()) {
    if (caches.has(host)) continue;
    const here = [...scenario.servers.values()].filter((each) => each.host === host);
    const sum = (of: 'shared_buffers' | 'max_connections') =>
      here.reduce((total, { settings }) => total + settings[of], 0);
    const options = {
      sharedBuffersBytes: sum('shared_buffers'),
      connections: sum('max_connections'),
      oneOf: Math.max(...here.map(({ settings }) => sampledOneOf(scenario, settings))),
    };
    caches.set(host, new PageCache(sim, hosts.get(host)!, options));
  }
  return caches;
}

/** One of how many pages of a server is followed: a sample has `buffer_sample` of its pool. */
function sampledOneOf({ bufferSample }: Scenario, { shared_buffers }: PostgresSettings): number {
  if (bufferSample === 'off') return 1;
  if (bufferSample !== 'auto') return Math.max(1, Math.round(shared_buffers / bufferSample));
  return shared_buffers > LARGEST_FOLLOWED ? Math.round(shared_buffers / SAMPLE) : 1;
}

/** Shared buffers that are followed page by page unless the scenario says otherwise: 16 GB. */
const LARGEST_FOLLOWED = 16 * 1024 * 1024 * 1024;
/** Of larger ones so much is followed: 131,072 pages. */
const SAMPLE = 1024 * 1024 * 1024;

type MakeNode = (
  network: Network,
  name: string,
  host: Host,
  id: number,
  ids: readonly number[],
) => EtcdNode;

/** The members, of which a drawn one leads from the first milliseconds on. */
function buildEtcd(
  network: Network,
  scenario: Scenario,
  hosts: ReadonlyMap<string, Host>,
  make: MakeNode,
): Map<string, EtcdNode> {
  const specs = scenario.etcd!.members;
  const ids = specs.map((_, i) => i + 1);
  const nodes = specs.map(({ name, host }, i) => make(network, name, hosts.get(host)!, i + 1, ids));
  for (const node of nodes) {
    node.connect(nodes);
    node.start();
  }
  nodes[network.sim.random('etcd').integer(0, nodes.length - 1)]!.member.campaign();
  return new Map(nodes.map((node) => [node.name, node]));
}

function initialMembers(
  instances: ReadonlyMap<string, Instance>,
  scenario: Scenario,
): InitialMember[] {
  return [...instances.values()].map(({ server }, index) => {
    const { tags } = scenario.servers.get(server.name)!;
    const data: MemberData = {
      state: 'running',
      role: server.inRecovery ? 'replica' : 'primary',
      lsn: FIRST_LSN,
      timeline: 1,
      tags: plainTags(tags),
      apiHost: server.name,
      checkpointAfterPromote: true,
    };
    return { name: server.name, lease: index + 1, data };
  });
}

/** Only what was set: an absent priority and an explicit one mean different things. */
function plainTags(tags: PatroniTags): Tags {
  const { nofailover, noloadbalance, nosync, failover_priority, sync_priority, replicatefrom } =
    tags;
  return {
    ...(nofailover ? { nofailover } : { failover_priority }),
    ...(nosync ? { nosync } : { sync_priority }),
    ...(replicatefrom === null ? {} : { replicatefrom }),
    noloadbalance,
  };
}

/** In a synchronous mode the first standbys in natural order have been synchronous for long. */
function initialSync(
  scenario: Scenario,
  instances: ReadonlyMap<string, Instance>,
  leader: string,
): SyncState | null {
  const { settings } = scenario.patroni!;
  if (settings.synchronous_mode === 'off') return null;
  const quorum = settings.synchronous_mode === 'quorum';
  const candidates = [...scenario.servers.values()].filter(
    ({ name, tags, standbyOf }) => name !== leader && !tags.nosync && standbyOf === leader,
  );
  const wanted = Math.min(settings.synchronous_node_count, candidates.length);
  const names = candidates.map(({ applicationName }) => applicationName);
  const standbys = quorum ? names : names.slice(0, wanted);
  const setting = formatStandbyNames(standbys, quorum ? wanted : null, quorum);
  instances.get(leader)!.syncRep.configure(setting);
  return { leader, standbys, quorum: quorum ? Math.max(0, names.length - wanted) : 0 };
}
