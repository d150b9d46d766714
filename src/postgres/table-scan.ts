/**
 * A sequential scan: all pages of a table in order, read ahead as the version does, those of a big
 * table through a ring (`storage/heap-reads.ts`). On the way the reader prunes and sets hint
 * bits as any other does.
 */
import type { Account, Scanner } from './access.ts';
import { MISS } from './buffers/buffer-pool.ts';
import { type Table, type TablePage, tablePage } from './heap/relation.ts';
import type { Server } from './server.ts';
import { HeapReads } from './storage/heap-reads.ts';
import { setHints } from './storage/hint.ts';

/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;

/** The next blocks to scan, from one up to another; null: there are none. */
export type Chunks = () => readonly [number, number] | null;

/** `pages`: how many of them, from the first on; all if it is not given. */
export function* scanTable(scanner: Scanner, table: Table, pages = Number.POSITIVE_INFINITY) {
  const { costs, host, group } = scanner.server;
  const { heap } = table;
  const versions = (heap.live + heap.dead) / Math.max(1, heap.pages);
  const ofVersions = versions * costs.furtherRow('scanned');
  const account = { due: 0 };
  let left = pages;
  yield* eachPage(scanner, table, account, null, function* () {
    account.due += ofVersions;
    if (--left <= 0) return false;
    if (scanner.transaction.cancellation !== null) return false;
    if (account.due < SLICE) return true;
    yield host.cpu.serve(Math.round(account.due), group);
    account.due = 0;
    return true;
  });
  if (account.due >= 1) yield host.cpu.serve(Math.round(account.due), group);
}

/** On a standby replay waits for those who look at a page; on a primary nobody here does. */
function pin({ storage }: Server, transaction: Scanner['transaction'], page: TablePage): number {
  if (storage.isOutside(page)) return MISS;
  const buffer = storage.pool.find(storage.pageOf(page));
  if (buffer === MISS) return MISS;
  storage.pool.keep(buffer);
  transaction.pinned = buffer;
  return buffer;
}

/** A crash has made the pool anew, and nothing is pinned any more. */
function unpin({ storage }: Server, transaction: Scanner['transaction'], buffer: number): void {
  if (storage.pool.pinCount(buffer) > 0) storage.pool.unpin(buffer);
  transaction.pinned = MISS;
}

/** Pages one after the other, or in chunks; false if `each` wants no more of them. */
export function* eachPage(
  { server, wait, transaction }: Scanner,
  table: Table,
  account: Account,
  chunks: Chunks | null,
  each: (block: number) => Generator<undefined, boolean>,
): Generator<undefined, boolean> {
  const { storage, costs, procArray, inRecovery } = server;
  const { heap } = table;
  const { relation } = heap.definition;
  const { array } = procArray;
  const horizon = inRecovery ? 0 : array.oldestNonRemovableXid();
  const oldestRunning = inRecovery ? 0 : array.oldestRunningXid;
  const reads = new HeapReads(storage, heap, wait);
  let [block, end] = chunks === null ? [0, heap.pages] : [0, 0];
  for (;;) {
    if (block >= end) {
      const chunk = chunks?.() ?? null;
      if (chunk === null) return true;
      [block, end] = chunk;
      reads.moveTo(block, end);
    }
    const page = tablePage(relation, block);
    transaction.critical = true;
    account.due += costs.pageHit + (yield* reads.page(block));
    transaction.endCritical();
    const { record, setsHints } = heap.fetch(block, horizon, oldestRunning);
    if (record) storage.log(table, [record]);
    if (setsHints) setHints(storage, table, page);
    const buffer = inRecovery ? pin(server, transaction, page) : MISS;
    try {
      if (!(yield* each(block))) return false;
    } finally {
      if (buffer !== MISS) unpin(server, transaction, buffer);
    }
    block++;
  }
}
