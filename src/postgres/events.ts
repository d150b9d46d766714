import type { Topic, Trace } from '../kernel/index.ts';

/** What servers let the world observe. `server` is a server's index, `branch` a branch's. */
export class PostgresEvents {
  /** The server has come into a state (an index of SERVER_STATES). */
  readonly state: Topic<[server: number, state: number]>;
  /** A client backend started or ended; so many there are now. */
  readonly connections: Topic<[server: number, count: number]>;
  /** Memory of its host that the server has: shared buffers and all backends. In bytes. */
  readonly memory: Topic<[server: number, bytes: number]>;
  /** A commit record has been inserted: from here on the transaction survives if its WAL does. */
  readonly committed: Topic<[server: number, branch: number, lsn: number]>;
  /** The WAL is on the server's disk up to here. */
  readonly flushed: Topic<[server: number, lsn: number]>;
  /** A server has begun a timeline of its own. */
  readonly promoted: Topic<[server: number, branch: number, forkLsn: number]>;
  /** A standby's positions: handed to its network card, written, flushed there, replayed. */
  readonly sent: Topic<[standby: number, lsn: number]>;
  readonly standbyWritten: Topic<[standby: number, lsn: number]>;
  readonly standbyFlushed: Topic<[standby: number, lsn: number]>;
  readonly replayed: Topic<[standby: number, lsn: number]>;
  /** Lags as the primary computes them, in nanoseconds. */
  readonly lag: Topic<[standby: number, write: number, flush: number, replay: number]>;
  /** A checkpoint has moved the redo pointer; `requested` is 0 for one by time. */
  readonly checkpoint: Topic<[server: number, redoLsn: number, requested: number]>;
  /** It has written so many pages out of shared buffers, and begins with its fsyncs. */
  readonly checkpointWritten: Topic<[server: number, buffers: number]>;
  /** It is over; times in nanoseconds, those of both phases. A restartpoint is one too. */
  readonly checkpointCompleted: Topic<
    [server: number, buffers: number, writeTime: number, syncTime: number]
  >;
  /** What pg_wal takes on the disk, and how much of it waits to be archived, in bytes. */
  readonly walFiles: Topic<[server: number, bytes: number, backlog: number]>;
  /** A query of a standby was ended for replay's sake (an index of CONFLICT_REASONS). */
  readonly recoveryConflict: Topic<[server: number, reason: number]>;
  /** A process has met what it cannot go on from, and the server crashes. */
  readonly panic: Topic<[server: number]>;
  /** The kernel has killed a backend that had so many bytes, and so the server crashes. */
  readonly oomKill: Topic<[server: number, bytes: number]>;

  /** A vacuum of a table begins; `forced` is 1 for one against wraparound. */
  readonly vacuumBegan: Topic<[server: number, table: number, forced: number]>;
  /** A vacuum is over; `done` is 0 if it was cancelled. */
  readonly vacuumEnded: Topic<[server: number, table: number, done: number, removed: number]>;
  /** A worker of autovacuum started or ended; so many there are now. */
  readonly autovacuumWorkers: Topic<[server: number, count: number]>;

  constructor(trace: Trace) {
    this.state = trace.topic('server.state', ['server', 'state']);
    this.connections = trace.topic('server.connections', ['server', 'count']);
    this.memory = trace.topic('server.memory', ['server', 'bytes']);
    this.committed = trace.topic('txn.committed', ['server', 'branch', 'lsn']);
    this.flushed = trace.topic('wal.flushed', ['server', 'lsn']);
    this.promoted = trace.topic('server.promoted', ['server', 'branch', 'forkLsn']);
    this.sent = trace.topic('replication.sent', ['standby', 'lsn']);
    this.standbyWritten = trace.topic('replication.written', ['standby', 'lsn']);
    this.standbyFlushed = trace.topic('replication.flushed', ['standby', 'lsn']);
    this.replayed = trace.topic('replication.replayed', ['standby', 'lsn']);
    this.lag = trace.topic('replication.lag', ['standby', 'write', 'flush', 'replay']);
    this.walFiles = trace.topic('wal.files', ['server', 'bytes', 'backlog']);
    this.vacuumBegan = trace.topic('vacuum.began', ['server', 'table', 'forced']);
    this.vacuumEnded = trace.topic('vacuum.ended', ['server', 'table', 'done', 'removed']);
    this.autovacuumWorkers = trace.topic('autovacuum.workers', ['server', 'count']);
    this.recoveryConflict = trace.topic('standby.conflict', ['server', 'reason']);
    this.panic = trace.topic('server.panic', ['server']);
    this.oomKill = trace.topic('server.oom_kill', ['server', 'bytes']);
    this.checkpoint = trace.topic('server.checkpoint', ['server', 'redoLsn', 'requested']);
    this.checkpointWritten = trace.topic('server.checkpoint_written', ['server', 'buffers']);
    const completed = ['server', 'buffers', 'writeTime', 'syncTime'];
    this.checkpointCompleted = trace.topic('server.checkpoint_completed', completed);
  }
}

/** In `shut down` and `crashed` there is no postmaster. */
export const SERVER_STATES = [
  'shut down',
  'crashed',
  'starting',
  'primary',
  'hot standby',
  'shutting down',
] as const;

export type ServerState = (typeof SERVER_STATES)[number];
