/** Nodes that spare an inner side to be read again (nodeMaterial.c, nodeMemoize.c). */
import { give } from './above.ts';
import type { PlanRunner, Running, Sink } from './plan-runner.ts';
import type { MaterializeNode, MemoizeNode } from './plan-work.ts';
import { Store } from './store.ts';
import type { TemporaryFile } from './temporary-file.ts';
import { groupBytes, storedBytes } from './work-memory.ts';

interface Materialized {
  readonly store: Store;
  file: TemporaryFile | null;
}

/** The first loop reads to the end, as far as it is wanted; later ones find what was kept. */
export function* runMaterialize(run: PlanRunner, node: MaterializeNode, sink: Sink): Running {
  const known = run.kept[node.number] as Materialized | undefined;
  if (known !== undefined) {
    if (known.file !== null) yield* run.readBack(known.file);
    return yield* give(run, known.store, sink);
  }
  const own: Materialized = { store: new Store(run.slots, node.named), file: null };
  const stored = storedBytes(node.bytes);
  let isWanted = true;
  const isWhole = yield* run.run(node.below, function* (rows) {
    own.store.put(rows);
    run.owe('collected', rows);
    const bytes = own.store.count * stored;
    if (!run.remember(node.number, Math.min(bytes, run.sortMemoryBytes))) return false;
    if (bytes > run.sortMemoryBytes) {
      const isFirst = own.file === null;
      own.file ??= run.newFile();
      const leaving = isFirst ? own.store.count : rows;
      yield* run.write(node.number, own.file, leaving, stored);
    }
    yield* run.pay();
    isWanted = yield* sink(rows);
    return isWanted;
  });
  if (isWhole && !run.isOver) run.kept[node.number] = own;
  return isWanted && !run.isOver;
}

/** Results by key, the least recently used of which give way beyond hash_mem. */
export function* runMemoize(run: PlanRunner, node: MemoizeNode, sink: Sink): Running {
  run.kept[node.number] ??= new Cache(node.bytes, run.hashMemoryBytes);
  const cache = run.kept[node.number] as Cache;
  const key = node.key(run.slots);
  run.owe('memoized');
  const known = cache.find(key);
  if (known !== undefined) return yield* give(run, known, sink);
  const store = new Store(run.slots, node.named);
  let isWanted = true;
  yield* run.run(node.below, function* (rows) {
    store.put(rows);
    isWanted = yield* sink(rows);
    return isWanted;
  });
  cache.add(key, store);
  return run.remember(node.number, cache.bytes) && isWanted && !run.isOver;
}

class Cache {
  bytes = 0;
  private readonly entries = new Map<string, Store>();
  private readonly rowBytes: number;
  private readonly mostBytes: number;

  constructor(rowBytes: number, mostBytes: number) {
    this.rowBytes = groupBytes(rowBytes);
    this.mostBytes = mostBytes;
  }

  find(key: string): Store | undefined {
    const found = this.entries.get(key);
    if (found === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, found);
    return found;
  }

  add(key: string, store: Store): void {
    this.entries.set(key, store);
    this.bytes += this.sizeOf(store);
    for (const [oldest, kept] of this.entries) {
      if (this.bytes <= this.mostBytes) return;
      this.entries.delete(oldest);
      this.bytes -= this.sizeOf(kept);
    }
  }

  private sizeOf({ count }: Store): number {
    return Math.max(1, count) * this.rowBytes;
  }
}
