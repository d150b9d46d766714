/**
 * One Postgres server: a data directory on a host, and the postmaster with all its children while
 * it runs. What a standby does beyond this is in `replication/instance.ts`.
 *
 * Kept: states and what each answers to a connection attempt, serial forks, max_connections with
 * the reserved slots, fast and immediate shutdown, crash and crash recovery from the last
 * checkpoint's redo pointer.
 */
import type { Host } from '../hardware/host.ts';
import { Endpoint, type Listener, type Packet, type SocketOptions } from '../hardware/tcp.ts';
import { Mailbox, type Process, type ProcessGroup } from '../kernel/index.ts';
import { Autovacuum } from './autovacuum/autovacuum.ts';
import { Backend } from './backend.ts';
import { BackgroundWriterProcess } from './checkpoint/background-writer.ts';
import { Checkpointer } from './checkpoint/checkpointer.ts';
import { redo } from './checkpoint/crash-recovery.ts';
import type { ServerContext } from './context.ts';
import { type CostProfile, type Costs, costsOf, DEFAULT_COSTS } from './costs.ts';
import { SERVER_STATES, type ServerState } from './events.ts';
import { LockManager } from './locking/lock-manager.ts';
import { FIRST_LSN, type Lsn } from './lsn.ts';
import { ServerMemory } from './memory.ts';
import { ParallelWorkers, workersOf } from './plan/gather.ts';
import { SharedProcArray } from './procarray/index.ts';
import { RecentUpdates } from './recent-updates.ts';
import { PredicateLocks } from './serializable/predicate-locks.ts';
import type { PostgresSettings } from './settings.ts';
import { ERRORS, RESULT_BYTES, type WireMessage } from './statement.ts';
import { Database } from './storage/database.ts';
import type { StorageStart } from './storage/owner.ts';
import { PageCache } from './storage/page-cache.ts';
import { Storage } from './storage/storage.ts';
import type { Branch } from './timeline.ts';
import { SessionTimeouts } from './timeouts.ts';
import { WaitTimes } from './waits.ts';
import type { ArchiveTarget } from './wal/archiver.ts';
import { Wal } from './wal/wal.ts';

/** What a commit waits for beyond its own disk; without standbys it is nothing. */
export interface SynchronousReplication {
  /** True: the running process has to yield until the standbys have confirmed. */
  below(level: string, lsn: Lsn): boolean;
  /** Whether the standbys have confirmed; after a wait, false says that it was cancelled. */
  reached(level: string, lsn: Lsn): boolean;
}

const NO_STANDBYS: SynchronousReplication = { below: () => false, reached: () => true };

export interface ServerOptions {
  readonly name: string;
  readonly index: number;
  readonly host: Host;
  readonly settings: PostgresSettings;
  readonly branch: Branch;
  /** Where archive_command puts finished segments. */
  readonly archive?: ArchiveTarget | null;
  /** What its processes cost on this machine; the documented defaults if not given. */
  readonly costs?: CostProfile;
  /** The tables of its cluster; none if not given. */
  readonly database?: Database;
  /** Its host's page cache, if other servers share it. */
  readonly pageCache?: PageCache;
  /** What is in memory at the beginning of the run; warm if not given. */
  readonly start?: StorageStart;
}

export class Server implements Listener<WireMessage> {
  readonly name: string;
  readonly index: number;
  readonly host: Host;
  readonly settings: PostgresSettings;
  readonly archive: ArchiveTarget | null;
  readonly context: ServerContext;
  readonly group: ProcessGroup;
  readonly costs: Costs;
  readonly wal: Wal;
  readonly waits: WaitTimes;
  readonly checkpointer: Checkpointer;
  readonly backgroundWriter: BackgroundWriterProcess;
  readonly storage: Storage;
  readonly options: SocketOptions;
  readonly timeouts: SessionTimeouts;
  readonly procArray: SharedProcArray;
  readonly memory: ServerMemory;
  readonly recentUpdates = new RecentUpdates();
  readonly autovacuum: Autovacuum;
  readonly parallel: ParallelWorkers;
  /** Files that sorts and hashes have made since the beginning of the run, and their pages. */
  readonly temporary = { files: 0, pages: 0 };
  locks: LockManager;
  /** What serializable transactions have read. */
  predicateLocks: PredicateLocks;
  synchronousReplication: SynchronousReplication = NO_STANDBYS;
  state: ServerState = 'shut down';
  stateSince = 0;
  /** It replays WAL and takes no writes: `pg_is_in_recovery()`. */
  inRecovery = false;
  /** Transactions that have written and not ended. */
  activeTransactions = 0;
  /** Waits for heavyweight locks, and deadlocks found, since the beginning of the run. */
  lockWaits = 0;
  deadlocks = 0;
  /** Called after each flush: walsenders go on from here. */
  onWalFlush: () => void = () => {};
  /** One child has crashed, and the postmaster has ended all others: it starts them anew. */
  onChildCrash: (role: 'primary' | 'standby') => void = () => {};
  /** Why it ended by a PANIC; null since the last start. */
  panicReason: string | null = null;
  /** Called after each change of state. */
  onStateChange: () => void = () => {};
  readonly backends = new Set<Backend>();
  /** Connections that its processes hold; a crash closes them. */
  readonly endpoints = new Set<Endpoint<WireMessage>>();
  private accepted: Mailbox<Endpoint<WireMessage>>;

