/**
 * WITH RECURSIVE (nodeRecursiveunion.c, nodeWorktablescan.c), and INTERSECT and EXCEPT
 * (nodeSetOp.c). Of the rows of a round the values are kept that somebody asks for, as numbers.
 *
 * Values here repeat themselves where real trees end, so that a recursion which nothing else ends
 * is over when as many rows have come as the planner expects, or behind its tenth round
 * (costsize.c: cost_recursive_union reckons with ten).
 */
import type { PlanRunner, Running, Sink } from './plan-runner.ts';
import type { RecursiveNode, SetOperationNode, WorkTableNode } from './plan-work.ts';
import { storedBytes } from './work-memory.ts';

const MOST_ROUNDS = 10;

export type Row = readonly number[];

export function* runRecursive(run: PlanRunner, node: RecursiveNode, sink: Sink): Running {
  const seen = new Set<string>();
  let rows: Row[] = [];
  let kept = 0;
  const take = (term: 0 | 1): Sink =>
    function* (count) {
      const columns = node.columns[term];
      const environment = run.plan.values.environment;
      for (let i = 0; i < count; i++) {
        const row = columns.map(({ value }) => value(run.slots, environment));
        run.owe(node.isDistinct ? 'hashed' : 'collected');
        if (node.isDistinct && row.length > 0) {
          const text = row.join();
          if (seen.has(text)) continue;
          seen.add(text);
        }
        if (kept >= Math.max(1, node.expected) && term === 1) return true;
        rows.push(row);
        if (!run.remember(node.number, ++kept * storedBytes(node.bytes))) return false;
        columns.forEach(({ slot }, k) => {
          run.slots[slot] = row[k]!;
        });
        if (!(yield* sink(1))) return false;
      }
      yield* run.pay();
      return !run.isOver;
    };
  if (!(yield* run.run(node.first, take(0)))) return false;
  for (let round = 0; rows.length > 0 && round < MOST_ROUNDS; round++) {
    run.rounds.set(node.number, rows);
    rows = [];
    run.owe('rescan');
    if (!(yield* run.run(node.next, take(1)))) return false;
  }
  return true;
}

export function* runWorkTable(run: PlanRunner, node: WorkTableNode, sink: Sink): Running {
  const rows = run.rounds.get(node.of) ?? [];
  for (const row of rows) {
    node.slots.forEach((slot, k) => {
      run.slots[slot] = row[k]!;
    });
    run.owe('given');
    const isKept =
      node.filter?.(run.slots, run.plan.values) ?? run.whole(node.number, node.share) > 0;
    if (isKept && !(yield* sink(1))) return false;
  }
  yield* run.pay();
  return !run.isOver;
}

/** Both sides are read; of the first one a share comes out. */
export function* runSetOperation(run: PlanRunner, node: SetOperationNode, sink: Sink): Running {
  const isRead = yield* run.run(node.second, function* (rows) {
    run.owe('hashed', rows);
    yield* run.pay();
    return true;
  });
  if (!isRead || run.isOver) return false;
  return yield* run.run(node.first, function* (rows) {
    run.owe('hashed', rows);
    const passing = run.whole(node.number, rows * node.share);
    yield* run.pay();
    return passing === 0 || (yield* sink(passing));
  });
}
