import type { Topic, Trace } from '../kernel/index.ts';

/** What clients let the world observe. A session is numbered over all groups. */
export class WorkloadEvents {
  /** A transaction wants to run: in an open loop its arrival, else its start. */
  readonly invoked: Topic<[session: number, transaction: number]>;
  /** A session has taken the oldest arrival of its open loop, which has waited so long. */
  readonly began: Topic<[session: number, transaction: number, waited: number]>;
  /** It has been answered; latency since the arrival, service since its start. */
  readonly acknowledged: Topic<
    [session: number, transaction: number, latency: number, service: number]
  >;
  /** It has failed, with an error of the server or of the connection (index of FAILURES). */
  readonly failed: Topic<[session: number, transaction: number, failure: number]>;
  /** It has failed with an error after which it is tried once more. */
  readonly retried: Topic<[session: number, transaction: number]>;
  /** The connection broke between COMMIT and its answer: nobody knows. */
  readonly unknown: Topic<[session: number, transaction: number]>;
  /** What its statements on tables of the user's own have used of their server. */
  readonly used: Topic<[transaction: number, hits: number, reads: number, partitions: number]>;
  /** How long its statements took to plan and to execute. */
  readonly timed: Topic<[transaction: number, planning: number, execution: number]>;
  /** The commit behind an acknowledged transaction that wrote. */
  readonly commitAcknowledged: Topic<
    [session: number, branch: number, lsn: number, unreplicated: number]
  >;
  /** The commit behind an unknown one; branch -1: the server never inserted its record. */
  readonly commitUnknown: Topic<[session: number, branch: number, lsn: number]>;
  /** A session has a connection to a server again, or an attempt failed. */
  readonly connected: Topic<[session: number]>;
  readonly connectionFailed: Topic<[session: number, failure: number]>;
  /** An arrival waits because no session is free. */
  readonly queued: Topic<[group: number, waiting: number]>;

  constructor(trace: Trace) {
    this.invoked = trace.topic('txn.invoked', ['session', 'transaction']);
    this.began = trace.topic('txn.began', ['session', 'transaction', 'waited']);
    this.acknowledged = trace.topic('txn.acknowledged', [
      'session',
      'transaction',
      'latency',
      'service',
    ]);
    this.used = trace.topic('txn.used', ['transaction', 'hits', 'reads', 'partitions']);
    this.timed = trace.topic('txn.timed', ['transaction', 'planning', 'execution']);
    this.failed = trace.topic('txn.failed', ['session', 'transaction', 'failure']);
    this.retried = trace.topic('txn.retried', ['session', 'transaction']);
    this.unknown = trace.topic('txn.unknown', ['session', 'transaction']);
    this.commitAcknowledged = trace.topic('commit.acknowledged', [
      'session',
      'branch',
      'lsn',
      'unreplicated',
    ]);
    this.commitUnknown = trace.topic('commit.unknown', ['session', 'branch', 'lsn']);
    this.connected = trace.topic('session.connected', ['session']);
    this.connectionFailed = trace.topic('session.connection_failed', ['session', 'failure']);
    this.queued = trace.topic('session.queued', ['group', 'waiting']);
  }
}

/** SQLSTATEs, and what a driver reports under 08 where the server said nothing. */
export const FAILURES = [
  '25006',
  '25P02',
  '53300',
  '57P01',
  '57P03',
  '08001 refused',
  '08001 timed out',
  '08001 no suitable host',
  '08006 closed',
  '08006 reset',
  '08006 timed out',
  '22000 script',
  '23505',
  '25001',
  '25P03',
  '25P04',
  '40001',
  '40P01',
  '53200',
  '55P03',
  '57P05',
  '53100',
  '54000',
  '57014',
  '25P01',
  '3B001',
  '23514',
  '42P01',
  '42809',
  '55000',
  '23503',
  '2BP01',
  '42P07',
  '53400',
] as const;

export type Failure = (typeof FAILURES)[number];

export function failureIndex(failure: string): number {
  const index = (FAILURES as readonly string[]).indexOf(failure);
  if (index < 0) throw new Error(`no failure is called ${failure}`);
  return index;
}
