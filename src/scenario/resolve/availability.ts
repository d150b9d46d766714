import {
  ETCD_FACTS,
  ETCD_UNUSED,
  type EtcdSettings,
  etcdDefaults,
  etcdRefusal,
} from '../../ha/etcd-settings.ts';
import {
  adjustTimings,
  PATRONI_FACTS,
  PATRONI_RENAMED,
  PATRONI_UNUSED,
  type PatroniSettings,
  WATCHDOG_FACTS,
  type WatchdogSettings,
} from '../../ha/patroni-settings.ts';
import { parseSetting, type SettingFact, type SettingValue } from '../../postgres/settings.ts';
import type { Etcd, EtcdMember, Fencing, Network, Patroni, Scenario, Server } from '../model.ts';
import { type Context, unknownName } from './context.ts';
import type { Hosts } from './hosts.ts';

type Given = Readonly<Record<string, unknown>>;

/**
 * A tool's settings with its defaults under those of the file; a setting that has no default and
 * is not given is null. The caller names the interface that the facts describe.
 */
export function withDefaults<Settings>(
  facts: readonly SettingFact[],
  given: Given,
  defaults: Given = {},
): Settings {
  const settings: Record<string, unknown> = {};
  for (const fact of facts)
    settings[fact.name] = given[fact.name] ?? defaults[fact.name] ?? defaultOf(fact);
  return settings as Settings;
}

function defaultOf(fact: SettingFact): SettingValue | null {
  if (fact.default === '' && fact.type !== 'string') return null;
  const parsed = parseSetting(fact, fact.default);
  return parsed.ok ? parsed.value : null;
}

/** Says of every setting in a list that it is known but unused. */
export function warnUnused(
  context: Context,
  section: string,
  given: Given,
  unused: readonly string[],
): void {
  for (const name of unused)
    if (given[name] !== undefined) {
      const why = 'is known, but nothing in the model uses it yet';
      context.findings.warning([section, name], why, { atKey: true });
    }
}

const PATRONI_VERSION = '4.1.4';
const ETCD_VERSION = '3.6';

/** Patroni with its settings as it would run with them. */
export function resolvePatroni(context: Context): Patroni | null {
  const file = context.file.patroni;
  if (file === undefined) return null;
  warnUnused(context, 'patroni', file, PATRONI_UNUSED);
  const given: Record<string, unknown> = { ...file, ...patroniPostgresql(file) };
  for (const [former, now] of Object.entries(PATRONI_RENAMED)) {
    if (given[former] === undefined) continue;
    given[now] ??= given[former];
    context.findings.warning(['patroni', former], `is now called ${now}`, { atKey: true });
  }
  const settings = withDefaults<PatroniSettings>(PATRONI_FACTS, given);
  const { timing, notes } = adjustTimings(settings);
  for (const { name, why } of notes) context.findings.warning(['patroni', name], why);
  return {
    version: versionText(context, ['patroni', 'version'], file.version, PATRONI_VERSION),
    settings: { ...settings, ...timing },
    watchdog: withDefaults<WatchdogSettings>(WATCHDOG_FACTS, file.watchdog ?? {}),
  };
}

function patroniPostgresql(file: Given): Given {
  const { postgresql } = file;
  return (postgresql as Given | undefined) ?? {};
}

function versionText(
  context: Context,
  path: string[],
  given: string | undefined,
  byDefault: string,
): string {
  if (given === undefined || /^v?\d+(\.\d+){0,2}$/.test(given)) return given ?? byDefault;
  context.findings.problem(path, 'is not a version number', { nearest: byDefault });
  return byDefault;
}

/** Which store Patroni uses; etcd if nothing is said. */
export function resolveStore(context: Context): Scenario['store'] {
  const { patroni, etcd, consul, zookeeper } = context.file;
  const given = [
    ...(etcd === undefined ? [] : (['etcd'] as const)),
    ...(consul === undefined ? [] : (['consul'] as const)),
    ...(zookeeper === undefined ? [] : (['zookeeper'] as const)),
  ];
  if (given.length > 1)
    context.findings.problem([given[1]!], `Patroni keeps its keys in one store, here ${given[0]}`);
  return given[0] ?? (patroni === undefined ? null : 'etcd');
}

