/** Scans of a plan on a chunk of which a part is compressed: its batches, then the rest. */
import type { Access } from '../access.ts';
import type { PlanRunner, Running, Sink } from '../plan/plan-runner.ts';
import type { BitmapHeapNode, IndexNode, SequentialNode } from '../plan/plan-work.ts';
import { rowsOfBatch } from './chunk.ts';
import { batchesFor, compressedOf, readBatches } from './reading.ts';

/** A scan of one table by its plan. */
export type Scan = SequentialNode | IndexNode | BitmapHeapNode;

/** The rows of batches, of which as many are left as the plan expects. */
export function* runBatches(run: PlanRunner, node: Scan, sink: Sink): Running {
  const { index } = node.relation;
  const chunk = compressedOf(run.server, index)!;
  if (node.isParallel && run.shared !== null && run.shared.participant > 0) return true;
  for (const access of accessesOf(run, node)) {
    const wanted = batchesFor(run.server, index, chunk, access);
    const read = wanted.count * rowsOfBatch(chunk);
    const expected =
      node.kind === 'sequential' ? read * node.share : (node.kept ?? access!.entries);
    const share = read > 0 ? Math.min(1, expected / read) : 0;
    const isWanted = yield* readBatches(run, index, wanted, run.account, function* (rows) {
      const left = run.whole(node.number, rows * share);
      run.slots[node.slot] = node.first;
      return left === 0 || (yield* sink(left));
    });
    if (!isWanted) return false;
  }
  return true;
}

function accessesOf(run: PlanRunner, node: Scan): readonly (Access | null)[] {
  if (node.kind === 'sequential') return [null];
  const index = node.kind === 'index' ? node : firstIndex(node.bitmap);
  return index === null ? [null] : index.reaches(run.slots, run.plan.values);
}

type Bitmap = BitmapHeapNode['bitmap'];

function firstIndex(bitmap: Bitmap): Extract<Bitmap, { kind: 'bitmap index' }> | null {
  if (bitmap.kind === 'some rows') return null;
  return bitmap.kind === 'bitmap index' ? bitmap : firstIndex(bitmap.of[0]!);
}
