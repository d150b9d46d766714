import type { EtcdSettings } from '../ha/etcd-settings.ts';
import type { PatroniSettings, PatroniTags, WatchdogSettings } from '../ha/patroni-settings.ts';
import type { DiskSpec } from '../hardware/disk.ts';
import type { Instance } from '../hardware/presets/instances.ts';
import type { Nanoseconds } from '../kernel/time.ts';
import type { PostgresSettings, SettingValue } from '../postgres/settings.ts';
import type { ArchiveTarget } from '../postgres/wal/archiver.ts';
import type { HaproxySettings } from '../routing/haproxy-settings.ts';
import type { Comparison } from './expression.ts';
import type { Fault } from './faults.ts';
import type { DurationLaw } from './law.ts';
import type { Profile } from './profile-model.ts';
import type { ScenarioFile } from './schema/root.ts';
import type { Workload } from './workload-model.ts';

/**
 * A scenario with everything looked up and every default applied: plain data, the same for files
 * that say the same. Times are nanoseconds, sizes bytes, rates per second, shares between 0 and 1.
 * Maps are in natural order of their names (pg2 before pg10), in which components are created.
 * Settings of the tools keep the tools' names.
 */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Markdown. */
  readonly lesson: string;
  readonly seed: number;
  readonly duration: Nanoseconds;
  readonly warmup: Nanoseconds;
  readonly network: Network;
  /** Named machines of the file. */
  readonly hardware: ReadonlyMap<string, Machine>;
  /** Every machine that runs, named by the file or made for one server, pooler or member. */
  readonly hosts: ReadonlyMap<string, HostSpec>;
  readonly postgresVersion: number;
  /** How much of a pool is followed page by page, in bytes; `auto`: 1 GB of those above 16 GB. */
  readonly bufferSample: 'auto' | 'off' | number;
  readonly servers: ReadonlyMap<string, Server>;
  /** Servers that a name stands for: each server for itself, and X for X-1..X-N. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Where finished WAL segments go, on servers that archive; null: the file does not say. */
  readonly archive: ArchiveTarget | null;
  readonly patroni: Patroni | null;
  /** The store that Patroni keeps its keys in. */
  readonly store: 'etcd' | 'consul' | 'zookeeper' | null;
  readonly etcd: Etcd | null;
  readonly fencing: Fencing;
  readonly haproxy: Haproxy | null;
  readonly pgbouncer: ReadonlyMap<string, Pooler>;
  readonly routing: ReadonlyMap<string, Route>;
  /** Sections that are read and checked, and not yet part of any model. */
  readonly other: OtherSections;
  readonly workload: Workload;
  /** In the order of the file. */
  readonly faults: readonly Fault[];
  readonly observe: readonly Comparison[];
  readonly expect: readonly Comparison[];
  readonly sweepExpect: readonly Comparison[];
  readonly claims: readonly Claim[];
  readonly invariants: readonly string[];
  readonly hunt: Hunt | null;
}

export type Fencing = 'none' | 'lease' | 'watchdog' | 'stonith' | 'storage';

/** Zones and what lies between each two of them. */
export interface Network {
  readonly zones: ReadonlyMap<string, Zone>;
  /** Every unordered pair, also of a zone with itself, by `pathKey`. */
  readonly paths: ReadonlyMap<string, NetworkPath>;
}

export interface Zone {
  readonly name: string;
  readonly region: string;
}

export interface NetworkPath {
  readonly zones: readonly [string, string];
  readonly rtt: DurationLaw;
  /** Of one direction; null: only the hosts' own limits. */
  readonly bandwidthBitsPerSecond: number | null;
  /** Share of packets lost, each direction. */
  readonly loss: number;
}

/** What a machine is. */
export interface Machine {
  readonly name: string;
  readonly instance: Instance | null;
  /** What was measured of it, or is usual. */
  readonly profile: Profile;
  readonly cores: number;
  /** Hardware threads that share a core: 2 where a vCPU is half of one. */
  readonly threadsPerCore: 1 | 2;
  readonly memoryBytes: number;
  readonly networkBitsPerSecond: number;
  readonly networkBurstBitsPerSecond: number;
  readonly disk: DiskSpec;
  /** US dollars a month, instance and volume; null if nothing tells it. */
  readonly priceMonthly: number | null;
}

