/**
 * A backend: the process that serves one client connection, from its fork to its exit. It reads a
 * statement, takes the processor for it, locks the rows that it changes, inserts WAL, answers, and
 * commits in Postgres's order (`commit` below; xact.c:CommitTransaction).
 *
 * Kept: authentication's round trips, errors and aborted transactions, read-only standbys, what
 * termination does at each point, wait events. Left out until tables have pages: buffers, snapshots
 * and their cost; a statement touches one row and all its pages are cached.
 */
import type { Endpoint, Packet } from '../hardware/tcp.ts';
import {
  Interrupt,
  type Mailbox,
  type Nanoseconds,
  type Process,
  type ProcessId,
} from '../kernel/index.ts';
import { type LockOwner, type RowLock, rowId } from './locks.ts';
import type { Lsn } from './lsn.ts';
import { BackendMemory } from './memory.ts';
import type { ProcSession } from './procarray/session.ts';
import type { Server } from './server.ts';
import {
  ERRORS,
  type ErrorResponse,
  RESULT_BYTES,
  type Statement,
  type WireMessage,
} from './statement.ts';
import {
  CLIENT_READ,
  CPU,
  SYNC_REP,
  TRANSACTION_ID,
  WAL_SYNC,
  WAL_WRITE_LOCK,
  type WaitState,
} from './waits.ts';

const COMPLETE: WireMessage = { type: 'complete' };
const AUTHENTICATION_REQUEST: WireMessage = { type: 'authentication request' };

/** Whether it looks at tables (postgres.c: analyze_requires_snapshot, PortalStart). */
function takesSnapshot({ verb }: Statement): boolean {
  return verb === 'select' || verb === 'update' || verb === 'insert';
}

export class Backend implements LockOwner {
  readonly held: RowLock[] = [];
  readonly wait: WaitState;
  readonly proc: ProcSession;
  readonly memory: BackendMemory;
  process: ProcessId = -1;
  /** It has changed something, so its end is a commit record and a place in the running set. */
  private hasXid = false;
  private inTransaction = false;
  private aborted = false;
  /** In a row's queue: commit_siblings does not count those (procarray.c:MinimumActiveBackends). */
  private queued = false;
  /** Between the commit record and its flush nothing may interrupt (START_CRIT_SECTION). */
  private critical = false;
  private terminating = false;
  /** The end of its commit record. */
  private commitLsn: Lsn = 0;
  /** The answer to the statement that is being executed. */
  private answer: WireMessage = COMPLETE;
  private started = false;
  private hasQueried = false;
  /** When the last statement ended, and when the transaction began; -1: not idle, none. */
  private idleSince: Nanoseconds = -1;
  private idleUntil: Nanoseconds = -1;
  private began: Nanoseconds = -1;
  private readonly server: Server;
  readonly endpoint: Endpoint<WireMessage>;
  private readonly inbox: Mailbox<Packet<WireMessage>>;

  constructor(server: Server, endpoint: Endpoint<WireMessage>) {
    this.server = server;
    this.endpoint = endpoint;
    this.inbox = endpoint.inbox;
    this.wait = server.waits.enter(CPU);
    this.proc = server.procArray.session(this.wait);
    this.memory = new BackendMemory(server.memory, () => server.backendKilled(this));
  }

