/**
 * A backend: the process that serves one client connection, from its fork to its exit. It reads a
 * statement, takes the processor for it, locks its table and the row that it changes, inserts WAL,
 * answers, and commits in Postgres's order (`commit` below; xact.c:CommitTransaction).
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
import { BACKEND_START_COST, COMMIT_COST, RECHECK_COST, statementCost } from './costs.ts';
import type { LockManager, LockRequest } from './locking/lock-manager.ts';
import { ACCESS_SHARE, FOR_NO_KEY_UPDATE, ROW_EXCLUSIVE } from './locking/lock-modes.ts';
import type { LockClient, LockKind, LockOwner } from './locking/lock-table.ts';
import { rowId } from './locking/row-locks.ts';
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
  LOCK_WAITS,
  SYNC_REP,
  WAL_SYNC,
  WAL_WRITE_LOCK,
  type WaitState,
} from './waits.ts';

const COMPLETE: WireMessage = { type: 'complete' };
const LOCK_ERRORS = {
  deadlock: ERRORS.deadlock,
  'lock timeout': ERRORS.lockTimeout,
  'out of shared memory': ERRORS.outOfSharedMemory,
} as const;
const AUTHENTICATION_REQUEST: WireMessage = { type: 'authentication request' };

export class Backend implements LockClient {
  readonly wait: WaitState;
  process: ProcessId = -1;
  /** It has changed something, so its end is a commit record and a place in the running set. */
  private hasXid = false;
  private inTransaction = false;
  private aborted = false;
  /** Between the commit record and its flush nothing may interrupt (START_CRIT_SECTION). */
  private critical = false;
  private terminating = false;
  /** The answer to the statement that is being executed. */
  private answer: WireMessage = COMPLETE;
  private started = false;
  private readonly locks: LockManager;
  private readonly owner: LockOwner;
  /** What the lock on the statement's table came to. */
  private request: LockRequest = 'granted';
  private readonly server: Server;
  readonly endpoint: Endpoint<WireMessage>;
  private readonly inbox: Mailbox<Packet<WireMessage>>;

  constructor(server: Server, endpoint: Endpoint<WireMessage>) {
    this.server = server;
    this.endpoint = endpoint;
    this.inbox = endpoint.inbox;
    this.locks = server.locks;
    this.owner = server.locks.enter(this);
    this.wait = server.waits.enter(CPU);
  }

  *run(): Process {
    const { host, group } = this.server;
    this.started = true;
    try {
      yield host.cpu.serve(BACKEND_START_COST, group);
      if (!(yield* this.authenticate())) return;
      for (;;) {
        const packet = this.inbox.take();
        if (packet === undefined) {
          this.wait.now(CLIENT_READ);
          yield this.inbox.receive();
          this.wait.now(CPU);
        } else if (packet.ending || packet.message!.type === 'terminate') return;
        else {
          const statement = packet.message as Statement;
          yield host.cpu.serve(this.costOf(statement), group);
          const step = this.execute(statement);
          if (step === 'lock') yield* this.waitForLocks(statement);
          else if (step === 'commit') yield* this.commit(statement);
          this.endpoint.send(this.answer, RESULT_BYTES);
        }
      }
    } catch (thrown) {
      if (!(thrown instanceof Interrupt)) throw thrown;
      this.endpoint.send(ERRORS.adminShutdown, RESULT_BYTES);
    } finally {
      this.exit();
    }
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

  private costOf({ verb, prepared }: Statement): Nanoseconds {
    const cost = statementCost(verb, prepared);
    return verb === 'commit' && this.hasXid && !this.aborted ? cost + COMMIT_COST : cost;
  }

  /** Does what takes no time beyond the processor's, and says what has to be waited for. */
  private execute(statement: Statement): 'done' | 'lock' | 'commit' {
    const error = this.refusal(statement);
    if (error) {
      this.fail(error);
      return 'done';
    }
    this.answer = COMPLETE;
    switch (statement.verb) {
      case 'begin':
        this.inTransaction = true;
        return 'done';
      case 'commit':
        if (this.hasXid && !this.aborted) return 'commit';
        this.endTransaction();
        return 'done';
      case 'rollback':
        this.endTransaction();
        return 'done';
      case 'select':
        return this.read(statement);
      default:
        return this.modify(statement);
    }
  }

  private refusal(statement: Statement): ErrorResponse | null {
    const { verb } = statement;
    if (verb === 'commit' || verb === 'rollback') return null;
    if (this.aborted) return ERRORS.aborted;
    const writes = verb === 'insert' || verb === 'update';
    return writes && this.server.inRecovery ? ERRORS.readOnly : null;
  }

  private read({ relation }: Statement): 'done' | 'lock' {
    if (relation === null) return 'done';
    this.request = this.locks.lockRelation(this.owner, relation.index, ACCESS_SHARE);
    if (this.request !== 'granted') return 'lock';
    if (!this.inTransaction) this.locks.releaseAll(this.owner);
    return 'done';
  }

  /** One row is changed: the locks on its table and on it first, then the record. */
  private modify(statement: Statement): 'done' | 'lock' {
    const relation = statement.relation!;
    this.request = this.locks.lockRelation(this.owner, relation.index, ROW_EXCLUSIVE);
    return this.request === 'granted' && this.change(statement) ? 'done' : 'lock';
  }

  /** False if somebody else has the row. */
  private change({ verb, relation, key }: Statement): boolean {
    const { server, locks, owner } = this;
    if (!this.hasXid) {
      this.hasXid = true;
      server.activeTransactions++;
      locks.assignTransactionId(owner);
    }
    if (verb === 'insert') server.wal.insert(relation!.insertBytes);
    else {
      if (!locks.lockRow(owner, rowId(relation!.index, key), FOR_NO_KEY_UPDATE)) return false;
      locks.updateRow(owner, rowId(relation!.index, key));
      server.wal.insert(relation!.updateBytes);
    }
    return true;
  }

  private *waitForLocks(statement: Statement) {
    const { server, locks, owner } = this;
    const { verb, key } = statement;
    const relation = statement.relation!;
    let outcome = yield* locks.finish(owner, this.request);
    if (outcome === 'granted' && verb === 'select') {
      if (!this.inTransaction) locks.releaseAll(owner);
    } else if (outcome === 'granted' && !this.change(statement)) {
      outcome = yield* locks.waitForRow(owner, rowId(relation.index, key), FOR_NO_KEY_UPDATE);
      if (outcome === 'granted') {
        locks.updateRow(owner, rowId(relation.index, key));
        yield server.host.cpu.serve(RECHECK_COST);
        server.wal.insert(relation.updateBytes);
      }
    }
    if (outcome === 'deadlock') server.deadlocks++;
    if (outcome !== 'granted') this.fail(LOCK_ERRORS[outcome]);
  }

  /** commit_siblings does not count who waits for a lock (procarray.c:MinimumActiveBackends). */
  lockWait(kind: LockKind | null): void {
    const { server } = this;
    if (kind !== null) server.lockWaits++;
    if (this.hasXid) server.activeTransactions += kind === null ? 1 : -1;
    this.wait.now(kind === null ? CPU : LOCK_WAITS[kind]);
  }

  /** An error ends the transaction at once, what follows in its block is refused. */
  private fail(error: ErrorResponse): void {
    const { inTransaction } = this;
    this.answer = error;
    this.endTransaction();
    this.inTransaction = this.aborted = inTransaction;
  }

  /**
   * The commit record; its flush; the wait for synchronous standbys; and only then the end of the
   * transaction for everybody else: out of the running set, row locks released.
   */
  private *commit(statement: Statement) {
    const { server, wait } = this;
    const level = server.settings.synchronous_commit;
    this.critical = true;
    const lsn = server.wal.insertCommit();
    if (level === 'remote_apply') server.wal.applyFeedbackLsn = lsn;
    if (statement.commit) {
      statement.commit.branch = server.wal.branch;
      statement.commit.lsn = lsn;
    }
    server.context.events.committed.emit(server.index, server.wal.branch.index, lsn);
    if (level === 'off') server.wal.commitAsynchronously(lsn);
    else {
      wait.now(server.wal.requestFlush(lsn) ? WAL_SYNC : WAL_WRITE_LOCK);
      if (server.wal.flushed.below(lsn)) yield;
    }
    this.critical = false;
    if (this.terminating) throw new Interrupt('shutdown');
    wait.now(SYNC_REP);
    if (server.synchronousReplication.below(level, lsn)) {
      yield;
      if (statement.commit && !server.synchronousReplication.reached(level, lsn)) {
        statement.commit.unreplicated = true;
      }
    }
    wait.now(CPU);
    this.endTransaction(true);
  }

  private endTransaction(committed = false): void {
    if (this.hasXid) this.server.activeTransactions--;
    this.locks.releaseAll(this.owner, committed);
    this.hasXid = this.inTransaction = this.aborted = false;
  }

  private exit(): void {
    this.endTransaction();
    this.locks.leave(this.owner);
    this.endpoint.close();
    this.wait.settle();
    this.server.backendExited(this);
  }
}