/** etcd with its members placed; a scenario with Patroni and no other store has three members. */
export function resolveEtcd(
  context: Context,
  network: Network,
  servers: ReadonlyMap<string, Server>,
  hosts: Hosts,
): Etcd | null {
  if (resolveStore(context) !== 'etcd') return null;
  const given = context.file.etcd ?? {};
  warnUnused(context, 'etcd', given, ETCD_UNUSED);
  const version = versionText(context, ['etcd', 'version'], given.version, ETCD_VERSION);
  const minor = Number(version.replace(/^v/, '').split('.')[1] ?? 6);
  const settings = withDefaults<EtcdSettings>(ETCD_FACTS, given, etcdDefaults(minor));
  const refusal = etcdRefusal(settings);
  if (refusal !== undefined)
    context.findings.problem(
      [...firstGiven(given, ['election-timeout', 'heartbeat-interval'])],
      refusal,
    );
  return { version, settings, members: membersOf(context, network, servers, hosts) };
}

function firstGiven(given: Given, names: readonly string[]): string[] {
  const found = names.find((name) => given[name] !== undefined);
  return found === undefined ? ['etcd'] : ['etcd', found];
}

interface MemberFile {
  readonly name?: string | undefined;
  readonly zone?: string | undefined;
  readonly host?: string | undefined;
}

function membersOf(
  context: Context,
  network: Network,
  servers: ReadonlyMap<string, Server>,
  hosts: Hosts,
): EtcdMember[] {
  const written = context.file.etcd?.members ?? defaultMembers(network);
  const names = new Set<string>();
  return written.map((each, i) => {
    const path = ['etcd', 'members', i];
    const member: MemberFile = typeof each === 'string' ? { zone: each } : each;
    const zone = memberZone(context, path, member, typeof each === 'string', network, hosts);
    const name = unusedName(member.name ?? zone, names);
    if (member.name !== undefined && name !== member.name)
      context.findings.problem(path, `another member is called ${member.name} too`);
    names.add(name);
    if (member.host !== undefined) {
      const host = hosts.find([...path, 'host'], member.host);
      return { name, zone: host?.zone ?? zone, host: member.host };
    }
    const neighbour = [...servers.values()].find((server) => server.zone === zone);
    const taken = [...names].filter((other) => other !== name && other.startsWith(zone));
    if (neighbour !== undefined && taken.length === 0) return { name, zone, host: neighbour.host };
    return { name, zone, host: hosts.place(path, { zone }, `etcd.${name}`).name };
  });
}

function memberZone(
  context: Context,
  path: (string | number)[],
  member: MemberFile,
  isZone: boolean,
  network: Network,
  hosts: Hosts,
): string {
  if (member.host !== undefined && member.zone === undefined)
    return hosts.all().get(member.host)?.zone ?? hosts.zone(path, undefined);
  const zone = member.zone ?? (network.zones.has(member.name ?? '') ? member.name : undefined);
  if (!isZone) return hosts.zone(path, zone);
  if (zone !== undefined && network.zones.has(zone)) return zone;
  unknownName(context, path, zone ?? '', 'a zone', network.zones.keys());
  return hosts.zone(path, undefined);
}

/** Three members, in as many zones as there are. */
function defaultMembers(network: Network): MemberFile[] {
  const zones = [...network.zones.keys()];
  return [0, 1, 2].map((i) => ({ zone: zones[i % zones.length]! }));
}

function unusedName(wanted: string, names: ReadonlySet<string>): string {
  if (!names.has(wanted)) return wanted;
  let number = 2;
  while (names.has(`${wanted}-${number}`)) number++;
  return `${wanted}-${number}`;
}

/** Under Patroni a leader whose lease runs out demotes itself, unless the file says otherwise. */
export function resolveFencing(context: Context): Fencing {
  return context.file.fencing ?? (context.file.patroni === undefined ? 'none' : 'lease');
}
