/**
 * TimescaleDB's chunks: a row for which there is none makes one, within its own INSERT (chunk.c:
 * ts_chunk_create_for_point). Chunks of one hypertable are made one after the other, under a SHARE
 * UPDATE EXCLUSIVE lock of the hypertable, with which others go on writing to the chunks that are
 * there; who waited for it looks again, finds the chunk, and gives the lock back. Who has made one
 * keeps it to the end of the transaction, so that it is the wait for a commit.
 *
 * WAL and time are taken to be those of CREATE TABLE ... PARTITION OF: there is a table with its
 * indexes and constraints in both cases. Left out: the rows of TimescaleDB's own catalog, and
 * chunks for times beyond those that have their place from the beginning.
 */
import { SHARE_UPDATE_EXCLUSIVE } from '../locking/lock-modes.ts';
import type { ErrorResponse } from '../statement.ts';
import type { PartitionCommand } from './command.ts';
import { changePartition, type Definer } from './definition.ts';
import { lockError } from './opening.ts';
import { partitionFor, type Routing, rangeHas } from './routing.ts';

/** How the chunks of a hypertable are made, each by the number of its table. */
export interface ChunkMaker {
  /** The lock of the hypertable. */
  readonly hypertable: number;
  readonly commands: ReadonlyMap<number, PartitionCommand>;
}

/** Sees to it that there is a chunk for a row that no chunk takes. */
export function* makeChunk(
  definer: Definer,
  routing: Routing,
): Generator<undefined, ErrorResponse | null, undefined> {
  const { server, owner, transaction } = definer;
  const { hypertable, commands } = routing.chunks!;
  const { locks, storage } = server;
  const wasHeld = locks.holdersOf(hypertable).includes(owner) && definer.changes.hasDefined;
  const request = locks.lockRelation(owner, hypertable, SHARE_UPDATE_EXCLUSIVE);
  const outcome = yield* locks.finish(owner, request);
  if (outcome !== 'granted') return lockError(outcome, server, transaction);
  const { partitions } = storage.database;
  if (partitionFor(routing, partitions, transaction.startedAt, transaction.xid) !== null) {
    if (!wasHeld) locks.unlockRelation(owner, hypertable, SHARE_UPDATE_EXCLUSIVE);
    return null;
  }
  const at = transaction.startedAt - (routing.ago ?? 0);
  const wanted = routing.partitions.find((each) => rangeHas(each, at));
  if (wanted === undefined) return null;
  const { index } = wanted.relation;
  return yield* changePartition(definer, commands.get(index)!, index);
}
