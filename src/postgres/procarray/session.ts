/**
 * What one backend does with the ProcArray, statement by statement, and what it waits for there.
 *
 * The time that a snapshot takes is processor time of the statement. The lock is asked for when
 * that time is over: then a core has been had for it, and no more than there are cores overlap.
 */
import type { Nanoseconds, Simulation } from '../../kernel/index.ts';
import type { PostgresSettings } from '../settings.ts';
import { CPU, PROC_ARRAY, PROC_ARRAY_GROUP_UPDATE, type WaitState } from '../waits.ts';
import { type ProcArrayCosts, procArrayCosts } from './costs.ts';
import { type Isolation, ProcEntry } from './entry.ts';
import { ProcArray } from './procarray.ts';
import { type Ending, ProcArrayLock } from './procarray-lock.ts';

/** One server's ProcArray with its lock. */
export class SharedProcArray {
  readonly array: ProcArray;
  readonly sim: Simulation;
  readonly isolation: Isolation;
  /** Time that snapshots have taken of the processors. */
  snapshotTime: Nanoseconds = 0;
  lock: ProcArrayLock;
  private readonly costs: ProcArrayCosts;
  private entries = 0;

  constructor(sim: Simulation, settings: PostgresSettings) {
    const version = 'recovery_init_sync_method' in settings ? 14 : 13;
    this.sim = sim;
    this.isolation = isolationOf(settings);
    this.costs = procArrayCosts(version);
    this.array = new ProcArray(sim, version);
    this.lock = new ProcArrayLock(sim, this.array, this.costs);
  }

  /** The place of a new backend, which enters the array when it has started. */
  session(wait: WaitState): ProcSession {
    return new ProcSession(this, this.entries++, wait);
  }

  /** All processes are gone. */
  restart(): void {
    this.array.restart();
    this.lock = new ProcArrayLock(this.sim, this.array, this.costs);
  }
}

function isolationOf(settings: PostgresSettings): Isolation {
  const given = settings['default_transaction_isolation'];
  return given === 'repeatable read' || given === 'serializable' ? given : 'read committed';
}

export class ProcSession {
  readonly entry: ProcEntry;
  private readonly shared: SharedProcArray;
  private readonly wait: WaitState;
  /** How long the snapshot of the present statement keeps the lock; 0: it takes none. */
  private holding: Nanoseconds = 0;
  private ending: Ending = 'ended';

  constructor(shared: SharedProcArray, name: number, wait: WaitState) {
    this.shared = shared;
    this.wait = wait;
    this.entry = new ProcEntry(name);
    this.entry.isolation = shared.isolation;
  }

  /** The backend enters the array, alone under the lock. */
  *connect() {
    const { sim, lock, array } = this.shared;
    array.connect(this.entry);
    for (let wait = lock.enter(); wait > 0; wait = lock.enter()) {
      this.wait.now(PROC_ARRAY);
      yield sim.hold(wait);
    }
    this.wait.now(CPU);
  }

  /**
   * A statement begins that looks at tables. Returns the processor time of its snapshot beyond what
   * is in the measured costs of statements, which had few connections beside them.
   */
  beginStatement(): Nanoseconds {
    const { array, lock } = this.shared;
    const before = array.snapshots;
    const isNew = array.beginStatement(this.entry);
    this.holding = array.snapshots === before ? 0 : lock.snapshotTime(isNew);
    if (this.holding === 0) return 0;
    this.shared.snapshotTime += this.holding;
    return isNew ? this.holding - lock.snapshotTime(false) : 0;
  }

  /** The statement has its processor time: true if it now has to wait for the lock. */
  mustWait(): boolean {
    return this.holding > 0 && this.shared.lock.snapshot(this.holding) > 0;
  }

  *waitForLock() {
    const { sim, lock } = this.shared;
    this.wait.now(PROC_ARRAY);
    for (let wait = lock.snapshot(this.holding); wait > 0; wait = lock.snapshot(this.holding)) {
      yield sim.hold(wait);
    }
    this.wait.now(CPU);
  }

  endStatement(inTransaction: boolean): void {
    const { array } = this.shared;
    this.holding = 0;
    if (inTransaction || this.entry.hasXid) array.endStatement(this.entry);
    else array.endTransaction(this.entry, true);
  }

  assignXid(): void {
    this.shared.array.assignXid(this.entry);
  }

  assignSubxids(count: number): void {
    this.shared.array.assignSubxids(this.entry, count);
  }

  /** COMMIT has done all but end the transaction for the others: true if that has to wait. */
  endsLater(): boolean {
    const { lock } = this.shared;
    if (!this.entry.hasXid) return false;
    this.ending = lock.end(this.entry);
    return this.ending !== 'ended';
  }

  *waitToEnd() {
    const { sim, lock } = this.shared;
    this.wait.now(PROC_ARRAY_GROUP_UPDATE);
    if (this.ending === 'join') yield;
    else {
      this.wait.now(PROC_ARRAY);
      for (let wait = lock.lead(this.entry); wait > 0; wait = lock.lead(this.entry)) {
        yield sim.hold(wait);
      }
    }
    this.wait.now(CPU);
  }

  /** The transaction's isolation level; false: it has looked at tables already. */
  isolate(isolation: Isolation): boolean {
    if (this.entry.hasTransactionSnapshot) return isolation === this.entry.isolation;
    this.entry.isolation = isolation;
    return true;
  }

  /** Whether one snapshot serves the whole transaction. */
  get isRepeatable(): boolean {
    return this.entry.isolation !== 'read committed';
  }

  /** Whether what it has read must have been so when it commits, too. */
  get isSerializable(): boolean {
    return this.entry.isolation === 'serializable';
  }

  /** Whether the changes of that transaction are visible to the snapshot. */
  isVisible(xid: number): boolean {
    return this.shared.array.isVisible(xid, this.entry);
  }

  /** Whatever has not been committed by now rolls back. */
  abort(): void {
    const { array, lock, isolation } = this.shared;
    this.entry.isolation = isolation;
    if (this.entry.hasXid) lock.abort();
    array.endTransaction(this.entry, false);
  }

  disconnect(): void {
    if (!this.entry.connected) return;
    this.shared.lock.leave();
    this.shared.array.disconnect(this.entry);
  }
}
