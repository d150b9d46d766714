/** Batches as tuples that are inserted and deleted one by one, each with its entry in the index. */
import type { PartsExecutor } from '../partitioning/parts.ts';
import type { ErrorResponse, Statement, Verb } from '../statement.ts';
import type { CompressedChunk } from './chunk.ts';

type Changing = Generator<undefined, ErrorResponse | null, undefined>;

/** The tuples of one more batch. */
export function* writeBatch(
  executor: PartsExecutor,
  table: number,
  { tuplesOfBatch }: CompressedChunk,
): Changing {
  for (let i = 0; i < tuplesOfBatch; i++) {
    const error = yield* executor.changeRow(aboutTuple(executor, 'insert', table, 0));
    if (error !== null) return error;
  }
  return yield* paid(executor, 'insert', tuplesOfBatch);
}

/** One batch goes, by its number among all; one that was written anew has another place. */
export function* deleteBatch(
  executor: PartsExecutor,
  table: number,
  { tuplesOfBatch }: CompressedChunk,
  number: number,
): Changing {
  for (let i = 0; i < tuplesOfBatch; i++) {
    const key = number * tuplesOfBatch + i + 1;
    const error = yield* executor.changeRow(aboutTuple(executor, 'delete', table, key));
    if (error !== null) return error;
  }
  return yield* paid(executor, 'delete', tuplesOfBatch);
}

/** So many rows that are not compressed, into the chunk's own table. */
export function* insertRows(executor: PartsExecutor, table: number, rows: number): Changing {
  for (let i = 0; i < rows; i++) {
    const error = yield* executor.changeRow(aboutTuple(executor, 'insert', table, 0));
    if (error !== null) return error;
    if ((i + 1) % SLICE_ROWS === 0) yield* paid(executor, 'insert', SLICE_ROWS);
  }
  return yield* paid(executor, 'insert', rows % SLICE_ROWS);
}

const SLICE_ROWS = 20;

function* paid(
  { server, transaction }: PartsExecutor,
  kind: 'insert' | 'delete',
  rows: number,
): Changing {
  const { host, group, costs } = server;
  yield host.cpu.serve(Math.round(rows * costs.furtherRow(kind)), group);
  return transaction.cancellation;
}

function aboutTuple({ server }: PartsExecutor, verb: Verb, index: number, key: number): Statement {
  const { name } = server.storage.tables[index]!.definition;
  const relation = { index, name, changedBytes: 0 };
  const type = 'statement' as const;
  return { type, verb, relation, key, prepared: true, commit: null, details: null, usage: null };
}
