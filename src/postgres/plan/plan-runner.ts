/**
 * Runs a plan (execMain.c, execProcnode.c). Where Postgres's nodes ask those below them for the
 * next row, nodes here hand rows up as they find them: the order of work is the same, and what goes
 * up can be many rows at once where nobody above asks which they are.
 *
 * Kept: what each node reads, in its order; locks of tables as they are reached; processor time by
 * row, measured on PostgreSQL 15 (`costs.ts`); work_mem, hash_mem_multiplier and what goes beyond
 * them to temporary files; a LIMIT that ends what is below it. Left out: see README.
 */
import type { Nanoseconds } from '../../kernel/index.ts';
import type { Account, Scanner } from '../access.ts';
import { runBatches, type Scan } from '../columnar/scans.ts';
import type { FURTHER_ROWS } from '../costs.ts';
import type { Table } from '../heap/relation.ts';
import { ACCESS_SHARE, ROW_EXCLUSIVE, ROW_SHARE } from '../locking/lock-modes.ts';
import { ERRORS, type ErrorResponse, type Relation } from '../statement.ts';
import { BufferUsage } from '../waits.ts';
import { runAggregate, runLimit, runPass, runSort } from './above.ts';
import { runChange, type Seen } from './changes.ts';
import { runGather, type SharedScans } from './gather.ts';
import { runHashJoin, runNestedLoop } from './joins.ts';
import { Instrumentation } from './node-usage.ts';
import type { PlanHost } from './plan-host.ts';
import type {
  InitialPlan,
  PlanWork,
  QueryPlan,
  Slots,
  SubplanNode,
  ValuesNode,
} from './plan-work.ts';
import { type Row, runRecursive, runSetOperation, runWorkTable } from './recursion.ts';
import { runMaterialize, runMemoize } from './rescans.ts';
import { runBitmapHeap, runIndex, runRows, runSequential } from './scans.ts';
import { TemporaryFile } from './temporary-file.ts';

/** Takes rows; false: no more are wanted. */
export type Sink = (rows: number) => Running;
export type Running = Generator<undefined, boolean, undefined>;

/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;
/** Rows that are handed up together where nobody asks which they are. */
export const BATCH = 1000;

/** Reads a plan to its end. */
const ALL: Sink = function* () {
  return true;
};

/** What EXPLAIN does not show as a node: the way to subplans, and what keeps the rows of a WITH. */
function hasNoOwn(node: PlanWork): boolean {
  return 'below' in node && node.below.number === node.number;
}

export class PlanRunner implements Scanner {
  readonly host: PlanHost;
  readonly plan: QueryPlan;
  readonly prepared: boolean;
  readonly server: Scanner['server'];
  readonly wait: Scanner['wait'];
  readonly transaction: Scanner['transaction'];
  account: Account = { due: 0 };
  readonly slots: Slots;
  readonly shared: SharedScans | null;
  error: ErrorResponse | null = null;
  partitions = 0;
  /** Rows of the result. */
  rows = 0;
  /** What each node keeps from one loop to the next, and what it has of memory. */
  readonly kept: unknown[] = [];
  /** Rows of the round before, of each recursive query. */
  readonly rounds = new Map<number, readonly Row[]>();
  readonly seen: Seen = new Map();
  private readonly begun = new Set<SubplanNode>();
  usage: Instrumentation | null;
  /** What its workers have used of shared buffers. */
  readonly ofWorkers = new BufferUsage();
  private readonly carried: Float64Array;
  private readonly memoryOf: number[] = [];
  private readonly locked = new Set<number>();
  private readonly files: TemporaryFile[] = [];

  /** `shared`: it is one of several processes that share the plan's parallel scans. */
  constructor(
    host: PlanHost,
    plan: QueryPlan,
    prepared: boolean,
    isAnalyzed: boolean,
    shared: SharedScans | null = null,
  ) {
    this.host = host;
    this.plan = plan;
    this.prepared = prepared;
    this.shared = shared;
    this.server = host.server;
    this.wait = host.wait;
    this.transaction = host.transaction;
    this.slots = new Float64Array(plan.slots).fill(-1);
    this.carried = new Float64Array(plan.nodes);
    const clock = () => this.server.context.sim.now + Math.round(this.account.due);
    this.usage = isAnalyzed ? new Instrumentation(plan.nodes, clock, host.wait.buffers) : null;
  }

  /** The whole plan; the error if it comes to one. */
  *execute(): Generator<undefined, ErrorResponse | null> {
    try {
      yield* this.lockChanged();
      if (!this.isOver) yield* this.run(this.plan.root, (rows) => this.result(rows));
      yield* this.pay(1);
      return this.error ?? this.transaction.cancellation;
    } finally {
      this.dropFiles();
      this.host.memory.freeWorkMemory();
    }
  }

