/** Scans as nodes of a plan: their pages (`../access.ts`, `../table-scan.ts`), their rows up. */
import { type Access, collectBitmap, eachFound, readBitmapOf } from '../access.ts';
import type { Table } from '../heap/relation.ts';
import { eachPage } from '../table-scan.ts';
import type { PlanRunner, Running, Sink } from './plan-runner.ts';
import type {
  BitmapHeapNode,
  BitmapNode,
  IndexNode,
  RowsNode,
  ScanNode,
  SequentialNode,
} from './plan-work.ts';

/** Rows are handed up page by page. */
export function* runSequential(run: PlanRunner, node: SequentialNode, sink: Sink): Running {
  if (!(yield* run.open(node.relation, node.isPartition))) return false;
  const table = run.table(node.relation);
  const { heap } = table;
  const versions = (heap.live + heap.dead) / Math.max(1, heap.pages);
  const ofPage = versions * run.server.costs.furtherRow('scanned');
  const filtered = node.share < 1 ? versions * run.server.costs.furtherRow('filtered') : 0;
  const blocks = node.isParallel ? run.shared?.blocksOf(node.number, heap.pages) : undefined;
  const mean = heap.live / Math.max(1, heap.pages);
  const nextRow = rowsByPage(table);
  return yield* eachPage(run, table, run.account, blocks ?? null, function* (block) {
    run.account.due += ofPage + filtered;
    yield* run.pay();
    if (run.isOver) return false;
    const rows = run.whole(node.number, mean * node.share);
    if (!node.isNamed) return rows === 0 || (yield* sink(rows));
    setTable(run, node);
    for (let i = 0; i < rows; i++) {
      run.slots[node.slot] = node.first + nextRow(block, (i + 0.5) / rows);
      if (!(yield* sink(1))) return false;
    }
    return true;
  });
}

function setTable({ slots }: PlanRunner, { tableSlot, relation }: ScanNode): void {
  if (tableSlot >= 0) slots[tableSlot] = relation.index;
}

/** Rows lie in the table in the order of their numbers, as far as it was loaded so. */
function rowsByPage({ heap }: Table): (block: number, place: number) => number {
  const ofPage = heap.nextRow / Math.max(1, heap.pages);
  return (block, place) => Math.floor((block + place) * ofPage);
}

/** Of the entries that a scan finds, those that its filter leaves: as many as are expected. */
function shareOf(found: number, kept: number | null): number {
  return kept === null || found === 0 ? 1 : Math.min(1, kept / found);
}

/** Processes that share a scan share its entries. */
function partOf(run: PlanRunner, access: Access, isParallel: boolean): Access {
  const { shared } = run;
  if (!isParallel || shared === null) return access;
  const { participant, participants } = shared;
  const cut = (place: number) => Math.floor((access.entries * place) / participants);
  const first = cut(participant);
  return { ...access, from: access.from + first, entries: cut(participant + 1) - first };
}

function rowsTo(run: PlanRunner, node: ScanNode, share: number, sink: Sink) {
  return function* (row: number): Running {
    if (share < 1) run.owe('filtered');
    const rows = share < 1 ? run.whole(node.number, share) : 1;
    if (rows === 0) return true;
    run.slots[node.slot] = node.first + row;
    setTable(run, node);
    return yield* sink(rows);
  };
}

/** One descent for each key, in the order of the list. */
export function* runIndex(run: PlanRunner, node: IndexNode, sink: Sink): Running {
  if (!(yield* run.open(node.relation, node.isPartition))) return false;
  const table = run.table(node.relation);
  const all = node.reaches(run.slots, run.plan.values);
  const found = all.reduce((sum, { entries }) => sum + entries, 0);
  const each = rowsTo(run, node, shareOf(found, node.kept), sink);
  for (const access of all) {
    const part = partOf(run, access, node.isParallel);
    if (!(yield* eachFound(run, table, part, run.account, each))) return false;
    yield* run.pay();
  }
  return !run.isOver;
}

export function* runBitmapHeap(run: PlanRunner, node: BitmapHeapNode, sink: Sink): Running {
  if (!(yield* run.open(node.relation, node.isPartition))) return false;
  const table = run.table(node.relation);
  const rows = yield* collect(run, node.bitmap, table);
  const { shared } = run;
  const isMine = (_: number, i: number) =>
    !node.isParallel || shared === null || i % shared.participants === shared.participant;
  const each = rowsTo(run, node, shareOf(rows.length, node.kept), sink);
  const own = rows.filter(isMine);
  return (yield* readBitmapOf(run, table, own, run.account, each)) && !run.isOver;
}

/** Rows by their places: a page for each. */
export function* runRows(run: PlanRunner, node: RowsNode, sink: Sink): Running {
  if (!(yield* run.open(node.relation, node.isPartition))) return false;
  const table = run.table(node.relation);
  const rows = node.rows(run.slots, run.plan.values).map((row) => row - node.first);
  const there = rows.filter((row) => table.heap.rows.blockOf(row) >= 0);
  const each = rowsTo(run, node, 1, sink);
  return (yield* readBitmapOf(run, table, there, run.account, each)) && !run.isOver;
}

/** The rows that a bitmap marks. */
function* collect(
  run: PlanRunner,
  node: BitmapNode,
  table: Table,
): Generator<undefined, readonly number[]> {
  const above = run.usage?.switchTo(node.number);
  const rows = yield* collectOf(run, node, table);
  const own = run.usage?.nodes[node.number];
  if (own !== undefined) {
    own.loops++;
    own.rows += rows.length;
    run.usage!.switchTo(above!);
  }
  return rows;
}

function* collectOf(
  run: PlanRunner,
  node: BitmapNode,
  table: Table,
): Generator<undefined, readonly number[]> {
  const found: (readonly number[])[] = [];
  if (node.kind === 'bitmap index') {
    for (const access of node.reaches(run.slots, run.plan.values)) {
      found.push(yield* collectBitmap(run, table, access, run.account));
    }
    return found.length === 1 ? found[0]! : [...new Set(found.flat())];
  }
  if (node.kind === 'some rows') {
    const { definition } = table;
    const wanted = Math.min(definition.rows, Math.round(node.expected));
    const first = Math.floor(node.place(run.slots, run.plan.values) * definition.rows);
    run.owe('select', wanted);
    yield* run.pay();
    return Array.from({ length: wanted }, (_, i) =>
      table.scatteredRow((first + i) % definition.rows),
    );
  }
  for (const each of node.of) found.push(yield* collect(run, each, table));
  if (node.kind === 'or') return [...new Set(found.flat())];
  const [least = []] = [...found].sort((a, b) => a.length - b.length);
  const wanted = Math.min(least.length, Math.round(node.expected));
  return Array.from({ length: wanted }, (_, i) => least[Math.floor((i * least.length) / wanted)]!);
}