  constructor(context: ServerContext, options: ServerOptions) {
    this.context = context;
    this.name = options.name;
    this.index = options.index;
    this.host = options.host;
    this.settings = quickly(options.settings);
    this.parallel = new ParallelWorkers(workersOf(this.settings));
    this.archive = options.archive ?? null;
    this.group = options.host.newGroup();
    this.costs = costsOf(options.costs ?? DEFAULT_COSTS);
    this.wal = new Wal(context, this, options.branch, FIRST_LSN);
    this.storage = storageOf(this, options);
    this.checkpointer = new Checkpointer(this, FIRST_LSN);
    this.backgroundWriter = new BackgroundWriterProcess(this);
    this.waits = new WaitTimes(context.sim);
    this.locks = new LockManager(context.sim, options.settings);
    this.predicateLocks = new PredicateLocks(options.settings);
    this.timeouts = new SessionTimeouts(options.settings);
    this.procArray = new SharedProcArray(context.sim, options.settings);
    this.memory = new ServerMemory(this.host.memory, options.settings, () => this.memories());
    this.memory.onChange = (bytes) => context.events.memory.emit(this.index, bytes);
    this.autovacuum = new Autovacuum(this);
    this.accepted = new Mailbox(context.sim);
    this.options = socketOptions(options.settings);
    this.host.onPowerOff(() => this.lost('flushed'));
    this.wal.onFlush = () => {
      this.checkpointer.walGrew(this.wal.flushed.value);
      this.onWalFlush();
    };
  }

  get isRunning(): boolean {
    return this.state !== 'shut down' && this.state !== 'crashed';
  }

  /** Who listens on the server's port, if anybody. */
  get listener(): Listener<WireMessage> | undefined {
    return this.isRunning ? this : undefined;
  }

  enter(state: ServerState): void {
    this.state = state;
    this.stateSince = this.context.sim.now;
    this.context.events.state.emit(this.index, SERVER_STATES.indexOf(state));
    this.onStateChange();
  }

  /** Begins in service, without a start: at the beginning of a run. */
  beginInService(role: 'primary' | 'hot standby'): void {
    this.inRecovery = role === 'hot standby';
    this.startPostmaster();
    this.enter(role);
    if (role === 'primary') this.startPrimaryProcesses(true);
    else this.checkpointer.start();
  }

  /** The postmaster listens from now on; what it answers depends on the state. */
  startPostmaster(): void {
    this.panicReason = null;
    this.accepted = new Mailbox(this.context.sim);
    this.memory.start();
    this.host.spawn(this.postmaster(), this.group);
    this.wal.startArchiver();
  }

  /** What only a server with a WAL of its own runs. */
  startPrimaryProcesses(hasRunForLong = false): void {
    this.procArray.array.goOnFrom(this.storage.database.nextXid);
    this.storage.begin();
    this.wal.start();
    this.checkpointer.start();
    this.backgroundWriter.start();
    this.autovacuum.start(hasRunForLong);
  }

  /** Crash recovery, without the checkpoint at its end. */
  redo(): Generator<undefined, void, undefined> {
    return redo(this);
  }

  /** Ends all client sessions as SIGTERM does. */
  terminateBackends(): void {
    this.autovacuum.stop();
    for (const backend of [...this.backends]) backend.terminate();
  }

  /** The postmaster is gone and all its children with it; the kernel closes their connections. */
  crash(): void {
    if (!this.isRunning) return;
    this.group.kill();
    for (const endpoint of [...this.endpoints]) endpoint.close();
    this.lost('written');
  }

  /** A process meets what it cannot go on from and aborts. */
  panic(reason: string): void {
    this.panicReason = reason;
    this.context.events.panic.emit(this.index);
    this.note(`PANIC: ${reason}`);
    this.childCrashed();
  }

  /**
   * The postmaster ends all other processes and starts them anew (restart_after_crash); if that was
   * the startup process, a checkpoint of the start, or during a shutdown, it gives up and ends.
   */
  private childCrashed(): void {
    if (!this.isRunning) return;
    const { state, inRecovery, settings } = this;
    this.crash();
    if (state === 'starting' || state === 'shutting down') return;
    if (settings.restart_after_crash) this.onChildCrash(inRecovery ? 'standby' : 'primary');
  }

  /** The processes have ended in order: the next start finds nothing to redo. */
  shutDownCleanly(): void {
    this.group.kill();
    for (const endpoint of [...this.endpoints]) endpoint.close();
    this.forget();
    this.enter('shut down');
  }

  backendExited(backend: Backend): void {
    this.backends.delete(backend);
    this.endpoints.delete(backend.endpoint);
    this.context.events.connections.emit(this.index, this.backends.size);
  }

