import type { Nanoseconds } from '../../kernel/time.ts';
import { SERVER_STATES } from '../../postgres/events.ts';
import { formatLsn, type Lsn } from '../../postgres/lsn.ts';
import type { Observed, ObservedInstance } from '../observed.ts';
import { Breaches, type Law } from './law.ts';

const STARTING = SERVER_STATES.indexOf('starting');
const PRIMARY = SERVER_STATES.indexOf('primary');

/**
 * WAL is inserted before it is written, written before it is flushed, flushed before it is sent,
 * sent before a standby receives it, and there written, flushed and replayed in this order; and
 * what a running server has flushed stays flushed. Checked at each event.
 *
 * A start of a server and a promotion are where positions may go back. What a standby is sent is
 * held against the flushed WAL of the server whose walsender sent it, which need not be the one
 * that the standby follows by now.
 */
export class ReplicationOrder implements Law {
  private readonly run: Observed;
  private readonly breaches = new Breaches();
  /** By server: the end of its own flushes since it started. */
  private readonly flushed: Float64Array;
  /** By standby: the furthest that it was sent, and wrote, since it started. */
  private readonly sent: Float64Array;
  private readonly written: Float64Array;

  constructor(run: Observed) {
    this.run = run;
    const { postgres, instances } = run;
    this.flushed = Float64Array.from(instances, ({ server }) => server.wal.flushed.value);
    this.sent = Float64Array.from(instances, ({ server }) => server.wal.insertLsn);
    this.written = Float64Array.from(instances, ({ server }) => server.wal.written);
    postgres.state.observe((_, server, state) => {
      if (state === STARTING || state === PRIMARY) this.begin(server);
    });
    postgres.flushed.observe((at, server, lsn) => this.checkFlush(at, server, lsn));
    postgres.sent.observe((at, standby, lsn) => this.checkSent(at, standby, lsn));
    postgres.standbyWritten.observe((at, standby, lsn) => this.checkWritten(at, standby, lsn));
    postgres.standbyFlushed.observe((at, standby, lsn) => {
      this.inOrder(at, standby, 'flushed', lsn, 'written', this.written[standby]!);
    });
    postgres.replayed.observe((at, standby, lsn) => {
      const { flushed } = instances[standby]!.server.wal;
      this.inOrder(at, standby, 'replayed', lsn, 'flushed', flushed.value);
    });
  }

  broken(): string[] {
    return this.breaches.sentences();
  }

  private begin(index: number): void {
    const { wal } = this.run.instances[index]!.server;
    this.flushed[index] = wal.flushed.value;
    this.sent[index] = wal.insertLsn;
    this.written[index] = wal.written;
  }

  private checkFlush(at: Nanoseconds, index: number, lsn: Lsn): void {
    const { wal } = this.run.instances[index]!.server;
    this.inOrder(at, index, 'flushed', lsn, 'written', wal.written);
    this.inOrder(at, index, 'written', wal.written, 'inserted', wal.insertLsn);
    this.inOrder(at, index, 'flushed before', this.flushed[index]!, 'flushed', lsn);
    this.flushed[index] = lsn;
  }

  private checkSent(at: Nanoseconds, standby: number, lsn: Lsn): void {
    if (lsn > this.sent[standby]!) this.sent[standby] = lsn;
    const upstream = this.senderOf(standby, lsn);
    const flushed = upstream ? upstream.server.wal.flushed.value : -1;
    this.inOrder(at, standby, 'sent', lsn, 'flushed by its upstream', flushed);
  }

  private checkWritten(at: Nanoseconds, standby: number, lsn: Lsn): void {
    this.inOrder(at, standby, 'written', lsn, 'sent', this.sent[standby]!);
    this.written[standby] = lsn;
  }

  /** The server one of whose walsenders has just sent so much to the standby. */
  private senderOf(standby: number, lsn: Lsn): ObservedInstance | null {
    for (const instance of this.run.instances) {
      for (const sender of instance.senders) {
        if (sender.standby === standby && sender.sent === lsn) return instance;
      }
    }
    return null;
  }

  private inOrder(
    at: Nanoseconds,
    server: number,
    what: string,
    lsn: Lsn,
    before: string,
    limit: Lsn,
  ): void {
    if (lsn <= limit) return;
    const { name } = this.run.instances[server]!.server;
    this.breaches.add(at, `${server} ${what}`, () => {
      const end = limit < 0 ? 'by nobody' : `${formatLsn(limit)} ${before}`;
      return `order of WAL on ${name}: ${formatLsn(lsn)} ${what}, but ${end}`;
    });
  }
}
