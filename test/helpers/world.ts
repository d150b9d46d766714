import { Disk, type DiskSpec } from '../../src/hardware/disk.ts';
import { Host } from '../../src/hardware/host.ts';
import { Network } from '../../src/hardware/network.ts';
import { type Endpoint, LINUX_SOCKET, type Packet } from '../../src/hardware/tcp.ts';
import {
  constant,
  Mailbox,
  MILLISECOND,
  type Nanoseconds,
  type Process,
  type ProcessId,
  Simulation,
} from '../../src/kernel/index.ts';
import type { ServerContext } from '../../src/postgres/context.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { PostgresEvents } from '../../src/postgres/events.ts';
import { FIRST_LSN, type Lsn, WAL_PAGE_BYTES } from '../../src/postgres/lsn.ts';
import { Server } from '../../src/postgres/server.ts';
import { defaultSettings, type PostgresSettings } from '../../src/postgres/settings.ts';
import {
  type CommitRecord,
  STATEMENT_BYTES,
  type Verb,
  type WireMessage,
} from '../../src/postgres/statement.ts';
import { Database } from '../../src/postgres/storage/database.ts';
import type { StorageStart } from '../../src/postgres/storage/owner.ts';
import { History } from '../../src/postgres/timeline.ts';
import type { ArchiveTarget } from '../../src/postgres/wal/archiver.ts';
import { Instance } from '../../src/replication/instance.ts';
import { type ConnectionOptions, open, type Target } from '../../src/routing/libpq.ts';
import { WorkloadEvents } from '../../src/workload/events.ts';
import { ACCOUNTS, HISTORY, pgbenchTables } from '../../src/workload/pgbench.ts';
import { commitRecord, statement } from '../../src/workload/script.ts';

/** Each flush takes this long unless a test says otherwise. */
export const FSYNC = 2 * MILLISECOND;
/** A flush of one page: its leader's system calls, the disk, and the leader's going on. */
export const FLUSHED = DEFAULT_COSTS.flush + FSYNC + DEFAULT_COSTS.sleep;
/** A flush that copies what lies between two positions: pages beyond one take the processor. */
export function flushOf(from: Lsn, to: Lsn): Nanoseconds {
  const pages = Math.ceil(to / WAL_PAGE_BYTES) - Math.floor(from / WAL_PAGE_BYTES);
  return FLUSHED + (pages - 1) * DEFAULT_COSTS.walPageWrite;
}
/** From a flush that others waited for to the next one: its leader is woken and gets a core. */
export const HANDOVER = DEFAULT_COSTS.wake + DEFAULT_COSTS.sleep;
/** From any host to any other. */
export const ONE_WAY = 1 * MILLISECOND;

export interface ServerPlan {
  readonly name: string;
  /** The name of its upstream. */
  readonly of?: string;
  readonly settings?: Record<string, string | number | boolean>;
  readonly fsync?: Nanoseconds;
  readonly version?: number;
  readonly cores?: number;
  readonly archive?: ArchiveTarget | null;
  readonly diskBytes?: number;
  /** What is in memory at the beginning; warm if not given. */
  readonly start?: StorageStart;
}

export interface WorldPlan {
  readonly servers: readonly ServerPlan[];
  readonly clientHosts?: readonly string[];
  readonly oneWay?: (from: string, to: string) => Nanoseconds;
  readonly seed?: string;
  /** Of the tables; by default there is room on their pages. */
  readonly fillfactor?: number;
}

/** A disk on which every request takes as long as any other, and that serves many at a time. */
export function constantDisk(
  sim: Simulation,
  name: string,
  duration: Nanoseconds,
  sizeBytes = Number.MAX_SAFE_INTEGER,
): Disk {
  const law = { kind: 'constant', value: duration } as const;
  const spec: DiskSpec = {
    kind: 'constant',
    read: law,
    write: law,
    fsync: law,
    queueDepth: 64,
    streamBytesPerSecond: Number.POSITIVE_INFINITY,
    mergeBytes: 1 << 30,
    sizeBytes,
    limits: [],
  };
  return new Disk(sim, sim.random(`hosts/${name}/disk`), spec);
}

/** Postgres's defaults of a version with some values changed, in nanoseconds and bytes. */
export function settingsOf(
  changed: Record<string, string | number | boolean> = {},
  version = 17,
): PostgresSettings {
  return { ...defaultSettings(version), ...changed } as PostgresSettings;
}

/** Hosts with constant delays, servers on them in service, and what they let the world observe. */
export class World {
  readonly sim: Simulation;
  readonly network: Network;
  readonly events: PostgresEvents;
  readonly workload: WorkloadEvents;
  readonly context: ServerContext;
  readonly instances = new Map<string, Instance>();
  private readonly hosts = new Map<string, Host>();

  constructor(plan: WorldPlan) {
    this.sim = new Simulation(plan.seed ?? '1');
    const { sim } = this;
    const names = [...plan.servers.map(({ name }) => name), ...(plan.clientHosts ?? ['client'])];
    for (const [index, name] of names.entries()) {
      const server = plan.servers.find((each) => each.name === name);
      const disk = constantDisk(sim, name, server?.fsync ?? FSYNC, server?.diskBytes);
      const size = { cores: server?.cores ?? 64, memoryBytes: 1 << 30 };
      const options = { name, zone: 'z', index, disk, nicBitsPerSecond: Number.POSITIVE_INFINITY };
      this.hosts.set(name, new Host(sim, { ...options, ...size }));
    }
    const delay = plan.oneWay ?? (() => ONE_WAY);
    this.network = new Network(sim, [...this.hosts.values()], (from, to) => ({
      delay: constant(delay(from.name, to.name)),
      loss: 0,
      bitsPerSecond: Number.POSITIVE_INFINITY,
    }));
    this.events = new PostgresEvents(sim.trace);
    this.workload = new WorkloadEvents(sim.trace);
    const history = new History();
    this.context = { sim, network: this.network, events: this.events, history };
    this.makeServers(plan.servers, unimagedTables(18, plan.fillfactor));
  }