  *run(): Process {
    const { host, group, costs } = this.server;
    this.started = true;
    try {
      yield host.cpu.serve(costs.backendStart, group);
      yield* this.proc.connect();
      if (!(yield* this.authenticate())) return;
      for (;;) {
        const packet = this.inbox.take();
        if (packet === undefined) {
          if (this.outstayed()) return;
          this.wait.now(CLIENT_READ);
          yield this.inbox.receive(this.idleUntil);
          this.wait.now(CPU);
        } else if (packet.ending || packet.message!.type === 'terminate') return;
        else {
          const statement = packet.message as Statement;
          this.idleSince = -1;
          const snapshot = takesSnapshot(statement) ? this.beginQuery() : 0;
          yield host.cpu.serve(this.costOf(statement) + snapshot, group);
          if (this.proc.mustWait()) yield* this.proc.waitForLock();
          const step = this.execute(statement);
          if (step === 'row lock') yield* this.waitForRow(statement);
          else if (step === 'commit') {
            if (this.flushes(statement)) yield;
            const waits = this.replicates();
            if (waits) yield;
            this.committed(statement, waits);
            if (this.proc.endsLater()) yield* this.leaveRunning();
            this.endTransaction();
          } else if (this.server.wal.mustWait()) yield* this.makeRoom();
          if (this.proc.entry.executing) this.proc.endStatement(this.inTransaction);
          this.endpoint.send(this.answer, RESULT_BYTES);
        }
      }
    } catch (thrown) {
      if (!(thrown instanceof Interrupt)) throw thrown;
      this.endpoint.send(ERRORS.adminShutdown, RESULT_BYTES);
    } finally {
      this.exit();
      yield host.cpu.serve(costs.backendExit, group);
    }
  }

  /** Nothing may interrupt an insertion either. */
  private *makeRoom() {
    this.critical = true;
    yield* this.server.wal.makeRoom(this.wait);
    this.critical = false;
    if (this.terminating) throw new Interrupt('shutdown');
  }

  /** There is no process for it: the client is told why. */
  refuse(error: ErrorResponse): void {
    this.endpoint.send(error, RESULT_BYTES);
    this.exit();
  }

  /** SIGTERM: the session ends at the next point where Postgres checks for interrupts. */
  terminate(): void {
    const { sim } = this.server.context;
    this.terminating = true;
    if (!this.started) {
      sim.kill(this.process);
      this.exit();
    } else if (!this.critical) sim.interrupt(this.process, new Interrupt('shutdown'));
  }

  /** The startup packet, then SCRAM-SHA-256's two exchanges: three round trips in all. */
  private *authenticate() {
    for (let exchange = 0; exchange < 3; exchange++) {
      let packet = this.inbox.take();
      while (packet === undefined) {
        this.wait.now(CLIENT_READ);
        yield this.inbox.receive();
        packet = this.inbox.take();
      }
      this.wait.now(CPU);
      if (packet.ending) return false;
      if (exchange < 2) this.endpoint.send(AUTHENTICATION_REQUEST, RESULT_BYTES);
    }
    const inHotStandby = this.server.inRecovery;
    this.endpoint.send({ type: 'ready', inHotStandby }, RESULT_BYTES);
    return true;
  }

  /** Whether the client has kept the session waiting for too long: it is told, and that is it. */
  private outstayed(): boolean {
    const { timeouts, context } = this.server;
    const { now } = context.sim;
    if (this.idleSince < 0) this.idleSince = now;
    this.idleUntil = timeouts.deadline(this.idleSince, this.began);
    if (now < this.idleUntil) return false;
    this.endpoint.send(timeouts.expired(now, this.idleSince, this.began), RESULT_BYTES);
    return true;
  }

  /** What a query costs before it does anything: its snapshot, and the first one its caches. */
  private beginQuery(): Nanoseconds {
    const snapshot = this.proc.beginStatement();
    if (this.hasQueried) return snapshot;
    this.hasQueried = true;
    return snapshot + this.server.costs.firstQuery;
  }

  private costOf({ verb, prepared }: Statement): Nanoseconds {
    const { costs } = this.server;
    const cost = costs.statement(verb, prepared);
    return verb === 'commit' && this.hasXid && !this.aborted ? cost + costs.commit : cost;
  }

  /** Does what takes no time beyond the processor's, and says what has to be waited for. */
  private execute(statement: Statement): 'done' | 'row lock' | 'commit' {
    const error = this.refusal(statement);
    this.answer = error ?? COMPLETE;
    if (error) {
      this.aborted = this.inTransaction;
      this.proc.abort();
      return 'done';
    }
    switch (statement.verb) {
      case 'begin':
        this.inTransaction = true;
        this.began = this.server.context.sim.now;
        return 'done';
      case 'commit':
        if (this.hasXid && !this.aborted) return 'commit';
        this.endTransaction();
        return 'done';
      case 'rollback':
        this.endTransaction();
        return 'done';
      case 'select':
        return 'done';
      default:
        return this.modify(statement);
    }
  }