  accept(host: Host): Endpoint<WireMessage> {
    const inbox = new Mailbox<Packet<WireMessage>>(this.context.sim);
    return new Endpoint(host, inbox, this.options);
  }

  established(endpoint: Endpoint<WireMessage>, at: number): void {
    this.endpoints.add(endpoint);
    this.accepted.send(endpoint, at);
  }

  private lost(survives: 'written' | 'flushed'): void {
    const { wal } = this;
    if (!this.isRunning && this.state !== 'crashed') return;
    wal.crash(survives);
    if (wal.branch.server === this.name) wal.branch.contents.cutTo(wal.insertLsn);
    if (!this.isRunning) return; // its cache went with the power
    this.forget();
    this.autovacuum.crash();
    this.enter('crashed');
  }

  private forget(): void {
    for (const backend of this.backends) backend.lose();
    this.checkpointer.crash();
    this.backgroundWriter.crash();
    this.storage.crash();
    this.autovacuum.forget();
    this.backends.clear();
    this.endpoints.clear();
    this.activeTransactions = 0;
    this.locks = new LockManager(this.context.sim, this.settings);
    this.predicateLocks = new PredicateLocks(this.settings);
    this.procArray.restart();
    this.recentUpdates.clear();
    this.memory.stop();
    this.context.events.connections.emit(this.index, 0);
  }

  private *postmaster(): Process {
    for (;;) {
      const endpoint = this.accepted.take();
      if (endpoint === undefined) yield this.accepted.receive();
      else {
        if (this.refusal()) this.admit(endpoint);
        else {
          yield this.host.cpu.serve(this.costs.fork, this.group);
          this.admit(endpoint);
        }
      }
    }
  }

  private refusal() {
    if (this.state === 'starting') return ERRORS.startingUp;
    if (this.state === 'shutting down') return ERRORS.shuttingDown;
    const { max_connections, superuser_reserved_connections: superusers } = this.settings;
    const { reserved_connections: others = 0 } = this.settings; // 16 and later
    const room = max_connections - superusers - Number(others);
    return this.backends.size >= room ? ERRORS.tooManyConnections : null;
  }

  /** A backend for the connection, or a word why there is none; a stop may have come meanwhile. */
  private admit(endpoint: Endpoint<WireMessage>): void {
    const refusal = this.refusal();
    if (!refusal) this.fork(endpoint);
    else {
      endpoint.send(refusal, RESULT_BYTES);
      endpoint.close();
      this.endpoints.delete(endpoint);
    }
  }

  private *memories() {
    for (const { memory } of this.backends) yield memory;
  }

  /** The kernel has killed one of the backends; the postmaster hears of it at once (SIGCHLD). */
  backendKilled(backend: Backend, bytes: number): void {
    this.context.events.oomKill.emit(this.index, bytes);
    const megabytes = (bytes / 1e6).toFixed(1);
    this.note(
      `the kernel killed a backend of ${megabytes} MB for want of memory: all sessions end`,
    );
    this.backendCrashed(backend);
  }

  /** A signal has ended one of the backends. */
  backendCrashed(backend: Backend): void {
    this.context.sim.kill(backend.process);
    const crashed = () => this.childCrashed();
    const reaper = function* (): Process {
      crashed();
    };
    this.host.spawn(reaper());
  }

  private note(text: string): void {
    this.context.sim.trace.note('server', `${this.name}: ${text}`);
  }

  private fork(endpoint: Endpoint<WireMessage>): void {
    this.storage.begin();
    this.backgroundWriter.start();
    const backend = new Backend(this, endpoint);
    this.backends.add(backend);
    if (backend.memory.start() === 'refused') backend.refuse(ERRORS.cannotFork);
    else {
      backend.process = this.host.spawn(backend.run(), this.group);
      this.context.events.connections.emit(this.index, this.backends.size);
    }
  }
}

const WARM: StorageStart = { buffers: 'warm', osCache: 'warm' };

/** Its pages, over the page cache that is its host's. */
function storageOf(server: Server, options: ServerOptions): Storage {
  const { sim } = server.context;
  const { shared_buffers: bytes, max_connections: connections } = server.settings;
  const { database = new Database([]), start = WARM } = options;
  const memory = { sharedBuffersBytes: bytes, connections };
  const cache = options.pageCache ?? new PageCache(sim, server.host, memory);
  return new Storage(sim, server, database, cache, bytes, start);
}

/**
 * The same settings behind a prototype. An object of 400 keys is a hash table to V8, one that it
 * meets as a prototype is not, and some settings are read several times a transaction.
 */
function quickly(settings: PostgresSettings): PostgresSettings {
  return Object.freeze(Object.create(settings));
}

function socketOptions(settings: PostgresSettings): SocketOptions {
  const { tcp_keepalives_idle, tcp_keepalives_interval, tcp_keepalives_count } = settings;
  return {
    userTimeout: settings.tcp_user_timeout,
    keepaliveIdle: tcp_keepalives_idle || 7_200_000_000_000,
    keepaliveInterval: tcp_keepalives_interval || 75_000_000_000,
    keepaliveCount: tcp_keepalives_count || 9,
  };
}
