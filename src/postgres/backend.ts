/**
 * A backend: the process that serves one client connection, from its fork to its exit. It reads a
 * statement, takes the processor for it, has it executed (`executor.ts`), answers, and commits in
 * Postgres's order (`transaction.ts`).
 *
 * Kept: authentication's round trips, errors and aborted transactions, read-only standbys, what
 * termination does at each point, wait events, time-outs, statements outside of a block, each a
 * transaction of its own. Left out: cancelling by the client or by another session.
 */
import type { Endpoint, Packet } from '../hardware/tcp.ts';
import {
  Interrupt,
  type Mailbox,
  type Nanoseconds,
  type Process,
  type ProcessId,
} from '../kernel/index.ts';
import { authenticate } from './authentication.ts';
import { Executor } from './executor.ts';
import type { LockClient, LockKind, LockOwner } from './locking/lock-table.ts';
import { BackendMemory } from './memory.ts';
import type { ProcSession } from './procarray/index.ts';
import type { ConflictReason } from './recovery-conflict.ts';
import type { Server } from './server.ts';
import { sortBytes, sortedRows, sortTime } from './sort.ts';
import {
  ERRORS,
  type ErrorResponse,
  RESULT_BYTES,
  type Statement,
  type WireMessage,
} from './statement.ts';
import { changes, takesSnapshot, VISITS } from './statement-rows.ts';
import type { Undo } from './subtransactions.ts';
import { Transaction } from './transaction.ts';
import {
  CLIENT_READ,
  CLIENT_READ_IN_TRANSACTION,
  CPU,
  LOCK_WAITS,
  type WaitState,
} from './waits.ts';

const COMPLETE: WireMessage = { type: 'complete' };

/** Pages of a statement that are not those of every other: the index's leaf, and the row's page. */
const OWN_PAGES = 2;

/** What a statement that is executed has left to do. */
type Rest = 'nothing' | 'the rest' | 'commit';

export class Backend implements LockClient {
  readonly wait: WaitState;
  readonly proc: ProcSession;
  readonly memory: BackendMemory;
  process: ProcessId = -1;
  /** The answer to the statement that is being executed. */
  private answer: WireMessage = COMPLETE;
  private started = false;
  /** Queries so far, and at how many of them its page tables are looked at next. */
  private queries = 0;
  private mapsAt = 1;
  /** What is left to do of the statement's sort; 0: it does not sort. */
  private sortTime: Nanoseconds = 0;
  /** When the last statement ended, and until when the client may take; -1: it is not idle. */
  private idleSince: Nanoseconds = -1;
  private idleUntil: Nanoseconds = -1;
  readonly owner: LockOwner;
  readonly transaction: Transaction;
  private readonly executor: Executor;
  readonly server: Server;
  readonly endpoint: Endpoint<WireMessage>;
  private readonly inbox: Mailbox<Packet<WireMessage>>;

  constructor(server: Server, endpoint: Endpoint<WireMessage>) {
    this.server = server;
    this.endpoint = endpoint;
    this.inbox = endpoint.inbox;
    this.owner = server.locks.enter(this);
    this.wait = server.waits.enter(CPU);
    this.proc = server.procArray.session(this.wait);
    this.memory = new BackendMemory(server.memory, (bytes) => server.backendKilled(this, bytes));
    this.transaction = new Transaction(server, this.proc, this.owner, this.wait);
    this.executor = new Executor(this);
  }