  private refusal(statement: Statement): ErrorResponse | null {
    const { verb } = statement;
    if (verb === 'commit' || verb === 'rollback') return null;
    if (this.aborted) return ERRORS.aborted;
    if (this.memory.query() === 'refused') return ERRORS.outOfMemory;
    const writes = verb === 'insert' || verb === 'update';
    return writes && this.server.inRecovery ? ERRORS.readOnly : null;
  }

  /** One row is changed: its lock first, then the record. */
  private modify(statement: Statement): 'done' | 'row lock' {
    const { server } = this;
    const relation = statement.relation!;
    if (!this.hasXid) {
      this.hasXid = true;
      this.proc.assignXid();
      server.activeTransactions++;
    }
    if (statement.verb === 'insert') server.wal.insert(relation.insertBytes);
    else if (server.locks.taken(rowId(relation.index, statement.key), this)) return 'row lock';
    else server.wal.insert(relation.updateBytes);
    return 'done';
  }

  private *waitForRow(statement: Statement) {
    const { server } = this;
    this.wait.now(TRANSACTION_ID);
    this.queued = true;
    server.activeTransactions--;
    yield;
    this.queued = false;
    server.activeTransactions++;
    this.wait.now(CPU);
    yield server.host.cpu.serve(server.costs.recheck);
    server.wal.insert(statement.relation!.updateBytes);
  }

  /**
   * COMMIT, part one: the commit record and its flush. Then come the wait for synchronous standbys
   * and only then the end of the transaction for everybody else: out of the running set, row locks
   * released. True: the process has to yield.
   */
  private flushes(statement: Statement): boolean {
    const { server, wait } = this;
    const level = server.settings.synchronous_commit;
    this.critical = true;
    const lsn = server.wal.insertCommit();
    if (level === 'remote_apply') server.wal.applyFeedbackLsn = lsn;
    this.commitLsn = lsn;
    if (statement.commit) {
      statement.commit.branch = server.wal.branch;
      statement.commit.lsn = lsn;
    }
    server.context.events.committed.emit(server.index, server.wal.branch.index, lsn);
    if (level === 'off') {
      server.wal.commitAsynchronously(lsn);
      return false;
    }
    wait.now(server.wal.requestFlush(lsn) ? WAL_SYNC : WAL_WRITE_LOCK);
    return server.wal.flushed.below(lsn);
  }

  /** Part two: standbys that have to confirm. True: the process has to yield. */
  private replicates(): boolean {
    const { server } = this;
    this.critical = false;
    if (this.terminating) throw new Interrupt('shutdown');
    this.wait.now(SYNC_REP);
    return server.synchronousReplication.below(server.settings.synchronous_commit, this.commitLsn);
  }

  /** Part three: everybody may see it. A wait that was cancelled leaves it unreplicated. */
  private committed({ commit }: Statement, hasWaited: boolean): void {
    const { settings, synchronousReplication } = this.server;
    if (hasWaited && commit) {
      const level = settings.synchronous_commit;
      commit.unreplicated = !synchronousReplication.reached(level, commit.lsn);
    }
    this.wait.now(CPU);
  }

  /** ProcArrayLock is taken: the wait for it is not interrupted. */
  private *leaveRunning() {
    this.critical = true;
    yield* this.proc.waitToEnd();
    this.critical = false;
    if (this.terminating) throw new Interrupt('shutdown');
  }

  private endTransaction(): void {
    this.proc.abort();
    if (this.hasXid) {
      if (!this.queued) this.server.activeTransactions--;
      this.server.locks.releaseAll(this);
    }
    this.hasXid = this.inTransaction = this.aborted = this.queued = false;
    this.began = -1;
  }

  private exit(): void {
    this.endTransaction();
    this.proc.disconnect();
    this.memory.end();
    this.endpoint.close();
    this.wait.settle();
    this.server.backendExited(this);
  }
}