  /** Tables whose rows will be changed or locked. */
  private *lockChanged() {
    for (const { relation, mode } of this.plan.locks) {
      if (this.error !== null) return;
      const wanted = mode === 'row share' ? ROW_SHARE : ROW_EXCLUSIVE;
      this.error = yield* this.host.lockTable(relation, wanted);
      this.locked.add(relation.index);
    }
  }

  dropFiles(): void {
    for (const file of this.files) file.drop();
    this.files.length = 0;
  }

  /** The same process runs a part of the plan as one of several that share it. */
  sharing(shared: SharedScans): PlanRunner {
    const own = new PlanRunner(this.host, this.plan, true, false, shared);
    own.account = this.account;
    own.usage = this.usage;
    own.slots.set(this.slots);
    return own;
  }

  *result(rows: number): Running {
    this.rows += rows;
    return true;
  }

  table(relation: Relation): Table {
    return this.server.storage.tables[relation.index]!;
  }

  /** Whether an error or a cancellation has ended it. */
  get isOver(): boolean {
    return this.error !== null || this.transaction.cancellation !== null;
  }

  /** Runs a node from its beginning; false if no more rows are wanted of it. */
  *run(node: PlanWork, sink: Sink): Running {
    const { usage } = this;
    if (usage === null || hasNoOwn(node)) return yield* this.dispatch(node, sink);
    const own = usage.nodes[node.number]!;
    const above = usage.switchTo(node.number);
    own.loops++;
    const watched = this.watched(node, sink, above);
    const isWanted = yield* this.dispatch(node, watched);
    usage.switchTo(above);
    return isWanted;
  }

  /** Whether a partition of an Append is none by now, or not yet. */
  private isGone(node: PlanWork): boolean {
    if (!('relation' in node) || !node.isPartition) return false;
    return !this.server.storage.database.partitions.isAttached(node.relation.index, true);
  }

  /** The same sink, with a node's account stopped while the nodes above are at work. */
  private watched({ number }: PlanWork, sink: Sink, above: number): Sink {
    const usage = this.usage!;
    const own = usage.nodes[number]!;
    const began = this.server.context.sim.now + Math.round(this.account.due);
    return function* (rows) {
      const inside = usage.switchTo(above);
      if (own.startup < 0 && own.loops === 1) own.startup = usage.now - began;
      own.rows += rows;
      const isWanted = yield* sink(rows);
      usage.switchTo(inside);
      return isWanted;
    };
  }

  private dispatch(node: PlanWork, sink: Sink): Running {
    const { compressed } = this.server.storage.database;
    const isScan = 'relation' in node && node.kind !== 'rows';
    if (compressed.size > 0 && isScan && compressed.has(node.relation.index)) {
      return this.withBatches(node, sink);
    }
    return this.perform(node, sink);
  }

  /** What of a chunk is compressed, then what is not. */
  private *withBatches(node: Scan, sink: Sink): Running {
    if (!(yield* runBatches(this, node, sink))) return false;
    return yield* this.perform(node, sink);
  }

  private perform(node: PlanWork, sink: Sink): Running {
    switch (node.kind) {
      case 'sequential':
        return runSequential(this, node, sink);
      case 'index':
        return runIndex(this, node, sink);
      case 'bitmap heap':
        return runBitmapHeap(this, node, sink);
      case 'nested loop':
        return runNestedLoop(this, node, sink);
      case 'hash join':
      case 'merge join':
        return runHashJoin(this, node, sink);
      case 'sort':
        return runSort(this, node, sink);
      case 'plain aggregate':
      case 'sorted aggregate':
      case 'hash aggregate':
        return runAggregate(this, node, sink);
      case 'limit':
        return runLimit(this, node, sink);
      case 'materialize':
        return runMaterialize(this, node, sink);
      case 'memoize':
        return runMemoize(this, node, sink);
      case 'pass':
        return runPass(this, node, sink);
      case 'gather':
        return runGather(this, node, sink);
      case 'subplans':
        return this.subplans(node, sink);
      case 'append':
        return this.append(node.of, sink);
      case 'rows':
        return runRows(this, node, sink);
      case 'change':
        return runChange(this, node, sink);
      case 'set operation':
        return runSetOperation(this, node, sink);
      case 'recursive':
        return runRecursive(this, node, sink);
      case 'work table':
        return runWorkTable(this, node, sink);
      case 'values':
        return this.valueRows(node, sink);
    }
  }