export interface HostSpec {
  readonly name: string;
  readonly zone: string;
  readonly machine: Machine;
  /** False for a host that was made for a single server, pooler or member. */
  readonly named: boolean;
}

export interface Server {
  readonly name: string;
  /** The X of X-1..X-N; null for a server of its own. */
  readonly group: string | null;
  readonly zone: string;
  readonly host: string;
  readonly standbyOf: string | null;
  /** The primary at the head of its cluster; itself if it is one. */
  readonly primary: string;
  readonly storage: Storage;
  /** Streams through a physical slot on its upstream. */
  readonly slot: boolean;
  /** What `synchronous_standby_names` knows it by. */
  readonly applicationName: string;
  readonly tags: PatroniTags;
  readonly settings: PostgresSettings;
  readonly version: number;
  readonly start: StartState;
}

export interface StartState {
  readonly buffers: 'warm' | 'cold';
  readonly osCache: 'warm' | 'cold';
  /** Transaction ids given out since the tables were last frozen; its primary's counts. */
  readonly xidAge: number;
}

export type Storage = NonNullable<ScenarioFile['servers'][string]['storage']>;

export interface Patroni {
  readonly version: string;
  readonly settings: PatroniSettings;
  readonly watchdog: WatchdogSettings;
}

export interface Etcd {
  readonly version: string;
  readonly members: readonly EtcdMember[];
  readonly settings: EtcdSettings;
}

export interface EtcdMember {
  readonly name: string;
  readonly zone: string;
  readonly host: string;
}

export interface Haproxy {
  readonly zone: string;
  /** Null: it costs nothing. */
  readonly host: string | null;
  readonly settings: HaproxySettings;
}

export interface Pooler {
  readonly name: string;
  readonly zone: string;
  readonly host: string;
  readonly target: ConnectTarget;
  readonly processes: number;
  readonly settings: Readonly<Record<string, SettingValue | null>>;
}

export interface Route {
  readonly name: string;
  readonly writes: ConnectTarget;
  /** Servers, in the order of the file. */
  readonly reads: readonly string[];
  readonly balance: 'random' | 'round-robin' | 'nearest' | 'least-lag';
  readonly readYourWrites:
    | { readonly kind: 'none' }
    | { readonly kind: 'lsn' }
    | { readonly kind: 'window'; readonly window: Nanoseconds };
  readonly maxLag: Nanoseconds | null;
}

/** What a client, a pooler or a route connects to. */
export type ConnectTarget =
  | { readonly kind: 'server'; readonly server: string }
  | { readonly kind: 'group'; readonly group: string; readonly servers: readonly string[] }
  | { readonly kind: 'haproxy'; readonly frontend: 'primary' | 'replica' }
  | { readonly kind: 'pgbouncer'; readonly pool: string }
  | { readonly kind: 'routing'; readonly route: string }
  | { readonly kind: 'proxysql'; readonly name: string }
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'vip'; readonly name: string }
  | LibpqTarget;

/** A connection string with libpq's names; null: libpq's default, which is not to bound it. */
export interface LibpqTarget {
  readonly kind: 'hosts';
  /** Servers, in the order in which libpq tries them. */
  readonly hosts: readonly string[];
  readonly target_session_attrs: string;
  readonly load_balance_hosts: 'disable' | 'random';
  readonly connect_timeout: Nanoseconds | null;
  readonly tcp_user_timeout: Nanoseconds | null;
  readonly keepalives: boolean;
  readonly keepalives_idle: Nanoseconds | null;
  readonly keepalives_interval: Nanoseconds | null;
  readonly keepalives_count: number | null;
  readonly sslmode: string;
  readonly sslnegotiation: 'postgres' | 'direct';
}

/** A statement of a book, vendor or post, as data. */
export interface Claim {
  readonly id: string;
  readonly says: string;
  readonly source: string;
  /** The variant that it speaks of; null for the base. */
  readonly variant: string | null;
  readonly expect: readonly Comparison[];
}

/** What a hunt may draw: what the topology promises to survive. */
export interface Hunt {
  readonly faults: readonly string[];
  readonly atMost: number;
  readonly duration: Nanoseconds;
}

export type OtherSections = Pick<
  ScenarioFile,
  | ('consul' | 'zookeeper' | 'proxysql' | 'dns' | 'vip' | 'cache')
  | ('citus' | 'shards' | 'multi_primary' | 'logical')
>;
