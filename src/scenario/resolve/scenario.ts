import { NEVER, SECOND } from '../../kernel/time.ts';
import { type ArchiveTarget, ORDINARY_ARCHIVE } from '../../postgres/wal/archiver.ts';
import type { MetricScope } from '../metric-names.ts';
import type { OtherSections, Scenario } from '../model.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { resolveEtcd, resolveFencing, resolvePatroni, resolveStore } from './availability.ts';
import type { Context } from './context.ts';
import { resolveFaults } from './faults.ts';
import { resolveHardware } from './hardware.ts';
import { Hosts } from './hosts.ts';
import { resolveClaims, resolveComparisons, resolveHunt, resolveInvariants } from './judgement.ts';
import { resolveNetwork } from './network.ts';
import { checkOthers } from './others.ts';
import { resolveHaproxy, resolvePoolers, resolveRouting } from './routes.ts';
import { resolveServers } from './servers.ts';
import { resolveWorkload } from './workload.ts';

const DURATION = 60 * SECOND;

/**
 * Looks up every name, applies every default and checks what no single value can show. Problems go
 * to the context; with any there the result is not to be used.
 */
export function resolveScenario(context: Context): Scenario {
  const { file } = context;
  const duration = file.duration ?? DURATION;
  checkTimes(context, duration);
  const topology = resolveTopology(context);
  const faults = resolveFaults(context, topology, duration);
  return {
    name: file.name ?? 'scenario',
    title: file.title ?? file.name ?? 'scenario',
    lesson: file.lesson ?? '',
    seed: file.seed ?? 1,
    duration,
    warmup: file.warmup ?? 0,
    ...topology,
    faults,
    ...judgementOf(context, duration, scopeOf(topology)),
  };
}

function checkTimes(context: Context, duration: number): void {
  const { findings, file } = context;
  if (duration <= 0) findings.problem(['duration'], 'must be longer than nothing');
  if (file.warmup !== undefined && file.warmup >= duration && file.warmup > 0)
    findings.problem(['warmup'], 'is not shorter than the run, so that nothing would be measured');
}

function resolveTopology(context: Context) {
  const network = resolveNetwork(context);
  const hardware = resolveHardware(context);
  const hosts = new Hosts(context, network, hardware);
  const found = resolveServers(context, network, hosts);
  const { servers, groups } = found;
  const etcd = resolveEtcd(context, network, servers, hosts);
  const pgbouncer = resolvePoolers(context, found, hosts);
  const haproxy = resolveHaproxy(context, hosts);
  const routing = resolveRouting(context, found);
  const workload = resolveWorkload(context, found, hosts);
  checkOthers(context, found, network, hosts);
  return {
    network,
    hardware,
    hosts: hosts.all(),
    postgresVersion: found.version,
    bufferSample: context.file.simulation?.buffer_sample ?? 'auto',
    servers,
    groups,
    archive: resolveArchive(context.file),
    patroni: resolvePatroni(context),
    store: resolveStore(context),
    etcd,
    fencing: resolveFencing(context),
    haproxy,
    pgbouncer,
    routing,
    other: otherSections(context.file),
    workload,
  };
}

function resolveArchive({ archive }: ScenarioFile): ArchiveTarget | null {
  if (archive === undefined) return null;
  const failures = (archive.fails ?? []).map(({ at, for: lasts }) => ({
    from: at,
    until: lasts === undefined ? NEVER : at + lasts,
  }));
  return {
    latency: archive.latency ?? ORDINARY_ARCHIVE.latency,
    bytesPerSecond: archive.throughput ?? ORDINARY_ARCHIVE.bytesPerSecond,
    failures,
  };
}

function otherSections(file: ScenarioFile): OtherSections {
  const { consul, zookeeper, proxysql, dns, vip, cache, citus, shards, multi_primary, logical } =
    file;
  return { consul, zookeeper, proxysql, dns, vip, cache, citus, shards, multi_primary, logical };
}

function scopeOf(topology: ReturnType<typeof resolveTopology>): MetricScope {
  const { servers, workload, pgbouncer, etcd } = topology;
  return {
    servers: [...servers.keys()],
    transactions: [...workload.transactions.keys()],
    clients: [...workload.clients.keys()],
    pools: [...pgbouncer.keys()],
    members: (etcd?.members ?? []).map((member) => member.name),
  };
}

function judgementOf(context: Context, duration: number, scope: MetricScope) {
  const { file } = context;
  return {
    observe: resolveComparisons(context, ['observe'], file.observe, scope),
    expect: resolveComparisons(context, ['expect'], file.expect, scope),
    sweepExpect: resolveComparisons(context, ['sweep_expect'], file.sweep_expect, scope),
    claims: resolveClaims(context, scope),
    invariants: resolveInvariants(context),
    hunt: resolveHunt(context, duration),
  };
}
