/**
 * A sequential scan: all pages of a table in order, read ahead as the version does, those of a big
 * table through a ring (`storage/heap-reads.ts`). On the way the reader prunes and sets hint
 * bits as any other does.
 */
import type { Scanner } from './access.ts';
import { type Table, tablePage } from './heap/relation.ts';
import { HeapReads } from './storage/heap-reads.ts';
import { setHints } from './storage/hint.ts';

/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;

export function* scanTable({ server, wait, transaction }: Scanner, table: Table) {
  const { storage, costs, host, group, procArray, inRecovery } = server;
  const { heap } = table;
  const { relation } = heap.definition;
  const { array } = procArray;
  const horizon = inRecovery ? 0 : array.oldestNonRemovableXid();
  const oldestRunning = inRecovery ? 0 : array.oldestRunningXid;
  const reads = new HeapReads(storage, heap, wait);
  const versions = (heap.live + heap.dead) / Math.max(1, heap.pages);
  const ofPage = costs.pageHit + versions * costs.furtherRow('scanned');
  let due = 0;
  for (let block = 0, end = heap.pages; block < end; block++) {
    const page = tablePage(relation, block);
    transaction.critical = true;
    due += ofPage + (yield* reads.page(block));
    transaction.endCritical();
    const { record, setsHints } = heap.fetch(block, horizon, oldestRunning);
    if (record) storage.log(table, [record]);
    if (setsHints) setHints(storage, table, page);
    if (transaction.cancellation !== null) return;
    if (due < SLICE) continue;
    yield host.cpu.serve(Math.round(due), group);
    due = 0;
  }
  if (due >= 1) yield host.cpu.serve(Math.round(due), group);
}
