/**
 * The startup process of a standby: it replays WAL in order, one record after the other, on one
 * core (xlogrecovery.c). It reads only what the walreceiver has flushed.
 *
 * Kept: replay costs CPU time by the byte; pages, conflicts with queries and delays (`redo.ts`); a
 * commit whose replay is waited for is reported at once; once everything is replayed the upstream
 * is told; the checkpointer learns of checkpoint records that were replayed, for its restartpoints.
 */
import { type Process, Watermark } from '../kernel/index.ts';
import type { CheckpointRecord } from '../postgres/checkpoint/checkpointer.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { Instance } from './instance.ts';
import { MAX_SEND_BYTES } from './messages.ts';
import { Receipt, type ReceivingStandby } from './receipt.ts';
import { Redo } from './redo.ts';

export class Replay {
  /** pg_last_wal_replay_lsn() */
  position: Watermark;
  /** The last checkpoint record received, at which the next restartpoint may be. */
  checkpoint: CheckpointRecord | null = null;
  readonly receipt: Receipt;
  /** Null on a server that has never been a standby, nor had one. */
  redo: Redo | null = null;
  private readonly instance: Instance;
  private feedbackReported: Lsn = 0;

  constructor(instance: Instance, position: Lsn) {
    this.instance = instance;
    this.position = new Watermark(instance.server.context.sim, position);
    this.receipt = new Receipt(receivingStandby(instance), position);
  }

  /** It is a standby or may become one: it follows what its history's WAL does from now on. */
  prepare(): Redo {
    this.redo ??= new Redo(this.instance.server, this.receipt);
    return this.redo;
  }

  /** A start of the server: redo has reached this position. */
  beginAt(position: Lsn): void {
    this.position = new Watermark(this.instance.server.context.sim, position);
    this.receipt.restart(position);
    this.feedbackReported = position;
    this.checkpoint = null;
  }

  *run(): Process {
    const { server } = this.instance;
    const redo = this.prepare();
    server.procArray.array.learnFrom(server.storage.database.nextXid);
    redo.beginAt(this.position.value);
    server.backgroundWriter.start();
    for (;;) {
      const flushed = server.wal.flushed.value;
      if (this.position.value >= flushed) {
        this.instance.receiver?.requestReply();
        if (server.wal.flushed.below(flushed + 1)) yield;
      } else {
        this.receipt.look(this.position.value);
        const to = Math.min(flushed, this.position.value + MAX_SEND_BYTES);
        const bytes = to - this.position.value;
        const cost = server.costs.redoWake + server.costs.redo(bytes);
        yield server.host.cpu.serve(cost, server.group);
        while (!redo.apply(to)) {
          if (redo.before > this.position.value) this.reach(redo.before);
          yield* redo.clear(flushed);
        }
        this.reach(to);
      }
    }
  }

  private reach(lsn: Lsn): void {
    const { server, receiver } = this.instance;
    this.position.advance(lsn);
    server.context.events.replayed.emit(server.index, lsn);
    const { applyFeedbackLsn } = server.wal;
    if (applyFeedbackLsn > this.feedbackReported && applyFeedbackLsn <= lsn) {
      this.feedbackReported = applyFeedbackLsn;
      receiver?.requestReply();
    }
    server.checkpointer.replayed(lsn, this.checkpoint);
  }
}

function receivingStandby(instance: Instance): ReceivingStandby {
  const { server } = instance;
  return {
    clock: server.context.sim,
    settings: server.settings,
    get flushed() {
      return server.wal.flushed.value;
    },
    get isStreaming() {
      return instance.receiver?.connected === true;
    },
  };
}
