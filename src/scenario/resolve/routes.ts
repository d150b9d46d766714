import {
  HAPROXY_FACTS,
  HAPROXY_UNUSED,
  type HaproxySettings,
} from '../../routing/haproxy-settings.ts';
import type { ConnectTarget, Haproxy, LibpqTarget, Pooler, Route, Server } from '../model.ts';
import { naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { PGBOUNCER_FACTS } from '../schema/routes.ts';
import { warnUnused, withDefaults } from './availability.ts';
import { type Context, unknownName } from './context.ts';
import type { Hosts } from './hosts.ts';
import type { Servers } from './servers.ts';

/** HAProxy where the file puts it; in a zone it costs nothing. */
export function resolveHaproxy(context: Context, hosts: Hosts): Haproxy | null {
  const given = context.file.haproxy;
  if (given === undefined) return null;
  warnUnused(context, 'haproxy', given, HAPROXY_UNUSED);
  const settings = withDefaults<HaproxySettings>(HAPROXY_FACTS, given);
  return { ...proxyPlace(['haproxy'], given, hosts), settings };
}

function proxyPlace(
  path: Path,
  given: { readonly zone?: string | undefined; readonly host?: string | undefined },
  hosts: Hosts,
): { zone: string; host: string | null } {
  if (given.host === undefined) return { zone: hosts.zone(path, given.zone), host: null };
  const host = hosts.find([...path, 'host'], given.host);
  return { zone: host?.zone ?? hosts.zone(path, given.zone), host: given.host };
}

/** PgBouncer's pools, each on a host of its own unless it names one. */
export function resolvePoolers(
  context: Context,
  servers: Servers,
  hosts: Hosts,
): ReadonlyMap<string, Pooler> {
  const targets = new Targets(context, servers);
  return new Map(
    naturalEntries(context.file.pgbouncer ?? {}).map(([name, given]): [string, Pooler] => {
      const path = ['pgbouncer', name];
      const host = hosts.place(path, given, `pgbouncer.${name}`);
      const target = targets.read([...path, 'server'], given.server);
      const settings = withDefaults<Pooler['settings']>(PGBOUNCER_FACTS, given);
      const processes = given.processes ?? 1;
      return [name, { name, zone: host.zone, host: host.name, target, processes, settings }];
    }),
  );
}

/** Routes of reads and writes. */
export function resolveRouting(context: Context, servers: Servers): ReadonlyMap<string, Route> {
  const targets = new Targets(context, servers);
  return new Map(
    naturalEntries(context.file.routing ?? {}).map(([name, given]): [string, Route] => {
      const path = ['routing', name];
      const writes = given.writes ?? firstPrimary(servers.servers);
      const route: Route = {
        name,
        writes: targets.read([...path, 'writes'], writes),
        reads: (given.reads ?? [...servers.servers.keys()]).flatMap((each, i) =>
          targets.servers([...path, 'reads', i], each),
        ),
        balance: given.balance ?? 'random',
        readYourWrites: readYourWrites(given.read_your_writes),
        maxLag: given.max_lag ?? null,
      };
      return [name, route];
    }),
  );
}

type ReadYourWrites = NonNullable<ScenarioFile['routing']>[string]['read_your_writes'];

function readYourWrites(given: ReadYourWrites): Route['readYourWrites'] {
  if (typeof given === 'object') return { kind: 'window', window: given.window };
  return { kind: given ?? 'none' };
}

/** The first server, in natural order, that is nobody's standby. */
export function firstPrimary(servers: ReadonlyMap<string, Server>): string {
  const primary = [...servers.values()].find((server) => server.standbyOf === null);
  return primary?.name ?? servers.keys().next().value ?? '';
}

type LibpqFile = Exclude<
  NonNullable<NonNullable<ScenarioFile['workload']['clients']>[string]['connect']>,
  string
>;

const SECTIONS = ['pgbouncer', 'routing', 'proxysql', 'dns', 'vip'] as const;

/** Reads what clients, poolers and routes connect to. */
export class Targets {
  private readonly context: Context;
  private readonly known: Servers;

  constructor(context: Context, servers: Servers) {
    this.context = context;
    this.known = servers;
  }

  /** One name: a server, a group, or a section's component with a dot. */
  read(path: Path, text: string): ConnectTarget {
    const members = this.known.groups.get(text);
    if (members !== undefined)
      return members.length === 1 && members[0] === text
        ? { kind: 'server', server: text }
        : { kind: 'group', group: text, servers: members };
    const [section, name, ...rest] = text.split('.');
    if (rest.length === 0 && name !== undefined) {
      const found = this.component(section!, name);
      if (found !== undefined) return found;
    }
    unknownName(this.context, path, text, 'anything to connect to', this.names());
    return { kind: 'server', server: firstPrimary(this.known.servers) };
  }

  private component(section: string, name: string): ConnectTarget | undefined {
    const { file } = this.context;
    if (section === 'haproxy' && file.haproxy !== undefined)
      return name === 'primary' || name === 'replica'
        ? { kind: 'haproxy', frontend: name }
        : undefined;
    const kind = SECTIONS.find((each) => each === section);
    if (kind === undefined || !Object.hasOwn(file[kind] ?? {}, name)) return undefined;
    if (kind === 'pgbouncer') return { kind, pool: name };
    if (kind === 'routing') return { kind, route: name };
    return { kind, name };
  }

  /** Everything that can be connected to, for suggestions. */
  private names(): string[] {
    const { file } = this.context;
    const components = SECTIONS.flatMap((section) =>
      naturalEntries<unknown>(file[section] ?? {}).map(([name]) => `${section}.${name}`),
    );
    const frontends = file.haproxy === undefined ? [] : ['haproxy.primary', 'haproxy.replica'];
    return [...this.known.groups.keys(), ...frontends, ...components];
  }

  /** The servers that a name stands for. */
  servers(path: Path, name: string): readonly string[] {
    const members = this.known.groups.get(name);
    if (members !== undefined) return members;
    unknownName(this.context, path, name, 'a server', this.known.groups.keys());
    return [];
  }

  /** A connection string with several hosts, as libpq takes it. */
  libpq(path: Path, given: LibpqFile): LibpqTarget {
    const all = given.hosts.length === 1 && given.hosts[0] === 'all';
    const isAll = all && !this.known.groups.has('all');
    const hosts = isAll
      ? [...this.known.servers.keys()]
      : given.hosts.flatMap((each, i) => this.servers([...path, 'hosts', i], each));
    return {
      kind: 'hosts',
      hosts,
      target_session_attrs: given.target_session_attrs ?? 'any',
      load_balance_hosts: given.load_balance_hosts ?? 'disable',
      connect_timeout: given.connect_timeout || null,
      tcp_user_timeout: given.tcp_user_timeout || null,
      keepalives: given.keepalives ?? true,
      keepalives_idle: given.keepalives_idle || null,
      keepalives_interval: given.keepalives_interval || null,
      keepalives_count: given.keepalives_count || null,
      sslmode: given.sslmode ?? 'prefer',
      sslnegotiation: given.sslnegotiation ?? 'postgres',
    };
  }
}
