/**
 * compress_chunk of TimescaleDB for all chunks that ended before some time, in one transaction
 * (tsl/src/compression/api.c, compression.c, recompress.c).
 *
 * A chunk under an EXCLUSIVE lock, so that others read it and nobody writes: read from one end to
 * the other, sorted by segment and order, its values compressed, the batches inserted tuple by
 * tuple; then, under ACCESS EXCLUSIVE, the chunk gets an empty file, and the old one goes with the
 * commit. A chunk that has been compressed and has got rows since is compressed segment by segment:
 * each batch in whose range one of them lies is read, taken apart and deleted, and written anew
 * with it. Left out: a sort that does not fit into maintenance_work_mem; rows that make a batch
 * more than full; one transaction for each chunk, as the policy's job has it.
 */
import type { Nanoseconds } from '../../kernel/time.ts';
import type { Account } from '../access.ts';
import { Table } from '../heap/relation.ts';
import { ACCESS_EXCLUSIVE, ACCESS_SHARE, EXCLUSIVE, type LockMode } from '../locking/lock-modes.ts';
import type { PartitionCommand } from '../partitioning/command.ts';
import { lockError } from '../partitioning/opening.ts';
import type { PartsExecutor } from '../partitioning/parts.ts';
import { unlinkFiles } from '../partitioning/unlinking.ts';
import { sortTime } from '../sort.ts';
import type { ErrorResponse } from '../statement.ts';
import { scanTable } from '../table-scan.ts';
import { deleteBatch, writeBatch } from './batch-changes.ts';
import { batchCount, type CompressedChunk, compressedChunk, rowsOfBatch } from './chunk.ts';
import { compressedOf, readBatches } from './reading.ts';

/** A chunk, by the number of its table. */
export interface CompressibleChunk {
  readonly index: number;
  readonly isPart: boolean;
  readonly to: Nanoseconds;
  /** What the table of its batches is created with. */
  readonly create: PartitionCommand;
}

/** `SELECT compress_chunk(c) FROM show_chunks('T', older_than => INTERVAL '...') c`. */
export interface CompressionJob {
  readonly kind: 'compression';
  /** The lock of the hypertable. */
  readonly hypertable: number;
  readonly chunks: readonly CompressibleChunk[];
  /** So long before now a chunk has to have ended. */
  readonly olderThan: Nanoseconds;
}

type Compressing = Generator<undefined, ErrorResponse | null, undefined>;

export function* compressChunks(executor: PartsExecutor, job: CompressionJob): Compressing {
  const { server, transaction } = executor;
  const before = server.context.sim.now - job.olderThan;
  const { tables, database } = server.storage;
  for (const chunk of job.chunks) {
    const { index, to, isPart } = chunk;
    const isThere = database.partitions.isAttached(index, isPart, transaction.xid);
    if (!isThere || to > before || tables[index]!.heap.live === 0) continue;
    const error = yield* compressOne(executor, job, chunk);
    if (error !== null) return error;
  }
  return null;
}

function* compressOne(
  executor: PartsExecutor,
  { hypertable }: CompressionJob,
  { index, create }: CompressibleChunk,
): Compressing {
  const { server, transaction } = executor;
  const shared = yield* lock(executor, hypertable, ACCESS_SHARE);
  if (shared !== null) return shared;
  const exclusive = yield* lock(executor, index, EXCLUSIVE);
  if (exclusive !== null) return exclusive;
  const table = server.storage.tables[index]!;
  const former = compressedOf(server, index);
  const fresh = table.heap.live;
  yield* scanTable(executor, table);
  if (transaction.cancellation !== null) return transaction.cancellation;
  transaction.assignXid();
  yield server.host.cpu.serve(sortTime(fresh), server.group);
  const error =
    former === null
      ? yield* compressAll(executor, index, create)
      : yield* recompress(executor, index, former, fresh);
  if (error !== null) return error;
  const last = yield* lock(executor, index, ACCESS_EXCLUSIVE);
  if (last !== null) return last;
  const files = unlinkFiles(server, index);
  executor.changes.define(() => {
    const { definition } = server.storage.tables[index]!;
    files.remove();
    server.storage.database.tables[index] = new Table({ ...definition, rows: 0 });
    server.storage.files.follow(index);
  }, files.time);
  return null;
}

function* lock(executor: PartsExecutor, relation: number, mode: LockMode): Compressing {
  const { server, owner, transaction } = executor;
  const request = server.locks.lockRelation(owner, relation, mode);
  const outcome = yield* server.locks.finish(owner, request);
  return outcome === 'granted' ? null : lockError(outcome, server, transaction);
}

/** All rows of a chunk that has not been compressed before. */
function* compressAll(
  executor: PartsExecutor,
  index: number,
  create: PartitionCommand,
): Compressing {
  const { server, changes } = executor;
  const { storage, costs, host, group } = server;
  const { columnar } = storage.tables[index]!.definition;
  const { live } = storage.tables[index]!.heap;
  const { chunk, tupleBytes } = compressedChunk(columnar!, live);
  const { definition } = storage.tables[columnar!.batches]!;
  const table = new Table({ ...definition, tupleBytes, rows: 0 });
  storage.database.tables[columnar!.batches] = table;
  storage.database.catalogPages.log(server.wal, create, index);
  const ofBatch = rowsOfBatch(chunk) * columnar!.columns * costs.furtherRow('compressed');
  for (let i = 0; i < batchCount(chunk); i++) {
    yield host.cpu.serve(Math.round(ofBatch), group);
    const error = yield* writeBatch(executor, columnar!.batches, chunk);
    if (error !== null) return error;
  }
  changes.define(() => storage.database.compressed.set(index, chunk));
  return null;
}

/** Rows that came later, into the batches in whose range they are. */
function* recompress(
  executor: PartsExecutor,
  index: number,
  former: CompressedChunk,
  fresh: number,
): Compressing {
  const { server, changes } = executor;
  const { storage, costs, host, group } = server;
  const { columnar } = storage.tables[index]!.definition;
  const all = batchCount(former);
  const touched = touchedBatches(all, fresh);
  const chunk = { ...former, rows: former.rows + fresh };
  const account: Account = { due: 0 };
  const ofBatch = rowsOfBatch(chunk) * columnar!.columns * costs.furtherRow('compressed');
  for (let i = 0; i < touched; i++) {
    const first = Math.floor((i * all) / touched);
    yield* readBatches(executor, index, { first, count: 1 }, account, taken);
    const gone = yield* deleteBatch(executor, columnar!.batches, former, first);
    if (gone !== null) return gone;
    yield host.cpu.serve(Math.round(ofBatch + account.due), group);
    account.due = 0;
    const error = yield* writeBatch(executor, columnar!.batches, former);
    if (error !== null) return error;
  }
  changes.define(() => storage.database.compressed.set(index, chunk));
  return null;
}

function* taken(): Generator<undefined, boolean> {
  return true;
}

/** Of so many batches those that rows fall into, each into any of them alike: the mean. */
export function touchedBatches(batches: number, rows: number): number {
  let untouched = 1;
  for (let i = 0; i < rows && untouched * batches > 0.5; i++) untouched *= 1 - 1 / batches;
  return Math.max(1, Math.round(batches * (1 - untouched)));
}
