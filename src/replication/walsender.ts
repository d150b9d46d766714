/**
 * A walsender: the process on the upstream that streams WAL to one standby (walsender.c).
 *
 * Kept: only flushed WAL is sent; the flusher wakes it; pieces of at most 128 kB; the state
 * `catchup` until it has once sent everything; a keepalive that asks for a reply after half of
 * wal_sender_timeout in silence, the end after the whole; lag as pg_stat_replication shows it; at
 * shutdown it stays until the standby has flushed everything (WalSndDone); the error for WAL that
 * a checkpoint has removed, after which the standby asks again and again, in vain.
 * Left out: reading old segments from disk, which costs what sending from the cache does; the
 * socket's buffer, so what stands in it counts as not sent; lag times stay shown
 * until new ones come.
 */
import type { Endpoint, Packet } from '../hardware/tcp.ts';
import type { Mailbox, Nanoseconds, Process } from '../kernel/index.ts';
import { type Lsn, WAL_PAGE_BYTES, walFileName } from '../postgres/lsn.ts';
import type { Xid } from '../postgres/procarray/ordered-xids.ts';
import type { Server } from '../postgres/server.ts';
import { contains } from '../postgres/timeline.ts';
import { segmentOf } from '../postgres/wal/retention.ts';
import { LagTracker } from './lag.ts';
import {
  MAX_SEND_BYTES,
  type ReplicationMessage,
  type Reply,
  WAL_HEADER_BYTES,
} from './messages.ts';
import type { Candidate } from './sync-rep.ts';

/** What the walsender tells its server about. */
export interface WalSenderOwner {
  readonly server: Server;
  /** Of its standby WAL is on disk up to here. */
  flushedThere(sender: WalSender, lsn: Lsn): void;
  replied(sender: WalSender): void;
  /** What queries of its standby may still see. */
  feedback(sender: WalSender, xmin: Xid): void;
  senderEnded(sender: WalSender): void;
}

export class WalSender implements Candidate {
  readonly applicationName: string;
  /** The standby's index, for events. */
  readonly standby: number;
  streaming = false;
  sent: Lsn = 0;
  write: Lsn = 0;
  flush: Lsn = 0;
  apply: Lsn = 0;
  readonly endpoint: Endpoint<ReplicationMessage>;
  private readonly owner: WalSenderOwner;
  private readonly inbox: Mailbox<Packet<ReplicationMessage>>;
  private readonly lag = new LagTracker();
  private lastReplyAt: Nanoseconds;
  private keepaliveSent = false;

  constructor(
    owner: WalSenderOwner,
    endpoint: Endpoint<ReplicationMessage>,
    applicationName: string,
    standby: number,
  ) {
    this.owner = owner;
    this.endpoint = endpoint;
    this.inbox = endpoint.inbox;
    this.applicationName = applicationName;
    this.standby = standby;
    this.lastReplyAt = owner.server.context.sim.now;
  }

  /** There is new WAL, or something else to look at. */
  nudge(): void {
    this.inbox.nudge();
  }

  *run(): Process {
    const { server } = this.owner;
    const { sim } = server.context;
    for (;;) {
      const packet = this.inbox.take();
      if (packet) {
        if (packet.ending) break;
        if (!this.hear(packet.message!)) break;
      } else if (sim.now >= this.deadline() && !this.keepAlive()) break;
      else if (this.sent > 0 && this.sent < server.wal.flushed.value) {
        const room = this.endpoint.roomAt;
        if (room > sim.now) {
          yield this.inbox.receive(Math.min(room, this.deadline()));
          continue;
        }
        yield server.host.cpu.serve(server.costs.walSender);
        if (!this.send()) break;
      } else yield this.inbox.receive(this.deadline());
    }
    this.endpoint.close();
    this.owner.senderEnded(this);
  }

  /** False if the conversation is over. */
  private hear(message: ReplicationMessage): boolean {
    const { server } = this.owner;
    this.lastReplyAt = server.context.sim.now;
    this.keepaliveSent = false;
    if (message.type === 'reply') {
      server.host.cpu.occupy(server.costs.walSenderReply);
      this.accept(message);
      if (message.replyRequested) this.sendKeepalive(false);
    } else if (message.type === 'feedback') this.owner.feedback(this, message.xmin);
    else if (message.type === 'start replication') {
      const { wal } = server;
      if (!contains(wal.branch, wal.flushed.value, message.branch, message.from)) {
        const reason = 'the requested starting point is not in this server’s history';
        this.endpoint.send({ type: 'refused', reason }, WAL_HEADER_BYTES);
        return false;
      }
      this.sent = message.from;
      this.owner.flushedThere(this, message.from);
      this.streaming = this.sent >= wal.flushed.value;
    }
    return true;
  }

  private accept(reply: Reply): void {
    const { sim, events } = this.owner.server.context;
    const { now } = sim;
    const write = this.lag.lagOf(0, reply.write, now);
    const flush = this.lag.lagOf(1, reply.flush, now);
    const apply = this.lag.lagOf(2, reply.apply, now);
    if (write !== null || flush !== null || apply !== null) {
      events.lag.emit(this.standby, write ?? -1, flush ?? -1, apply ?? -1);
    }
    this.write = reply.write;
    if (reply.flush > this.flush) this.owner.flushedThere(this, reply.flush);
    this.flush = reply.flush;
    this.apply = reply.apply;
    this.owner.replied(this);
  }

  /**
   * One message (XLogSendPhysical): all that is flushed, or as much as fits, at a page's end. False
   * if a checkpoint has removed the file in which it begins (xlog.c:CheckXLogRemoved).
   */
  private send(): boolean {
    const { wal, checkpointer, context } = this.owner.server;
    const segment = segmentOf(this.sent);
    if (segment < wal.segments.first) {
      const file = walFileName(wal.branch.timeline, segment);
      const reason = `requested WAL segment ${file} has already been removed`;
      this.endpoint.send({ type: 'refused', reason }, WAL_HEADER_BYTES);
      return false;
    }
    const flushed = wal.flushed.value;
    this.lag.note(flushed, context.sim.now);
    const { lastRecord: record } = checkpointer;
    let end = this.sent + MAX_SEND_BYTES;
    if (end >= flushed) end = flushed;
    else end -= end % WAL_PAGE_BYTES;
    const message: ReplicationMessage = {
      type: 'wal',
      end,
      branch: wal.branch,
      applyFeedbackLsn: Math.min(wal.applyFeedbackLsn, end),
      checkpoint: record !== null && record.lsn <= end ? record : null,
    };
    const bytes = end - this.sent + WAL_HEADER_BYTES;
    this.sent = end;
    this.endpoint.send(message, bytes);
    if (end === flushed) this.streaming = true;
    context.events.sent.emit(this.standby, end);
    return true;
  }

  private deadline(): Nanoseconds {
    const timeout = this.owner.server.settings.wal_sender_timeout;
    if (timeout <= 0) return Number.POSITIVE_INFINITY;
    return this.lastReplyAt + (this.keepaliveSent ? timeout : timeout / 2);
  }

  /** Asks the standby for a sign of life; false if it has been asked and has not answered. */
  private keepAlive(): boolean {
    if (this.keepaliveSent) return false;
    this.keepaliveSent = true;
    this.sendKeepalive(true);
    return true;
  }

  private sendKeepalive(replyRequested: boolean): void {
    this.endpoint.send({ type: 'keepalive', replyRequested }, WAL_HEADER_BYTES);
  }
}