  /** nodeSubplan.c: what does not depend on rows has run when the first of them comes. */
  private *subplans(node: SubplanNode, sink: Sink): Running {
    const { once, each, below } = node;
    if (!this.begun.has(node)) {
      this.begun.add(node);
      for (const each of once) yield* this.initial(each);
    }
    if (each.length === 0) return yield* this.run(below, sink);
    const run = this;
    return yield* this.run(below, function* (rows) {
      for (let i = 0; i < rows; i++) {
        for (const plan of each) {
          run.owe('rescan');
          yield* run.run(plan, ALL);
        }
      }
      yield* run.pay();
      return !run.isOver && (yield* sink(rows));
    });
  }

  /** nodeSubplan.c: ExecSetParamPlan. */
  private *initial({ plan, columns }: InitialPlan) {
    const { slots } = this;
    const { lists, environment } = this.plan.values;
    for (const { slot } of columns) {
      slots[slot] = Number.NaN;
      lists.set(slot, []);
    }
    let isFirst = true;
    yield* this.run(plan, function* (rows) {
      for (const { slot, value } of columns) {
        const found = value(slots, environment);
        if (isFirst) slots[slot] = found;
        for (let i = 0; i < rows; i++) lists.get(slot)!.push(found);
      }
      isFirst = false;
      return true;
    });
  }

  private *valueRows({ count, slot }: ValuesNode, sink: Sink): Running {
    const rows = count(this.slots, this.plan.values);
    if (slot < 0) return yield* sink(rows);
    for (let i = 0; i < rows; i++) {
      this.slots[slot] = i;
      if (!(yield* sink(1))) return false;
    }
    return true;
  }

  private *append(of: readonly PlanWork[], sink: Sink): Running {
    const { costs } = this.server;
    for (const each of of) {
      if (this.isGone(each)) continue;
      if (of.length > 1) this.account.due += costs.furtherRow('partition');
      if (!(yield* this.run(each, sink))) return false;
    }
    return true;
  }

  /** Processor time of so many rows. */
  owe(kind: keyof typeof FURTHER_ROWS, rows = 1): void {
    this.account.due += rows * this.server.costs.furtherRow(kind);
  }

  /** Asks for the processor once enough has come together. */
  *pay(least: Nanoseconds = SLICE) {
    const { account, server } = this;
    if (account.due < least) return;
    const time = Math.round(account.due);
    account.due = 0;
    yield server.host.cpu.serve(time, server.group);
  }

  /** Whole rows of an amount that need not be whole; what is left over counts the next time. */
  whole(node: number, amount: number): number {
    const sum = this.carried[node]! + amount;
    const rows = Math.floor(sum + 1e-9);
    this.carried[node] = sum - rows;
    return rows;
  }

  /** A table is used for the first time; false: it cannot be. */
  *open(relation: Relation, isPartition: boolean): Running {
    if (this.locked.has(relation.index)) return true;
    this.locked.add(relation.index);
    if (isPartition) this.partitions++;
    if (this.shared === null || this.shared.participant === 0) {
      this.error ??= yield* this.host.lockTable(relation, ACCESS_SHARE);
    }
    return this.error === null;
  }

  /** A node has so many bytes in memory now; false: there is no more. */
  remember(node: number, bytes: number): boolean {
    const had = this.memoryOf[node] ?? 0;
    if (bytes <= had) return true;
    this.memoryOf[node] = bytes;
    const usage = this.usage?.nodes[node];
    if (usage) usage.memoryBytes = bytes;
    if (this.host.memory.takeWorkMemory(Math.round(bytes - had)) === 'refused') {
      this.error = ERRORS.outOfMemory;
    }
    return this.error === null;
  }

  /** work_mem, and what hash tables may have. */
  get sortMemoryBytes(): number {
    return this.server.settings.work_mem;
  }

  get hashMemoryBytes(): number {
    const { settings } = this.server;
    return settings.work_mem * Number(settings['hash_mem_multiplier'] ?? 1);
  }

  newFile(): TemporaryFile {
    const file = new TemporaryFile(this.server.storage);
    this.server.temporary.files++;
    this.files.push(file);
    return file;
  }

  /** Tuples go to a file. */
  *write(node: number, file: TemporaryFile, rows: number, bytes: number) {
    const before = file.pages;
    this.account.due += yield* file.write(rows * bytes, this.wait);
    this.owe('spilled', rows);
    const pages = file.pages - before;
    this.server.temporary.pages += pages;
    const usage = this.usage?.nodes[node];
    if (usage) usage.temporaryPages += pages;
    yield* this.pay();
  }

  *readBack(file: TemporaryFile) {
    this.account.due += yield* file.read(this.wait);
    yield* this.pay();
  }
}
