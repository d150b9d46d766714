/**
 * One member of a replicated cluster: a Postgres server that can be primary or standby, with its
 * walsenders, its walreceiver and its startup process; and what an operator or an agent does to it:
 * start, stop, follow another upstream, promote, rewind.
 *
 * Kept: the steps of each in their order and what they wait for. Left out: archives, base backups
 * over the network; `rewind` takes the time that reading the diverged WAL and copying the changed
 * pages take.
 */
import { Endpoint, join, type Listener, type Packet } from '../hardware/tcp.ts';
import {
  Mailbox,
  MILLISECOND,
  type Process,
  type ProcessId,
  SECOND,
  Signal,
} from '../kernel/index.ts';
import type { CheckpointRecord } from '../postgres/checkpoint/checkpointer.ts';
import type { Xid } from '../postgres/procarray/ordered-xids.ts';
import type { Server } from '../postgres/server.ts';
import { contains, lastCommon } from '../postgres/timeline.ts';
import { FeedbackHeld } from './feedback.ts';
import type { ReplicationMessage } from './messages.ts';
import { PhysicalSlots } from './physical-slots.ts';
import { Replay } from './replay.ts';
import { SyncRep } from './sync-rep.ts';
import { WalReceiver } from './walreceiver.ts';
import { WalSender } from './walsender.ts';

/**
 * From the signal to the first write when all WAL is replayed: measured 67 ms on PostgreSQL 15
 * (history file, end-of-recovery record, state changes and their polls).
 */
const PROMOTION_TIME = 67 * MILLISECOND;
/** Starting a postmaster up to the point where it looks at its WAL. */
const POSTMASTER_START_TIME = 50 * MILLISECOND;
/** pg_basebackup: the least of disk, network and one core; 100 to 500 MB/s. */
const BASE_BACKUP_BYTES_PER_SECOND = 200e6;
const POLL = 100 * MILLISECOND;

export class Instance {
  readonly server: Server;
  readonly syncRep: SyncRep;
  readonly replay: Replay;
  readonly slots: PhysicalSlots;
  private readonly feedback: FeedbackHeld;
  /** Fired after each change of the server's state. */
  readonly changed: Signal;
  senders: WalSender[] = [];
  receiver: WalReceiver | null = null;
  /** The upstream in primary_conninfo. */
  upstream: Instance | null = null;
  /** What a copy of the data directory has to move. */
  databaseBytes = 0;
  /** A promotion has been asked for and has not ended. */
  promoting = false;
  /** The checkpoint after the last promotion is over: others may rewind from here. */
  checkpointedSincePromotion = true;
  private receiverProcess: ProcessId = -1;
  private replayProcess: ProcessId = -1;

  /** What upstreams know it by. */
  readonly applicationName: string;

  constructor(server: Server, applicationName = server.name) {
    const { sim } = server.context;
    this.server = server;
    this.applicationName = applicationName;
    this.changed = new Signal(sim);
    this.replay = new Replay(this, server.wal.insertLsn);
    this.slots = new PhysicalSlots(server.wal);
    this.feedback = new FeedbackHeld(server.procArray.array);
    this.syncRep = new SyncRep(sim, () => this.senders);
    server.synchronousReplication = this.syncRep;
    this.syncRep.configure(server.settings.synchronous_standby_names);
    server.onWalFlush = () => {
      for (const sender of this.senders) sender.nudge();
    };
    server.onStateChange = () => this.stateChanged();
    server.onChildCrash = (role) => this.start(role, this.upstream);
  }

  /** A run begins: the primary in service, each standby streaming from its upstream. */
  beginInService(upstream: Instance | null): void {
    this.server.beginInService(upstream ? 'hot standby' : 'primary');
    if (!upstream) return;
    this.replay.prepare();
    const above = upstream.replay.prepare();
    if (upstream.server.state === 'primary') above.end();
    this.upstream = upstream;
    this.receiver = new WalReceiver(this, upstream);
    const endpoint = this.receiver.makeEndpoint();
    const listener = upstream.replicationListener(this)!;
    const peer = listener.accept(upstream.server.host);
    join(this.server.context.network, endpoint, peer);
    listener.established(peer, this.server.context.sim.now);
    const { insertLsn: from, branch } = this.server.wal;
    peer.inbox.send({
      endpoint: peer,
      message: { type: 'start replication', from, branch },
      ending: null,
      leaves: 0,
    });
    this.receiver.beginConnected(endpoint);
    this.spawnStandbyProcesses();
  }

