/**
 * ModifyTable and LockRows (nodeModifyTable.c, nodeLockRows.c): each row from below is locked and
 * changed by the executor before the next one is asked for, and goes on up, to RETURNING, if it was
 * there and nobody's. A row that comes twice is changed once.
 *
 * Left out: what the plan reads after a change is what was there before (a scan sees the snapshot
 * of its statement), but pages and their room are as the change has left them.
 */

import type { PlanRunner, Running, Sink } from './plan-runner.ts';
import type { ChangeNode, IsThere, RowChange } from './plan-work.ts';

/** Of each change the rows that it has had. */
export type Seen = Map<ChangeNode, Set<number>>;

/** Numbers of rows in one table begin anew in the next. */
const TABLES = 0x100_0000_0000;

export function* runChange(run: PlanRunner, node: ChangeNode, sink: Sink): Running {
  const { seen } = run;
  const isThere: IsThere = (relation, key) =>
    key >= 1 && run.table(relation).heap.rows.blockOf(key - 1) >= 0;
  return yield* run.run(node.below, function* (rows) {
    for (let i = 0; i < rows; i++) {
      let isDone = true;
      for (const change of node.changes(run.slots, run.plan.values, isThere)) {
        if (node.isOnce && change.key > 0 && isSeen(seen, node, change)) isDone = false;
        else isDone = (yield* changed(run, change)) && isDone;
        if (run.isOver) return false;
      }
      yield* run.pay();
      if (isDone && node.returns && !(yield* sink(1))) return false;
    }
    return true;
  });
}

function isSeen(seen: Seen, node: ChangeNode, { relation, key }: RowChange): boolean {
  const rows = seen.get(node) ?? new Set<number>();
  seen.set(node, rows);
  const id = relation.index * TABLES + key;
  if (rows.has(id)) return true;
  rows.add(id);
  return false;
}

/** Whether the row was there, and not left out because somebody has it. */
function* changed(run: PlanRunner, change: RowChange): Running {
  const { verb } = change;
  run.owe(verb === 'select' ? 'lock' : verb);
  const outcome = yield* run.host.change(change, run.prepared);
  if (typeof outcome !== 'string') run.error ??= outcome;
  return outcome === 'done';
}