  *run(): Process {
    const { transaction, proc } = this;
    const { host, group, costs } = this.server;
    this.started = true;
    try {
      yield host.cpu.serve(costs.backendStart, group);
      yield* proc.connect();
      if (!(yield* authenticate(this.server, this.endpoint, this.wait))) return;
      for (;;) {
        const packet = this.inbox.take();
        if (packet === undefined) {
          if (this.outstayed()) return;
          this.wait.now(transaction.inBlock ? CLIENT_READ_IN_TRANSACTION : CLIENT_READ);
          yield this.inbox.receive(this.idleUntil);
          this.wait.now(CPU);
        } else if (packet.ending || packet.message!.type === 'terminate') return;
        else {
          const statement = packet.message as Statement;
          this.idleSince = -1;
          if (statement.usage !== null) this.executor.planned.account(null);
          transaction.statementComes();
          yield host.cpu.serve(this.costOf(statement), group, VISITS[statement.verb]);
          if (proc.mustWait()) yield* proc.waitForLock();
          let rest = this.execute(statement);
          if (rest === 'the rest') {
            const error = yield* this.executor.finish(statement);
            if (this.sortTime > 0) yield* this.sorted();
            rest = this.executed(error);
          }
          if (rest === 'commit') {
            if (transaction.flushes(statement.commit)) {
              yield;
              if (!transaction.leads) yield this.goOn();
            }
            const waits = transaction.replicates();
            if (waits) {
              yield;
              yield this.goOn();
            }
            transaction.confirmed(statement.commit, waits);
            if (proc.endsLater()) yield* transaction.leaveRunning();
            this.endTransaction();
            if (this.executor.changes.due > 0) yield this.unlinkFiles();
          }
          if (proc.entry.executing) proc.endStatement(transaction.inBlock);
          if (statement.usage !== null) this.executor.planned.account(statement.usage);
          this.endpoint.send(this.answer, RESULT_BYTES);
          if (this.answer.type === 'error' && this.answer.fatal) return;
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

  /** It was woken: it needs a core again, and pays for having slept. */
  private goOn(): undefined {
    const { host, costs, group } = this.server;
    this.wait.now(CPU);
    return host.cpu.serve(costs.sleep, group);
  }

  /** Files of tables that are gone, behind the commit (storage.c: smgrDoPendingDeletes). */
  private unlinkFiles(): undefined {
    const { host, group } = this.server;
    const { changes } = this.executor;
    const time = Math.round(changes.due);
    changes.due = 0;
    return host.cpu.serve(time, group);
  }

  /** There is no process for it: the client is told why. */
  refuse(error: ErrorResponse): void {
    this.endpoint.send(error, RESULT_BYTES);
    this.exit();
  }

  /** SIGTERM: the session ends at the next point where Postgres checks for interrupts. */
  terminate(): void {
    const { sim } = this.server.context;
    this.transaction.terminating = true;
    if (!this.started) {
      sim.kill(this.process);
      this.exit();
    } else if (!this.transaction.critical) sim.interrupt(this.process, new Interrupt('shutdown'));
  }

  /** The startup process wants it out of its way. */
  giveWay(reason: ConflictReason): void {
    const { conflict, subtransactions } = this.transaction;
    conflict.request(reason, this, subtransactions.isOpen);
  }

  wake(): void {
    this.inbox.nudge();
  }

  /** The server has crashed: without a commit record in what is left of WAL all is undone. */
  lose(): void {
    this.wait.settle();
    this.executor.changes.end(this.transaction.isCommittedIn(this.server.wal.insertLsn));
  }

  /** Whether the client has closed the connection; while a statement runs only who looks knows. */
  isGone(): boolean {
    const packet = this.inbox.take();
    if (packet === undefined) return false;
    this.inbox.send(packet);
    return packet.ending !== null || packet.message?.type === 'terminate';
  }

  /** commit_siblings does not count who waits for a lock (procarray.c:MinimumActiveBackends). */
  lockWait(kind: LockKind | null): void {
    const { server } = this;
    if (kind !== null) server.lockWaits++;
    if (this.transaction.hasXid) server.activeTransactions += kind === null ? 1 : -1;
    this.wait.now(kind === null ? CPU : LOCK_WAITS[kind]);
  }

  /** Whether the client has kept the session waiting for too long: it is told, and that is it. */
  private outstayed(): boolean {
    const { timeouts, context } = this.server;
    const { began } = this.transaction;
    const { now } = context.sim;
    if (this.transaction.conflict.isPending) {
      this.transaction.conflict.report(this.server, ERRORS.recoveryConflictEnds);
      this.endpoint.send(ERRORS.recoveryConflictEnds, RESULT_BYTES);
      return true;
    }
    if (this.idleSince < 0) this.idleSince = now;
    this.idleUntil = timeouts.deadline(this.idleSince, began);
    if (now < this.idleUntil) return false;
    this.endpoint.send(timeouts.expired(now, this.idleSince, began), RESULT_BYTES);
    return true;
  }

  /** Processor time of a statement, up to where it first has to wait for something else. */
  private costOf(statement: Statement): Nanoseconds {
    const { verb, prepared } = statement;
    const { costs } = this.server;
    const { hasXid, isAborted, inBlock } = this.transaction;
    const cost = costs.statement(verb, prepared);
    if (verb === 'commit') return hasXid && !isAborted ? cost + costs.commit : cost;
    const commit = statement.commit !== null && !inBlock ? costs.commit : 0;
    return takesSnapshot(statement) ? cost + this.beginQuery() + commit : cost;
  }

  /** What a query costs before it does anything: its snapshot, and the first one its caches. */
  private beginQuery(): Nanoseconds {
    const snapshot = this.proc.beginStatement();
    this.transaction.takesSnapshot();
    if (++this.queries >= this.mapsAt) {
      this.mapsAt *= 2;
      this.memory.usedPages(OWN_PAGES * this.queries);
    }
    return this.queries > 1 ? snapshot : snapshot + this.server.costs.firstQuery;
  }

  /** Does what takes no time beyond the processor's, and says what there is left to do. */
  private execute(statement: Statement): Rest {
    const { transaction } = this;
    if (statement.usage !== null) this.executor.planned.parsed(statement, this.queries === 1);
    const error = this.refusal(statement);
    this.answer = COMPLETE;
    if (error) {
      this.fail(error);
      return 'nothing';
    }
    switch (statement.verb) {
      case 'begin':
        transaction.begin();
        return this.set(statement);
      case 'set':
        return this.set(statement);
      case 'commit':
        return this.commit();
      case 'rollback':
        this.endTransaction();
        return 'nothing';
      case 'savepoint':
      case 'release':
      case 'rollback to':
        return this.subtransaction(statement);
      default:
        if ((statement.details?.sortedBytes ?? 0) > 0 && !this.beginSort(statement))
          return this.executed(ERRORS.outOfMemory);
        return this.executor.begin(statement) ? this.executed(null) : 'the rest';
    }
  }

  /** A sort takes its memory as its rows come, here at once; false if there is none. */
  private beginSort(statement: Statement): boolean {
    const { settings, storage } = this.server;
    const rows = sortedRows(statement, storage.tables[statement.relation!.index]!.heap.live);
    if (rows < 2) return true;
    const bytes = Math.min(sortBytes(rows, statement.details!.sortedBytes), settings.work_mem);
    this.sortTime = sortTime(rows);
    return this.memory.takeWorkMemory(bytes) !== 'refused';
  }

  /** All rows have come and are put in order; then their memory is free. */
  private *sorted(): Generator<undefined, void, undefined> {
    const { host, group } = this.server;
    const time = this.sortTime;
    this.sortTime = 0;
    yield host.cpu.serve(time, group);
    this.memory.freeWorkMemory();
  }

  private set({ details }: Statement): Rest {
    const error = details?.settings ? this.transaction.set(details.settings) : null;
    if (error) this.fail(error);
    return 'nothing';
  }

  /** Outside of a block a statement is a transaction of its own; an error ends any. */
  private executed(error: ErrorResponse | null): Rest {
    const { inBlock, hasXid, serializable } = this.transaction;
    if (error) this.fail(error);
    else if (!inBlock && (hasXid || serializable !== null)) return this.commit();
    else if (!inBlock) this.server.locks.releaseAll(this.owner);
    return 'nothing';
  }

  /** Whether there is anything to commit, and nothing that forbids it. */
  private commit(): Rest {
    const { transaction } = this;
    if (!transaction.isAborted && transaction.failsToCommit()) {
      this.answer = ERRORS.dependencies;
      transaction.isAborted = true;
    }
    if (transaction.hasXid && !transaction.isAborted) return 'commit';
    this.endTransaction();
    return 'nothing';
  }

  /** SAVEPOINT, RELEASE, ROLLBACK TO. */
  private subtransaction({ verb, details }: Statement): Rest {
    const { transaction, owner } = this;
    const { subtransactions, inBlock } = transaction;
    const name = details!.savepoint!;
    if (!inBlock) this.fail(ERRORS.notInBlock);
    else if (verb === 'savepoint') {
      subtransactions.define(name, this.executor.changes.count, owner.rows.length);
    } else if (verb === 'release') {
      if (!subtransactions.release(name)) this.fail(ERRORS.noSavepoint);
    } else {
      const undo = subtransactions.rollBackTo(name);
      if (undo === null) this.fail(ERRORS.noSavepoint);
      else {
        transaction.isAborted = false;
        this.undo(undo);
      }
    }
    return 'nothing';
  }

  private undo(undo: Undo): void {
    this.executor.changes.undo(undo.changes);
    this.transaction.undo(undo);
  }

  private refusal({ verb, details }: Statement): ErrorResponse | null {
    if (verb === 'commit' || verb === 'rollback' || verb === 'rollback to') return null;
    if (this.transaction.isAborted) return ERRORS.aborted;
    const { cancellation } = this.transaction;
    if (cancellation !== null) return cancellation;
    if (this.memory.query() === 'refused') return ERRORS.outOfMemory;
    const locks = details !== null && details.rowLock !== null;
    const isVacuum = verb === 'vacuum';
    const writes = changes(verb) || locks;
    if (!writes) return null;
    if (this.server.inRecovery) return ERRORS.readOnly;
    return this.transaction.hasXid || isVacuum ? null : this.server.autovacuum.refusal();
  }

  private fail(error: ErrorResponse): void {
    const { inBlock, began, isAborted, subtransactions } = this.transaction;
    this.answer = error;
    this.transaction.reported(error);
    if (isAborted && subtransactions.isOpen) return; // the next one that fails undoes no more
    if (subtransactions.isOpen) {
      this.undo(subtransactions.fail());
      this.transaction.isAborted = true;
      return;
    }
    this.endTransaction();
    if (inBlock) this.transaction.remainAborted(began);
  }

  private endTransaction(): void {
    this.executor.changes.end(this.transaction.hasCommitted);
    this.transaction.end();
  }

  private exit(): void {
    this.endTransaction();
    this.proc.disconnect();
    this.server.locks.leave(this.owner);
    this.memory.end();
    this.endpoint.close();
    this.wait.settle();
    this.server.backendExited(this);
  }
}
