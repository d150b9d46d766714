/** Nodes above others: sorts, aggregates, LIMIT, and what lets rows through one by one. */
import { ln } from '../../kernel/index.ts';
import { sortBytes } from '../sort.ts';
import { BATCH, type PlanRunner, type Running, type Sink } from './plan-runner.ts';
import type { AggregateNode, LimitNode, PassNode, SortNode } from './plan-work.ts';
import { Store } from './store.ts';
import type { TemporaryFile } from './temporary-file.ts';
import { groupBytes, mergePasses, storedBytes } from './work-memory.ts';

function log2(count: number): number {
  return count < 2 ? 0 : ln(count) / Math.LN2;
}

/** All rows that were kept, upwards. */
export function* give(run: PlanRunner, store: Store, sink: Sink): Running {
  if (!store.isNamed) {
    for (let left = store.count; left > 0; left -= BATCH) {
      const rows = Math.min(left, BATCH);
      run.owe('given', rows);
      yield* run.pay();
      if (run.isOver || !(yield* sink(rows))) return false;
    }
    return true;
  }
  for (let place = 0; place < store.count; place++) {
    run.owe('given');
    yield* run.pay();
    store.restore(place);
    if (run.isOver || !(yield* sink(1))) return false;
  }
  return true;
}

/** tuplesort.c: all rows first; within work_mem, on tapes beyond it, or a heap of the first k. */
export function* runSort(run: PlanRunner, node: SortNode, sink: Sink): Running {
  const store = new Store(run.slots, node.named);
  const memoryBytes = run.sortMemoryBytes;
  const { number, bound, bytes } = node;
  const isBounded = bound !== null && sortBytes(2 * bound, bytes) <= memoryBytes;
  let file: TemporaryFile | null = null;
  let unwritten = 0;
  yield* run.run(node.below, function* (rows) {
    store.put(rows);
    const held = isBounded ? Math.min(store.count, 2 * bound) : store.count;
    run.owe(isBounded && store.count > held ? 'compared' : 'collected', rows);
    const wanted = sortBytes(held, bytes);
    unwritten += rows;
    if (!run.remember(number, Math.min(memoryBytes, wanted))) return false;
    if (wanted > memoryBytes && (file === null || sortBytes(unwritten, bytes) > memoryBytes)) {
      file ??= run.newFile();
      yield* run.write(number, file, unwritten, storedBytes(bytes));
      unwritten = 0;
    }
    yield* run.pay();
    return true;
  });
  if (run.isOver) return false;
  const depth = log2(isBounded ? Math.min(store.count, 2 * bound) : store.count);
  run.owe('compared', isBounded ? Math.min(store.count, 2 * bound) * depth : store.count * depth);
  yield* run.pay();
  if (file !== null) yield* merge(run, node, file, unwritten, store.count);
  return yield* give(run, store, sink);
}

/** The last run is written too; further passes write everything once more. */
function* merge(
  run: PlanRunner,
  { number, bytes }: SortNode,
  file: TemporaryFile,
  unwritten: number,
  rows: number,
) {
  const stored = storedBytes(bytes);
  yield* run.write(number, file, unwritten, stored);
  yield* run.readBack(file);
  for (let pass = mergePasses(rows * stored, run.sortMemoryBytes); pass > 1; pass--) {
    const next = run.newFile();
    yield* run.write(number, next, rows, stored);
    yield* run.readBack(next);
  }
}

/** nodeAgg.c: one row of all, one for each group in order, or a hash table of groups. */
export function runAggregate(run: PlanRunner, node: AggregateNode, sink: Sink): Running {
  if (node.kind === 'plain aggregate') return plain(run, node, sink);
  return node.kind === 'sorted aggregate' ? inOrder(run, node, sink) : hashed(run, node, sink);
}

function* plain(run: PlanRunner, node: AggregateNode, sink: Sink): Running {
  const isRead = yield* run.run(node.below, function* (rows) {
    run.owe('aggregated', rows);
    yield* run.pay();
    return true;
  });
  return isRead && !run.isOver && (yield* sink(1));
}

/** Groups come to an end as their rows go by. */
function* inOrder(run: PlanRunner, node: AggregateNode, sink: Sink): Running {
  const ofRow = Math.min(1, node.groups / Math.max(1, node.expected));
  let seen = 0;
  let given = 0;
  let isWanted = yield* run.run(node.below, function* (rows) {
    seen += rows;
    run.owe('aggregated', rows);
    const groups = Math.max(0, Math.floor(seen * ofRow) - given);
    given += groups;
    run.owe('sortedGroup', groups);
    yield* run.pay();
    return groups === 0 || (yield* sink(groups));
  });
  if (run.isOver) return false;
  const last = Math.min(seen, Math.ceil(seen * ofRow)) - given;
  if (isWanted && last > 0) isWanted = yield* sink(last);
  return isWanted;
}

/** Rows of groups for which there is no room go to files, and are grouped in their turn. */
function* hashed(run: PlanRunner, node: AggregateNode, sink: Sink): Running {
  const { number, groups: expected, bytes } = node;
  const store = new Store(run.slots, node.named);
  const most = Math.max(1, Math.floor(run.hashMemoryBytes / groupBytes(bytes)));
  let seen = 0;
  let file: TemporaryFile | null = null;
  const isRead = yield* run.run(node.below, function* (rows) {
    seen += rows;
    run.owe('hashed', rows);
    const groups = Math.min(seen, Math.max(1, Math.round(expected)));
    const fresh = groups - store.count;
    store.put(fresh);
    run.owe('newGroup', fresh);
    const memory = Math.min(groups, most) * groupBytes(bytes);
    if (!run.remember(number, memory)) return false;
    const outside = groups > most ? Math.max(fresh, rows * (1 - most / groups)) : 0;
    if (outside > 0) {
      file ??= run.newFile();
      yield* run.write(number, file, Math.min(rows, outside), storedBytes(bytes));
    }
    yield* run.pay();
    return true;
  });
  if (!isRead || run.isOver) return false;
  if (file !== null) yield* run.readBack(file);
  return yield* give(run, store, sink);
}

/** Counts anew in each loop; what is below it ends when it has enough. */
export function* runLimit(run: PlanRunner, node: LimitNode, sink: Sink): Running {
  let skip = node.offset;
  let left = node.rows;
  let isWanted = true;
  if (left <= 0) return true;
  yield* run.run(node.below, function* (rows) {
    const skipped = Math.min(skip, rows);
    skip -= skipped;
    const given = Math.min(left, rows - skipped);
    if (given === 0) return true;
    left -= given;
    isWanted = yield* sink(given);
    return isWanted && left > 0;
  });
  return isWanted && !run.isOver;
}

export function runPass(run: PlanRunner, node: PassNode, sink: Sink): Running {
  return run.run(node.below, function* (rows) {
    run.owe('joined', rows);
    const passing = node.share < 1 ? run.whole(node.number, rows * node.share) : rows;
    yield* run.pay();
    return passing === 0 || (yield* sink(passing));
  });
}
