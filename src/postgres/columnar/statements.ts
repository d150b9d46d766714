/**
 * Statements on a chunk of which a part is compressed. A query reads the batches that its scan is
 * about beside the rows that are not compressed. An UPDATE or DELETE takes such batches apart
 * first, into rows of the chunk's own table, and then does what it does; beyond 100,000 rows of one
 * statement that is error 53400 (guc.c: max_tuples_decompressed_per_dml_transaction, which counts a
 * whole transaction). An INSERT goes to the chunk's own table and has nothing to do with batches.
 *
 * Left out: the constraint of a unique index that an INSERT has to check among the batches; what a
 * WHERE on the segment or the order spares beyond what the plan's index says.
 */
import type { Access, Account } from '../access.ts';
import type { PartsExecutor } from '../partitioning/parts.ts';
import { ERRORS, type ErrorResponse, type Statement } from '../statement.ts';
import { deleteBatch, insertRows } from './batch-changes.ts';
import { type CompressedChunk, rowsOfBatch } from './chunk.ts';
import { batchesFor, compressedOf, readBatches } from './reading.ts';

type Doing = Generator<undefined, ErrorResponse | Statement | null, undefined>;

/** guc.c: the default of max_tuples_decompressed_per_dml_transaction. */
const MOST_DECOMPRESSED = 100_000;

/** Whether a statement has to look into batches. */
export function isAboutBatches(
  executor: PartsExecutor,
  { verb, relation, details }: Statement,
): boolean {
  const { compressed } = executor.server.storage.database;
  if (details?.rows === 'plan') return false; // its scans look for themselves
  return compressed.size > 0 && verb !== 'insert' && compressed.has(relation!.index);
}

/** The same of a row that an index leads to. */
export function isLookUpInBatches(executor: PartsExecutor, statement: Statement): boolean {
  return isAboutBatches(executor, statement) && (statement.details?.access?.index ?? -1) >= 0;
}

/** What a statement does with batches: the statement about the rest, or an error. */
export function* useBatches(executor: PartsExecutor, statement: Statement): Doing {
  const { server, transaction } = executor;
  const { index } = statement.relation!;
  const chunk = compressedOf(server, index)!;
  const access = accessOf(statement);
  const wanted = batchesFor(server, index, chunk, access);
  const account: Account = { due: 0 };
  const changes = statement.verb === 'update' || statement.verb === 'delete';
  if (changes && wanted.count * rowsOfBatch(chunk) > MOST_DECOMPRESSED) {
    return ERRORS.decompressionLimit;
  }
  yield* readBatches(executor, index, wanted, account, everything);
  yield server.host.cpu.serve(Math.round(account.due), server.group);
  if (transaction.cancellation !== null) return transaction.cancellation;
  if (!changes) return withoutIndex(statement);
  return yield* decompress(executor, statement, chunk, wanted);
}

function* everything(): Generator<undefined, boolean> {
  return true;
}

/** One row by its key is one entry of the index. */
function accessOf({ details }: Statement): Access | null {
  if (details === null || details.rows === 'all') return null;
  const { access } = details;
  return details.rows === null && access !== null ? { ...access, entries: 1 } : access;
}

/** A row by its key: among the rows that are not compressed it is not looked up once more. */
function withoutIndex(statement: Statement): Statement {
  const { details } = statement;
  if (details === null || details.rows !== null) return statement;
  return { ...statement, details: { ...details, access: FOUND } };
}

const FOUND = { index: -1, scan: 'index', from: 0, entries: 0 } as const;

/** Batches become rows, of which the statement changes as many as it would have found. */
function* decompress(
  executor: PartsExecutor,
  statement: Statement,
  chunk: CompressedChunk,
  { first, count }: { readonly first: number; readonly count: number },
): Doing {
  const { server, changes } = executor;
  const { index } = statement.relation!;
  const { tables, database } = server.storage;
  const { columnar } = tables[index]!.definition;
  const rows = Math.round(count * rowsOfBatch(chunk));
  const before = tables[index]!.heap.nextRow;
  executor.transaction.assignXid();
  for (let i = 0; i < count; i++) {
    const error = yield* deleteBatch(executor, columnar!.batches, chunk, first + i);
    if (error !== null) return error;
  }
  const error = yield* insertRows(executor, index, rows);
  if (error !== null) return error;
  const left = { ...chunk, rows: chunk.rows - rows };
  changes.define(() => database.compressed.set(index, left));
  const { details } = statement;
  const wanted = details?.rows === 'all' ? (details.access?.entries ?? rows) : undefined;
  const found = wanted ?? (details?.rows === 'entries' ? (details.access?.entries ?? 1) : 1);
  const list = Array.from({ length: Math.min(rows, Math.round(found)) }, (_, i) => before + i + 1);
  return { ...statement, details: { ...details!, rows: { kind: 'list', list }, access: FOUND } };
}
