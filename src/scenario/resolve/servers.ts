import type { PatroniTags } from '../../ha/patroni-settings.ts';
import {
  findSetting,
  type PostgresSettings,
  parseSetting,
  type SettingValue,
} from '../../postgres/settings.ts';
import type { HostSpec, Network, Server } from '../model.ts';
import { naturalCompare, naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { type Context, unknownName } from './context.ts';
import type { Hosts } from './hosts.ts';
import { DEFAULT_VERSION, mergeSettings, readSettings, versionOf } from './settings.ts';
import { parseSyncNames } from './sync-names.ts';

type ServerFile = ScenarioFile['servers'][string];

/** The servers with `replicas` written out, and what each name of the file stands for. */
export interface Servers {
  readonly servers: ReadonlyMap<string, Server>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly version: number;
}

/** Looks up what servers name, settles their settings and finds the head of each cluster. */
export function resolveServers(context: Context, network: Network, hosts: Hosts): Servers {
  const groups = groupsOf(context);
  const version = versionOf(context, ['postgresql'], context.file.postgresql) ?? DEFAULT_VERSION;
  const common = readSettings(context, ['postgresql'], context.file.postgresql, version);
  checkSyncNames(context, ['postgresql'], common);
  const shared = mergeSettings(version, [common]);
  const resolver = { context, network, hosts, groups, version, common, shared };
  const made = naturalEntries(context.file.servers).flatMap(([name, given]) =>
    serversOf(resolver, name, given),
  );
  made.sort((a, b) => naturalCompare(a.name, b.name));
  const servers = new Map(made.map((server) => [server.name, server]));
  return { servers: withPrimaries(context, servers), groups, version };
}

interface Resolver {
  readonly context: Context;
  readonly network: Network;
  readonly hosts: Hosts;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly version: number;
  readonly common: Readonly<Record<string, SettingValue>>;
  readonly shared: PostgresSettings;
}

const MOST_SERVERS = 2000;

/** Each name with the servers that it stands for; a name that two would have is an error. */
function groupsOf(context: Context): Map<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  const taken = new Set(Object.keys(context.file.servers));
  let total = 0;
  for (const [name, given] of naturalEntries(context.file.servers)) {
    const { replicas } = given;
    const members = replicas === undefined ? [name] : numbered(name, replicas);
    groups.set(name, members);
    total += members.length;
    if (replicas === undefined) continue;
    for (const member of members) {
      if (taken.has(member))
        context.findings.problem(['servers', member], `replicas of ${name} already make it`);
      groups.set(member, [member]);
    }
  }
  if (total > MOST_SERVERS)
    context.findings.problem(['servers'], `has more than ${MOST_SERVERS} servers`);
  return groups;
}

function numbered(name: string, replicas: number): string[] {
  return Array.from({ length: replicas }, (_, i) => `${name}-${i + 1}`);
}

function serversOf(resolver: Resolver, name: string, given: ServerFile): Server[] {
  const path = ['servers', name];
  const { context } = resolver;
  const own = [...path, 'postgresql'];
  const version = versionOf(context, own, given.postgresql) ?? resolver.version;
  const settings = readSettings(context, own, given.postgresql, version);
  checkSyncNames(context, own, settings);
  const delay = applyDelay(context, path, given);
  const merged = settingsOf(resolver, version, { ...settings, ...delay });
  const names = resolver.groups.get(name)!;
  const group = given.replicas === undefined ? null : name;
  const standbyOf = upstreamOf(resolver, path, given);
  return names.map((each) => ({
    name: each,
    group,
    ...placeOf(resolver, path, each, given),
    standbyOf,
    primary: each,
    storage: given.storage ?? { kind: 'local' as const },
    slot: given.slot ?? false,
    applicationName: given.application_name ?? each,
    tags: tagsOf(given),
    settings: merged,
    version,
    start: startOf(context, given),
  }));
}

