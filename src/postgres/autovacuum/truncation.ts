/**
 * The end of a vacuum: the empty tail of the file goes back to the file system, for which nobody
 * may use the table (vacuumlazy.c:lazy_truncate_heap). The lock is asked for every 50 ms for 5 s,
 * never waited for in the queue; with it the tail is read backwards to see that it is still empty,
 * and every 20 ms the process looks whether somebody waits: then it cuts what it has seen and lets
 * go.
 */

import { tablePage } from '../heap/relation.ts';
import type { Vacuum, VacuumStep } from '../heap/vacuum-plan.ts';
import { ACCESS_EXCLUSIVE } from '../locking/lock-modes.ts';
import { TRUNCATED } from '../wal/contents.ts';
import { HEAP_PAGE } from './costs.ts';
import { isEmpty } from './page-content.ts';
import type { PageWork } from './page-work.ts';
import type { MaintenanceProcess } from './process.ts';
import { TRUNCATE_CHECK, TRUNCATE_POLL, TRUNCATE_TIMEOUT } from './vacuum-settings.ts';

/** vacuumlazy.c: the clock is looked at once in so many blocks. */
const BLOCKS_PER_LOOK = 32;

export function* truncateTail(
  process: MaintenanceProcess,
  index: number,
  plan: Vacuum,
  step: VacuumStep,
  work: PageWork,
): Generator<undefined, void, undefined> {
  const { locks, wal, storage } = process.server;
  const { heap } = storage.tables[index]!;
  let end = step.block + step.pages;
  for (;;) {
    if (!(yield* lockTable(process, index))) return;
    const grew = heap.pages !== end;
    const first = grew ? end : yield* firstEmpty(process, index, step, end, work);
    const gives = first > step.block && locks.hasWaiters(index) && first < end;
    if (first < end && process.stopped === null) {
      process.logLock(index);
      plan.truncate({ ...step, block: first });
      storage.log(storage.tables[index]!, step.records);
      wal.note(TRUNCATED, tablePage(step.relation, first));
      storage.pool.drop(storage.fileOf(step.relation), first);
      storage.files.follow(index);
    }
    locks.unlockRelation(process.owner, index, ACCESS_EXCLUSIVE);
    end = first;
    if (!gives || process.stopped !== null) return;
  }
}

function* lockTable(process: MaintenanceProcess, index: number) {
  const { locks, context } = process.server;
  const giveUpAt = context.sim.now + TRUNCATE_TIMEOUT;
  while (!locks.tryLockRelation(process.owner, index, ACCESS_EXCLUSIVE)) {
    if (context.sim.now >= giveUpAt || process.stopped !== null) return false;
    yield* process.sleep(TRUNCATE_POLL);
  }
  return true;
}

/** Reads backwards as long as pages are empty and nobody waits (count_nondeletable_pages). */
function* firstEmpty(
  process: MaintenanceProcess,
  index: number,
  step: VacuumStep,
  end: number,
  work: PageWork,
) {
  const { locks, context, storage } = process.server;
  const { heap } = storage.tables[index]!;
  let lookAt = context.sim.now + TRUNCATE_CHECK;
  for (let block = end - 1; block >= step.block; block--) {
    if ((end - block) % BLOCKS_PER_LOOK === 0) {
      yield* work.settle();
      if (context.sim.now >= lookAt) {
        if (locks.hasWaiters(index)) return block + 1;
        lookAt = context.sim.now + TRUNCATE_CHECK;
      }
    }
    const { relation } = step;
    if (!(yield* work.page({ relation, block }, HEAP_PAGE, []))) return end;
    if (!isEmpty(heap.changed, block)) return block + 1;
  }
  return step.block;
}
