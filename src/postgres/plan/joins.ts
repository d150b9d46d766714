/** Joins (nodeNestloop.c, nodeHashjoin.c, nodeMergejoin.c). */
import type { PlanRunner, Running, Sink } from './plan-runner.ts';
import type { HashJoinNode, NestedLoopNode } from './plan-work.ts';
import { Store } from './store.ts';
import type { TemporaryFile } from './temporary-file.ts';
import { batchesOf, hashTableBytes, storedBytes } from './work-memory.ts';

/** The inner side once for each row of the outer one; of a unique key or a semi-join one row. */
export function runNestedLoop(run: PlanRunner, node: NestedLoopNode, sink: Sink): Running {
  const { join, share } = node;
  const takesOne = node.isUnique || join === 'semi';
  return run.run(node.outer, function* (rows) {
    for (let i = 0; i < rows; i++) {
      let matched = 0;
      let isWanted = true;
      run.owe('rescan');
      yield* run.run(node.inner, function* (pairs) {
        run.owe('joined', pairs);
        const fitting = share < 1 ? run.whole(node.number, pairs * share) : pairs;
        if (fitting === 0) return true;
        matched += fitting;
        if (join === 'anti') return false;
        isWanted = yield* sink(takesOne ? 1 : fitting);
        return isWanted && !takesOne;
      });
      if (!isWanted || run.isOver) return false;
      if (matched > 0 || (join !== 'left' && join !== 'anti')) continue;
      for (const slot of node.named) run.slots[slot] = -1;
      if (!(yield* sink(1))) return false;
    }
    yield* run.pay();
    return true;
  });
}

/**
 * The inner side into a hash table, then the outer side past it. How many pairs there are is what
 * the planner expects of as many rows. Beyond hash_mem both sides go to files in batches, all but
 * the first. A merge join needs no table; its inner side is read first all the same.
 */
export function* runHashJoin(run: PlanRunner, node: HashJoinNode, sink: Sink): Running {
  const isHash = node.kind === 'hash join';
  const build = new Build(run, node);
  const isRead = yield* run.run(node.inner, (rows) => build.take(rows, isHash));
  if (!isRead || run.isOver) return false;
  if (build.rows === 0 && (node.join === 'inner' || node.join === 'semi')) return true;
  const pairs = pairsOf(node, build.rows);
  const isWanted = yield* run.run(node.outer, function* (rows) {
    run.owe(isHash ? 'hashProbed' : 'merged', rows);
    yield* build.probed(rows);
    const made = run.whole(node.number, pairs * rows);
    run.owe('joined', made);
    yield* run.pay();
    if (!build.store.isNamed) return made === 0 || (yield* sink(made));
    for (let i = 0; i < made; i++) {
      build.draw();
      if (!(yield* sink(1))) return false;
    }
    return true;
  });
  yield* build.finish();
  return isWanted && !run.isOver;
}

/** Pairs for each row of the outer side. */
function pairsOf({ estimate, join }: HashJoinNode, innerRows: number): number {
  const { rows, outer, inner } = estimate;
  const expected = rows / Math.max(1, outer);
  if (join === 'anti') return expected;
  const scale = innerRows / Math.max(1, inner);
  if (join === 'semi') return Math.min(1, expected * Math.min(1, scale));
  return join === 'left' || join === 'full' ? Math.max(1, expected * scale) : expected * scale;
}

/** The hash table of one join, its batches and their files. */
class Build {
  rows = 0;
  readonly store: Store;
  private readonly run: PlanRunner;
  private readonly node: HashJoinNode;
  private batches = 1;
  private inner: TemporaryFile | null = null;
  private outer: TemporaryFile | null = null;
  private drawn = 0;

  constructor(run: PlanRunner, node: HashJoinNode) {
    this.run = run;
    this.node = node;
    this.store = new Store(run.slots, node.named);
  }

  *take(rows: number, isHash: boolean): Running {
    const { run, node } = this;
    this.rows += rows;
    this.store.put(rows);
    if (!isHash) {
      run.owe('merged', rows);
      yield* run.pay();
      return true;
    }
    run.owe('hashBuilt', rows);
    const limit = run.hashMemoryBytes;
    const batches = batchesOf(this.rows, node.innerBytes, limit);
    const bytes = hashTableBytes(this.rows / batches, node.innerBytes);
    if (!run.remember(node.number, Math.min(limit, bytes))) return false;
    if (batches > 1) yield* this.spill(rows, batches);
    yield* run.pay();
    return true;
  }

  /** More batches than before: what belongs to the new ones leaves the table. */
  private *spill(rows: number, batches: number) {
    const { run, node } = this;
    const isMore = batches > this.batches;
    const here = isMore ? (this.rows - rows) / this.batches : 0;
    const leaving = here - (isMore ? (this.rows - rows) / batches : 0);
    this.batches = batches;
    const usage = run.usage?.nodes[node.number];
    if (usage) usage.batches = batches;
    const spilled = leaving + rows * (1 - 1 / batches);
    this.inner ??= run.newFile();
    yield* run.write(node.number, this.inner, spilled, storedBytes(node.innerBytes));
  }

  /** Rows of the outer side that belong to later batches wait in a file. */
  *probed(rows: number) {
    const { run, node, batches } = this;
    if (batches === 1) return;
    this.outer ??= run.newFile();
    const waiting = rows * (1 - 1 / batches);
    yield* run.write(node.number, this.outer, waiting, storedBytes(node.outerBytes));
  }

  /** Some row of the inner side, the next one each time. */
  draw(): void {
    this.store.restore(this.drawn);
    this.drawn = (this.drawn + 1) % this.store.count;
  }

  *finish() {
    if (this.inner) yield* this.run.readBack(this.inner);
    if (this.outer) yield* this.run.readBack(this.outer);
  }
}