  private makeServers(plans: readonly ServerPlan[], database: Database): void {
    const branch = this.context.history.begin(plans[0]?.name ?? 'nobody');
    for (const [index, plan] of plans.entries()) {
      const { name, of, settings, version, archive = null, start } = plan;
      const resolved = settingsOf(settings, version);
      const host = this.host(name);
      const options = { name, index, host, settings: resolved, branch, archive, database };
      const server = new Server(this.context, start ? { ...options, start } : options);
      const instance = new Instance(server);
      this.instances.set(name, instance);
      instance.beginInService(of === undefined ? null : this.instance(of));
    }
  }

  host(name: string): Host {
    return this.hosts.get(name)!;
  }

  instance(name: string): Instance {
    return this.instances.get(name)!;
  }

  server(name: string): Server {
    return this.instance(name).server;
  }

  target(name: string): Target {
    return { host: this.host(name), listener: () => this.server(name).listener };
  }

  /** Closes all paths between two hosts, or opens them again. */
  cut(a: string, b: string): () => void {
    const paths = [
      this.network.path(this.host(a), this.host(b)),
      this.network.path(this.host(b), this.host(a)),
    ];
    for (const path of paths) path.close();
    return () => {
      for (const path of paths) path.reopen();
    };
  }

  client(name: string, host = 'client'): Client {
    return new Client(this, name, this.host(host));
  }

  /** Something that is done at an instant. */
  at(instant: Nanoseconds, action: () => void): void {
    const { sim } = this;
    const process = function* (): Process {
      yield sim.holdUntil(instant);
      action();
    };
    sim.spawn(process());
  }

  /** A process that belongs to no host. */
  play(body: Process): ProcessId {
    return this.sim.spawn(body);
  }
}

/** What a client was told at last: an SQLSTATE, how the connection ended, or that all is well. */
export type Answer = 'complete' | (string & {});

/** A client that says what a test has it say, one statement at a time. */
export class Client {
  readonly name: string;
  endpoint: Endpoint<WireMessage> | null = null;
  readonly answers: Answer[] = [];
  /** The fate of its last commit, as the simulator knows it. */
  commit: CommitRecord = commitRecord();
  private readonly world: World;
  private readonly host: Host;
  private readonly inbox: Mailbox<Packet<WireMessage>>;

  constructor(world: World, name: string, host: Host) {
    this.world = world;
    this.name = name;
    this.host = host;
    this.inbox = new Mailbox<Packet<WireMessage>>(world.sim);
  }

  /** Connects; the failure, or `complete`. */
  *connect(targets: readonly string[], options: Partial<ConnectionOptions> = {}) {
    const { world } = this;
    const all: ConnectionOptions = {
      targets: targets.map((name) => world.target(name)),
      targetSessionAttrs: 'any',
      loadBalanceHosts: false,
      connectTimeout: 0,
      socket: LINUX_SOCKET,
      ...options,
    };
    const random = world.sim.random(`clients/${this.name}`);
    const opened = yield* open(world.network, this.host, this.inbox, all, random);
    if ('failure' in opened) return this.note(opened.failure);
    this.endpoint = opened;
    return this.note('complete');
  }

  /** Sends one statement and waits for its answer. */
  *say(verb: Verb, key = 0): Generator<undefined, Answer, undefined> {
    const relation = verb === 'insert' ? HISTORY : ACCOUNTS;
    if (verb === 'commit') this.commit = commitRecord();
    const record = verb === 'commit' ? this.commit : null;
    this.endpoint!.send(statement(verb, relation, key, true, record), STATEMENT_BYTES);
    return yield* this.hear();
  }

  *hear(): Generator<undefined, Answer, undefined> {
    for (;;) {
      const packet = this.inbox.take();
      if (packet === undefined) yield this.inbox.receive();
      else if (packet.endpoint === this.endpoint) {
        const { message } = packet;
        if (packet.ending) return this.note(packet.ending);
        return this.note(message?.type === 'error' ? message.sqlstate : message!.type);
      }
    }
  }

  /** BEGIN, an update of one row, COMMIT; the answer to the last that was said. */
  *write(key: number): Generator<undefined, Answer, undefined> {
    for (const verb of ['begin', 'update', 'commit'] as const) {
      const answer = yield* this.say(verb, key);
      if (answer !== 'complete') return answer;
    }
    return 'complete';
  }

  close(): void {
    this.endpoint?.close();
  }

  private note(answer: Answer): Answer {
    this.answers.push(answer);
    return answer;
  }
}

/** pgbench's tables, with room on their pages; images only after the first checkpoint. */
export function unimagedTables(version = 18, fillfactor = 50): Database {
  const loadedLsn = FIRST_LSN + 1;
  const tables = pgbenchTables(1, version, fillfactor).map((table) => {
    const indexes = table.indexes.map((index) => ({ ...index, loadedLsn }));
    return { ...table, loadedLsn, indexes };
  });
  return new Database(tables);
}