  /** Where standbys connect, while the server can serve them. */
  replicationListener(standby: Instance): Listener<ReplicationMessage> | undefined {
    const { state } = this.server;
    if (state !== 'primary' && state !== 'hot standby') return undefined;
    return {
      options: this.server.options,
      accept: (host) => {
        const inbox = new Mailbox<Packet<ReplicationMessage>>(this.server.context.sim);
        return new Endpoint(host, inbox, this.server.options);
      },
      established: (endpoint, at) => this.admit(endpoint, standby, at),
    };
  }

  /** Starts the server as a primary or as a standby of the given upstream (or of none yet). */
  start(role: 'primary' | 'standby', upstream: Instance | null): void {
    const { server } = this;
    if (server.isRunning) return;
    const { wal } = server;
    const isClean = server.state === 'shut down' && wal.redoLsn === wal.insertLsn;
    this.upstream = upstream;
    if (role === 'standby') this.replay.prepare();
    server.inRecovery = true;
    server.startPostmaster();
    server.enter('starting');
    server.host.spawn(this.starting(role, isClean), server.group);
  }

  /** Fast shutdown: sessions end, then standbys get all WAL, then the processes end. */
  stop(): void {
    const { server } = this;
    if (!server.isRunning || server.state === 'shutting down') return;
    if (server.state === 'starting') server.crash();
    else server.host.spawn(this.stopping(), server.group);
  }

  /** primary_conninfo changes: the walreceiver starts anew. */
  follow(upstream: Instance | null): void {
    if (this.upstream === upstream && this.receiver) return;
    this.upstream = upstream;
    if (this.server.state !== 'hot standby' || this.promoting) return;
    this.stopReceiver();
    this.server.host.spawn(this.following(), this.server.group);
  }

  private *following(): Process {
    const { upstream } = this;
    yield* this.flushReceived();
    if (this.upstream === upstream && !this.receiver && !this.promoting) this.startReceiver();
  }

  /** pg_promote(): nothing happens on a server that is not a standby. */
  promote(): void {
    if (this.server.state !== 'hot standby' || this.promoting) return;
    this.promoting = true;
    this.server.host.spawn(this.promotion(), this.server.group);
  }

  /** Whether this server's WAL has something that the other's history does not contain. */
  divergedFrom(other: Instance): boolean {
    const { wal } = this.server;
    const { wal: theirs } = other.server;
    return !contains(theirs.branch, theirs.insertLsn, wal.branch, wal.insertLsn);
  }

  /**
   * pg_rewind of a stopped server: it scans its own WAL since the divergence, copies the changed
   * pages and the other's WAL, and then stands at the end of what they have in common.
   */
  *rewind(source: Instance): Generator<undefined, void, undefined> {
    const { wal, host, context, checkpointer } = this.server;
    const theirs = source.server.wal;
    const common = lastCommon(wal.branch, wal.insertLsn, theirs.branch, theirs.insertLsn);
    const diverged = wal.insertLsn - Math.min(common, checkpointer.redoLsn);
    yield host.disk.read(diverged);
    const copied = diverged + (theirs.insertLsn - common);
    const seconds = (copied * 8) / source.server.host.nicBitsPerSecond;
    yield context.sim.hold(Math.round(seconds * SECOND) + SECOND);
    wal.cutTo(common, theirs.branch);
    checkpointer.follow(Math.min(checkpointer.redoLsn, common));
  }

  /** pg_basebackup of a stopped server's data directory from a running one, at 200 MB/s at most. */
  *copyFrom(source: Instance): Generator<undefined, void, undefined> {
    const { wal, host, context, checkpointer } = this.server;
    const network = Math.min(host.nicBitsPerSecond, source.server.host.nicBitsPerSecond) / 8;
    const seconds = this.databaseBytes / Math.min(network, BASE_BACKUP_BYTES_PER_SECOND);
    const start = source.server.checkpointer.redoLsn;
    yield context.sim.hold(Math.round(seconds * SECOND));
    wal.replace(source.server.wal.flushed.value, source.server.wal.branch);
    this.replay.prepare().reader.beginAt(wal.branch);
    checkpointer.follow(start);
  }

  private admit(endpoint: Endpoint<ReplicationMessage>, standby: Instance, at: number): void {
    const { server } = this;
    const sender = new WalSender(
      {
        server,
        flushedThere: ({ applicationName }, lsn) => this.slots.advance(applicationName, lsn),
        replied: () => this.syncRep.release(),
        feedback: ({ applicationName }, xmin) => this.heard(applicationName, xmin),
        senderEnded: (s) => this.forget(s),
      },
      endpoint,
      standby.applicationName,
      standby.server.index,
    );
    this.senders.push(sender);
    if (at > server.context.sim.now) server.host.cpu.occupy(server.costs.fork);
    server.host.spawn(sender.run(), server.group);
  }