/** Servers without settings of their own share those of all. */
function settingsOf(
  resolver: Resolver,
  version: number,
  own: Readonly<Record<string, SettingValue>>,
): PostgresSettings {
  if (version === resolver.version && Object.keys(own).length === 0) return resolver.shared;
  return mergeSettings(version, [resolver.common, own]);
}

function placeOf(resolver: Resolver, path: Path, name: string, given: ServerFile) {
  const host: HostSpec = resolver.hosts.place(path, given, name);
  return { zone: host.zone, host: host.name };
}

function startOf(context: Context, given: ServerFile): Server['start'] {
  const { buffers, os_cache, xid_age } = { ...context.file.start, ...given.start };
  return { buffers: buffers ?? 'warm', osCache: os_cache ?? 'warm', xidAge: xid_age ?? 0 };
}

function applyDelay(context: Context, path: Path, given: ServerFile): Record<string, SettingValue> {
  const raw = given.recovery_min_apply_delay;
  if (raw === undefined) return {};
  const parsed = parseSetting(findSetting('recovery_min_apply_delay', DEFAULT_VERSION)!, raw);
  if (parsed.ok) return { recovery_min_apply_delay: parsed.value };
  context.findings.problem([...path, 'recovery_min_apply_delay'], parsed.why);
  return {};
}

function tagsOf(given: ServerFile): PatroniTags {
  const tags = given.tags ?? {};
  return {
    nofailover: tags.nofailover ?? tags.failover_priority === 0,
    noloadbalance: tags.noloadbalance ?? false,
    nosync: tags.nosync ?? false,
    nostream: tags.nostream ?? false,
    clonefrom: tags.clonefrom ?? false,
    failover_priority: tags.failover_priority ?? 1,
    sync_priority: tags.sync_priority ?? 1,
    replicatefrom: tags.replicatefrom ?? null,
  };
}

function upstreamOf(resolver: Resolver, path: Path, given: ServerFile): string | null {
  const upstream = given.standby_of;
  if (upstream === undefined) return null;
  const at = [...path, 'standby_of'];
  const members = resolver.groups.get(upstream);
  const { context } = resolver;
  if (members === undefined) {
    unknownName(context, at, upstream, 'a server', resolver.groups.keys());
    return null;
  }
  if (members.length === 1) return members[0]!;
  const why = `${upstream} is a group of ${members.length} servers; a standby follows one of them`;
  context.findings.problem(at, why, { nearest: members[0] });
  return null;
}

function checkSyncNames(
  context: Context,
  path: Path,
  settings: Readonly<Record<string, SettingValue>>,
): void {
  const { synchronous_standby_names: value } = settings;
  if (typeof value !== 'string') return;
  const parsed = parseSyncNames(value);
  if (parsed.ok) return;
  const { why, offset } = parsed;
  context.findings.problem([...path, 'synchronous_standby_names'], why, { offset });
}

/** Follows each standby to its primary; standbys in a circle are an error. */
function withPrimaries(
  context: Context,
  servers: ReadonlyMap<string, Server>,
): ReadonlyMap<string, Server> {
  const heads = new Map<string, string>();
  const headOf = (name: string): string => {
    const way: string[] = [];
    let at = name;
    while (!heads.has(at)) {
      if (way.includes(at)) {
        reportCircle(context, servers, way.slice(way.indexOf(at)));
        break;
      }
      way.push(at);
      const upstream = servers.get(at)?.standbyOf ?? null;
      if (upstream === null) break;
      at = upstream;
    }
    const head = heads.get(at) ?? at;
    for (const each of way) heads.set(each, head);
    return head;
  };
  return new Map(
    [...servers].map(([name, server]) => [name, { ...server, primary: headOf(name) }]),
  );
}

function reportCircle(
  context: Context,
  servers: ReadonlyMap<string, Server>,
  circle: readonly string[],
): void {
  const [first] = circle;
  context.findings.problem(
    ['servers', servers.get(first!)?.group ?? first!, 'standby_of'],
    `${[...circle, first].join(' follows ')}: standbys cannot follow one another in a circle`,
  );
}
