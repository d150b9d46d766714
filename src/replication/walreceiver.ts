/**
 * The walreceiver of a standby (walreceiver.c): it takes WAL from the upstream, writes and flushes
 * it, and reports.
 *
 * Kept: all messages that have come are written before the first reply; that reply (the write
 * acknowledgement) leaves before the fsync starts; one fsync covers the batch; then the startup
 * process and cascaded walsenders are woken and the second reply goes; replies when asked, when a
 * commit that waits for replay has been replayed, once when everything is replayed, and each
 * wal_receiver_status_interval (if that is 0, replies only when asked); a ping after half of
 * wal_receiver_timeout in silence, the end after the whole; what is written is flushed before the
 * process ends; a new attempt at once after a long success, else wal_retrieve_retry_interval after
 * the last failure; hot_standby_feedback (`feedback.ts`). Left out: archives.
 */
import { connect, Endpoint, type Packet } from '../hardware/tcp.ts';
import { Mailbox, type Nanoseconds, type Process } from '../kernel/index.ts';
import type { Lsn } from '../postgres/lsn.ts';
import { FeedbackReports } from './feedback.ts';
import type { Instance } from './instance.ts';
import { FEEDBACK_BYTES, REPLY_BYTES, type ReplicationMessage, type WalData } from './messages.ts';

export class WalReceiver {
  /** Streaming from the upstream at the moment. */
  connected = false;
  /** Why the last attempt failed, in the upstream's words. */
  lastError: string | null = null;
  private readonly instance: Instance;
  private readonly upstream: Instance;
  private readonly inbox: Mailbox<Packet<ReplicationMessage>>;
  private endpoint: Endpoint<ReplicationMessage> | null = null;
  private replyRequested = false;
  private repliedAt: Nanoseconds = 0;
  private heardAt: Nanoseconds = 0;
  private pingSent = false;
  private readonly feedback: FeedbackReports;

  constructor(instance: Instance, upstream: Instance) {
    this.instance = instance;
    this.upstream = upstream;
    this.inbox = new Mailbox(instance.server.context.sim);
    this.feedback = new FeedbackReports(instance.server);
  }

  /** The startup process wants the upstream to know how far it has replayed. */
  requestReply(): void {
    this.replyRequested = true;
    this.inbox.nudge();
  }

  /** The connection ends with the process. */
  disconnect(): void {
    this.connected = false;
    this.endpoint?.close();
    this.endpoint = null;
  }

