import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import { Heap } from '../../../src/postgres/heap/heap.ts';
import type { HeapChange } from '../../../src/postgres/heap/heap-change.ts';
import { Vacuum } from '../../../src/postgres/heap/vacuum-plan.ts';
import { NaiveHeap, type NaivePage } from '../../naive/heap-pages.ts';

/** Version 13: later ones give back pointers at the end of the array, whose order is not kept. */
const VERSION = 13;

function countsOf(heap: Heap, block: number) {
  const pages = heap.changed;
  const entry = pages.find(block);
  const rows = pages.loadedRows(block);
  if (entry < 0)
    return { pointers: rows, unused: 0, redirects: 0, stubs: 0, tuples: rows, hint: 0 };
  return {
    pointers: pages.pointers[entry],
    unused: pages.unused[entry],
    redirects: pages.redirects[entry],
    stubs: pages.stubs[entry],
    tuples: pages.live[entry]! + pages.dead[entry]!,
    hint: pages.pruneXid[entry],
  };
}

function naiveCountsOf({ pointers, pruneXid }: NaivePage) {
  const count = (state: string) => pointers.filter((pointer) => pointer.state === state).length;
  return {
    pointers: pointers.length,
    unused: count('unused'),
    redirects: count('redirect'),
    stubs: count('dead'),
    tuples: count('tuple'),
    hint: pruneXid,
  };
}

interface Case {
  readonly rows: number;
  readonly tupleBytes: number;
  readonly fillfactor: number;
  /** The horizon follows the newest transaction at most so far behind. */
  readonly lag: number;
}

class Pair {
  readonly heap: Heap;
  readonly naive: NaiveHeap;
  private readonly target = { block: -1 };
  private readonly random: Random;
  private readonly lag: number;
  private xid = 100;
  private horizon = 100;

  constructor({ rows, tupleBytes, fillfactor, lag }: Case, name: string) {
    const isIndexed = true;
    const definition = { relation: 1, rows, tupleBytes, fillfactor, version: VERSION, isIndexed };
    this.heap = new Heap(definition);
    this.naive = new NaiveHeap(rows, tupleBytes, fillfactor);
    this.random = new Random(name);
    this.lag = lag;
  }

  step(): void {
    const { heap, naive, random, target } = this;
    const xid = ++this.xid;
    this.horizon = Math.max(this.horizon, xid - random.integer(0, this.lag));
    const { horizon } = this;
    const row = random.integer(0, heap.nextRow - 1);
    const aborts = random.chance(0.1);
    const die = random.uniform();
    let change: HeapChange | null = null;
    if (die < 0.02) this.vacuum();
    else if (die < 0.12) {
      naive.insert(heap.nextRow);
      heap.insert(xid, target);
    } else if (die < 0.2) {
      naive.delete(row, xid, horizon, aborts);
      change = heap.delete(row, { xid, horizon });
    } else if (die < 0.3) {
      naive.select(row, horizon);
      heap.find(row, horizon);
    } else {
      const changesIndexedColumn = random.chance(0.15);
      naive.update(row, xid, horizon, changesIndexedColumn, aborts);
      change = heap.update(row, { xid, horizon, changesIndexedColumn, changedBytes: 4, target });
    }
    if (aborts && change) heap.abort(change);
  }

  private vacuum(): void {
    const { heap, horizon } = this;
    const memoryBytes = 64 << 20;
    const options = { horizon, freezeLimit: 0, isAggressive: true, memoryBytes };
    heap.changed.frozenBelow = 0;
    const vacuum = new Vacuum(heap, [], options);
    for (let step = vacuum.next(); step; step = vacuum.next());
    this.naive.vacuum(horizon);
    heap.indexesCleanBelow = horizon;
  }

  check(): void {
    const { heap, naive } = this;
    expect(heap.pages).toBe(naive.pages.length);
    const ours = naive.pages.map((_, block) => countsOf(heap, block));
    expect(ours).toEqual(naive.pages.map(naiveCountsOf));
    const blocks = Array.from({ length: heap.nextRow }, (_, row) => heap.rows.blockOf(row));
    expect(blocks).toEqual(blocks.map((_, row) => naive.homes.get(row)?.page ?? -1));
    expect(heap.removed).toBe(naive.removed);
    expect(heap.inserted).toBe(heap.live + heap.dead + heap.removed);
  }
}

const CASES: Case[] = [
  { rows: 300, tupleBytes: 121, fillfactor: 100, lag: 0 },
  { rows: 300, tupleBytes: 121, fillfactor: 80, lag: 40 },
  { rows: 200, tupleBytes: 700, fillfactor: 90, lag: 400 },
  { rows: 900, tupleBytes: 28, fillfactor: 100, lag: 10 },
  { rows: 0, tupleBytes: 300, fillfactor: 70, lag: 5 },
];

test.each(CASES)('agrees with a heap of single tuples, page by page: %o', (which) => {
  for (let seed = 0; seed < 4; seed++) {
    const pair = new Pair(which, `twin/${seed}`);
    if (which.rows === 0) pair.heap.insert(50, { block: -1 });
    if (which.rows === 0) pair.naive.insert(0);
    for (let i = 0; i < 1500; i++) {
      pair.step();
      if (i % 150 === 149) pair.check();
    }
  }
});