  private heard(standby: string, xmin: Xid): void {
    this.feedback.hears(standby, xmin, this.slots.has(standby));
  }

  private forget(sender: WalSender): void {
    this.feedback.leaves(sender.applicationName);
    this.senders = this.senders.filter((each) => each !== sender);
    this.changed.fire();
  }

  private *starting(role: 'primary' | 'standby', isClean: boolean): Process {
    const { server } = this;
    const { checkpointer } = server;
    yield server.context.sim.hold(POSTMASTER_START_TIME);
    yield* server.redo();
    this.replay.beginAt(server.wal.insertLsn);
    if (role === 'primary') {
      this.replay.redo?.end();
      server.inRecovery = false;
      server.startPrimaryProcesses();
      if (!isClean) yield* checkpointer.finished(checkpointer.request());
      server.enter('primary');
    } else {
      server.enter('hot standby');
      checkpointer.start();
      this.startReceiver();
    }
  }

  private *stopping(): Process {
    const { server } = this;
    const { sim } = server.context;
    const wasPrimary = server.state === 'primary';
    server.enter('shutting down');
    server.terminateBackends();
    while (server.backends.size > 0) yield sim.hold(POLL / 10);
    const { checkpointer } = server;
    yield* checkpointer.finished(checkpointer.request('shutdown'));
    if (wasPrimary) {
      const end = server.wal.insertLsn;
      while (this.senders.some((sender) => sender.flush < end))
        yield this.changed.wait(sim.now + POLL);
    }
    this.stopReceiver();
    yield* this.flushReceived();
    for (const sender of this.senders) sender.endpoint.close();
    if (wasPrimary) server.checkpointer.follow(server.wal.insertLsn);
    server.shutDownCleanly();
  }

  private *promotion(): Process {
    const { server } = this;
    const { sim, history, events } = server.context;
    const end = server.wal.written;
    this.stopReceiver();
    yield* this.flushReceived();
    this.replay.redo?.hurry();
    if (this.replay.position.below(end)) yield;
    sim.kill(this.replayProcess);
    this.replayProcess = -1;
    this.replay.redo?.end();
    yield sim.hold(PROMOTION_TIME);
    const branch = history.fork(server.wal.branch, end, server.name);
    server.wal.fork(branch);
    server.inRecovery = false;
    this.promoting = false;
    this.upstream = null;
    this.checkpointedSincePromotion = false;
    server.startPrimaryProcesses();
    events.promoted.emit(server.index, branch.index, end);
    server.enter('primary');
    yield* server.checkpointer.finished(server.checkpointer.request('spread'));
    this.checkpointedSincePromotion = true;
  }

  /** What the walreceiver has written and not flushed, it flushes before it ends (WalRcvDie). */
  *flushReceived(): Generator<undefined, void, undefined> {
    const { wal, host, settings, context, index } = this.server;
    const end = wal.written;
    if (!this.server.inRecovery || wal.flushed.value >= end) return;
    context.events.standbyWritten.emit(index, end);
    if (settings.fsync) yield host.disk.fsync();
    this.replay.receipt.flushes(wal.flushed.value);
    wal.flushed.advance(end);
    context.events.standbyFlushed.emit(index, end);
    this.server.onWalFlush();
  }

  /** A checkpoint record has come: for its replay here, and for standbys of this one. */
  checkpointReceived(record: CheckpointRecord): void {
    this.replay.checkpoint = record;
    this.server.checkpointer.lastRecord = record;
  }

  private startReceiver(): void {
    this.receiver = this.upstream ? new WalReceiver(this, this.upstream) : null;
    this.spawnStandbyProcesses();
  }

  private spawnStandbyProcesses(): void {
    const { server } = this;
    if (this.receiver) this.receiverProcess = server.host.spawn(this.receiver.run(), server.group);
    if (this.replayProcess < 0) {
      this.replayProcess = server.host.spawn(this.replay.run(), server.group);
    }
  }

  private stopReceiver(): void {
    if (!this.receiver) return;
    this.server.context.sim.kill(this.receiverProcess);
    this.receiver.disconnect();
    this.receiver = null;
  }

  /** After a crash or a stop nothing of the old incarnation is left. */
  private stateChanged(): void {
    if (!this.server.isRunning) {
      if (this.server.host.state !== 'off') {
        for (const sender of this.senders) sender.endpoint.close();
        this.receiver?.disconnect();
      }
      this.syncRep.forget();
      this.senders = [];
      this.receiver = null;
      this.promoting = false;
      this.replayProcess = this.receiverProcess = -1;
    }
    if (this.server.state === 'hot standby') this.slots.releaseAll();
    this.changed.fire();
  }
}