  /** The startup process starts it anew when it ends (WaitForWALToBecomeAvailable). */
  *run(): Process {
    const { server } = this.instance;
    const { context, settings, host, wal } = server;
    const { sim } = context;
    let failedAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      const endpoint = this.endpoint ?? (yield* this.connect());
      if (endpoint) this.beginStreaming(endpoint);
      while (endpoint && this.readAll(endpoint) !== 'ended') {
        if (wal.written > wal.flushed.value) {
          yield host.cpu.serve(server.costs.walReceiver);
          const upTo = this.written(endpoint);
          if (settings.fsync) yield host.disk.fsync();
          this.flushed(endpoint, upTo);
        } else if (!this.attendTimers(endpoint)) break;
        else yield this.inbox.receive(this.nextTimer());
      }
      this.disconnect();
      yield* this.instance.flushReceived();
      yield sim.holdUntil(failedAt + settings.wal_retrieve_retry_interval);
      failedAt = sim.now;
    }
  }

  /** Begins as if it had been streaming for long: at the start of a run. */
  beginConnected(endpoint: Endpoint<ReplicationMessage>): void {
    this.endpoint = endpoint;
  }

  makeEndpoint(): Endpoint<ReplicationMessage> {
    const { server } = this.instance;
    return new Endpoint(server.host, this.inbox, server.options);
  }

  private *connect() {
    const { server } = this.instance;
    const endpoint = this.makeEndpoint();
    const { upstream } = this;
    const listener = () => upstream.replicationListener(this.instance);
    const { network } = server.context;
    const result = yield* connect(network, endpoint, upstream.server.host, listener);
    if (typeof result === 'string') return null;
    this.endpoint = endpoint;
    const { insertLsn: from, branch } = server.wal;
    endpoint.send({ type: 'start replication', from, branch }, REPLY_BYTES);
    return endpoint;
  }

  private beginStreaming(endpoint: Endpoint<ReplicationMessage>): void {
    this.heardAt = this.repliedAt = this.instance.server.context.sim.now;
    this.connected = true;
    this.pingSent = false;
    this.feedback.restart();
    this.reply(endpoint, false);
    this.report(endpoint);
  }

  /** Replies that are due; false if the upstream has been silent for too long. */
  private attendTimers(endpoint: Endpoint<ReplicationMessage>): boolean {
    const { now } = this.instance.server.context.sim;
    if (this.replyRequested || now >= this.repliedAt + this.statusInterval) {
      this.reply(endpoint, this.replyRequested);
    }
    this.report(endpoint);
    if (now < this.deadline()) return true;
    if (this.pingSent) return false;
    this.pingSent = true;
    this.reply(endpoint, true, true);
    return true;
  }

  private nextTimer(): Nanoseconds {
    const replyAt = this.repliedAt + this.statusInterval;
    return Math.min(this.deadline(), replyAt, this.feedback.dueAt);
  }

  private readAll(endpoint: Endpoint<ReplicationMessage>): 'ended' | 'read' {
    for (let packet = this.inbox.take(); packet; packet = this.inbox.take()) {
      if (packet.endpoint !== endpoint) continue;
      if (packet.ending) return 'ended';
      this.heardAt = this.instance.server.context.sim.now;
      this.pingSent = false;
      const message = packet.message!;
      if (message.type === 'wal') {
        if (!this.write(message)) return 'ended';
      } else if (message.type === 'keepalive') this.replyRequested ||= message.replyRequested;
      else if (message.type === 'refused') {
        this.lastError = message.reason;
        return 'ended';
      }
    }
    return 'read';
  }

  /** False if there is no room on the disk for another segment: the process ends (ERROR). */
  private write(message: WalData): boolean {
    const { wal } = this.instance.server;
    if (!wal.receive(message.end)) {
      this.lastError = 'could not write to file "pg_wal/xlogtemp": No space left on device';
      return false;
    }
    wal.branch = message.branch;
    if (message.applyFeedbackLsn > wal.applyFeedbackLsn) {
      wal.applyFeedbackLsn = message.applyFeedbackLsn;
    }
    if (message.checkpoint) this.instance.checkpointReceived(message.checkpoint);
    return true;
  }

  /** Everything received is with the operating system: the first reply. */
  private written(endpoint: Endpoint<ReplicationMessage>): Lsn {
    const { wal, context, index } = this.instance.server;
    context.events.standbyWritten.emit(index, wal.written);
    this.reply(endpoint, this.replyRequested);
    return wal.written;
  }

  /** It is on disk: the startup process may replay it; the second reply. */
  private flushed(endpoint: Endpoint<ReplicationMessage>, upTo: Lsn): void {
    const { server } = this.instance;
    this.instance.replay.receipt.flushes(server.wal.flushed.value);
    server.wal.flushed.advance(upTo);
    server.context.events.standbyFlushed.emit(server.index, upTo);
    server.onWalFlush();
    this.reply(endpoint, this.replyRequested);
    this.report(endpoint);
  }

  /** What queries here may still see, if it is time to say so. */
  private report(endpoint: Endpoint<ReplicationMessage>): void {
    const xmin = this.feedback.next();
    if (xmin !== null) endpoint.send({ type: 'feedback', xmin }, FEEDBACK_BYTES);
  }

  /** XLogWalRcvSendReply: without a status interval only what is asked for is answered. */
  private reply(endpoint: Endpoint<ReplicationMessage>, forced: boolean, ping = false): void {
    const { server, replay } = this.instance;
    if (!forced && server.settings.wal_receiver_status_interval <= 0) return;
    this.replyRequested = false;
    this.repliedAt = server.context.sim.now;
    const { written: write, flushed } = server.wal;
    const { value: flush } = flushed;
    const { value: apply } = replay.position;
    endpoint.send({ type: 'reply', write, flush, apply, replyRequested: ping }, REPLY_BYTES);
  }

  private get statusInterval(): Nanoseconds {
    return this.instance.server.settings.wal_receiver_status_interval || Number.POSITIVE_INFINITY;
  }

  private deadline(): Nanoseconds {
    const timeout = this.instance.server.settings.wal_receiver_timeout;
    if (timeout <= 0) return Number.POSITIVE_INFINITY;
    return this.heardAt + (this.pingSent ? timeout : timeout / 2);
  }
}
