/**
 * ATTACH PARTITION, DETACH PARTITION [CONCURRENTLY] and DROP TABLE of a partition (tablecmds.c:
 * ATExecAttachPartition, ATExecDetachPartition, RemoveRelations; storage.c:smgrDoPendingDeletes).
 *
 * Kept: the locks and their order, as pg_locks of version 15 shows them; the scan of a table that
 * is attached unless a CHECK implies its bounds, and of the default partition; both transactions of
 * DETACH CONCURRENTLY with the wait between them for everybody who has the partitioned table; WAL
 * by records and images (`catalog-pages.ts`); at the commit of a DROP the look through the whole
 * buffer pool, once, and the files' unlinking; that all of it counts from the commit on. Left out:
 * a ROLLBACK TO that would undo it; the indexes that ATTACH builds where they are missing; errors
 * of rows that do not fit; triggers and foreign keys; who dies between the two transactions.
 */
import { MICROSECOND, Signal } from '../../kernel/index.ts';
import { tablePage } from '../heap/relation.ts';
import { ACCESS_EXCLUSIVE, type LockMode, SHARE_UPDATE_EXCLUSIVE } from '../locking/lock-modes.ts';
import { ERRORS, type ErrorResponse, type Statement } from '../statement.ts';
import { scanTable } from '../table-scan.ts';
import type { TransactionChanges } from '../transaction-changes.ts';
import { CPU, VIRTUAL_TRANSACTION, type WaitState } from '../waits.ts';
import { TRUNCATED } from '../wal/contents.ts';
import type { PartitionCommand, PartitionCommandKind } from './command.ts';
import { lockError, type Opener } from './opening.ts';

/** Who changes definitions. */
export interface Definer extends Opener {
  readonly wait: WaitState;
  readonly changes: TransactionChanges;
}

type Defining = Generator<undefined, ErrorResponse | null, undefined>;

/**
 * Processor time. DETACH and DROP by psql's \timing within a block, with none to three indexes:
 * 0.75 to 0.92 and 0.41 to 0.53 ms. The others are estimates: of 1.3 to 1.4 ms for ATTACH and 1.4
 * to 1.9 CONCURRENTLY, outside of a block, half a millisecond is taken to be each commit's flush.
 */
const TIME: Readonly<Record<PartitionCommandKind, number>> = {
  attach: 900 * MICROSECOND,
  detach: 750 * MICROSECOND,
  'detach concurrently': 1_000 * MICROSECOND,
  drop: 450 * MICROSECOND,
};

/** One look at a buffer's tag (bufmgr.c: DropRelationsAllBuffers): assumed, not measured. */
const BUFFER_LOOKED_AT = 5;
/** The kernel gives back a page of a file: about 10 ms for some 32 MB in its cache. */
const PAGE_UNLINKED = 2.5 * MICROSECOND;

/** Does what a statement commands, up to its commit. */
export function* changePartitions(definer: Definer, statement: Statement): Defining {
  const command = statement.details!.command!;
  const { index } = statement.relation!;
  const refusal = refused(definer, command, index);
  if (refusal !== null) return refusal;
  const error = yield* lockAll(definer, locksOf(command, index, isPart(definer, command, index)));
  if (error !== null) return error;
  const changed = refused(definer, command, index); // while it waited
  if (changed !== null) return changed;
  yield* scanned(definer, command, index);
  if (definer.transaction.cancellation !== null) return definer.transaction.cancellation;
  const wasPart = isPart(definer, command, index);
  yield* written(definer, command, wasPart);
  if (command.kind === 'detach concurrently') return yield* detachLater(definer, command, index);
  return carriedOut(definer, command, index);
}

function isPart({ server }: Definer, command: PartitionCommand, index: number): boolean {
  return server.storage.database.partitions.isAttached(index, command.isPart);
}

/** What is wrong with a command before anything is done. */
function refused(definer: Definer, command: PartitionCommand, index: number): ErrorResponse | null {
  const { partitions } = definer.server.storage.database;
  if (partitions.isDropped(index)) return ERRORS.undefinedTable;
  const part = isPart(definer, command, index);
  switch (command.kind) {
    case 'attach':
      return part ? ERRORS.isPartition : null;
    case 'detach':
      return part ? null : ERRORS.undefinedTable;
    case 'detach concurrently':
      if (definer.transaction.inBlock) return ERRORS.inBlock;
      if (command.defaultPartition !== null) return ERRORS.hasDefault;
      return part ? null : ERRORS.undefinedTable;
    case 'drop':
      return null;
  }
}

type Wanted = readonly (readonly [relation: number, mode: LockMode])[];

/** In the order in which they are taken. */
function locksOf(command: PartitionCommand, index: number, wasPart: boolean): Wanted {
  const { kind, parent, parentIndexes, indexes, defaultPartition } = command;
  const exclusive = (relations: readonly number[]) =>
    relations.map((each) => [each, ACCESS_EXCLUSIVE] as const);
  const shared = (relations: readonly number[]) =>
    relations.map((each) => [each, SHARE_UPDATE_EXCLUSIVE] as const);
  const parents = parent === null ? [] : [parent];
  const others = defaultPartition === null ? [] : [defaultPartition];
  switch (kind) {
    case 'attach':
      return [...shared(parents), ...exclusive([index, ...others]), ...shared(parentIndexes)];
    case 'detach':
      return exclusive([...parents, ...others, index, ...indexes]);
    case 'detach concurrently':
      return shared([...parents, index]);
    case 'drop':
      return exclusive(wasPart ? [...parents, ...others, index, ...indexes] : [index, ...indexes]);
  }
}

function* lockAll({ server, owner, transaction }: Definer, wanted: Wanted): Defining {
  for (const [relation, mode] of wanted) {
    const request = server.locks.lockRelation(owner, relation, mode);
    const outcome = yield* server.locks.finish(owner, request);
    if (outcome !== 'granted') return lockError(outcome, server, transaction);
    if (mode === ACCESS_EXCLUSIVE) transaction.logLock(relation);
  }
  return null;
}

/** The rows are looked at to see that they fit, those of the default partition whether they do. */
function* scanned(definer: Definer, command: PartitionCommand, index: number) {
  if (command.kind !== 'attach') return;
  const { tables } = definer.server.storage;
  if (!command.isChecked) yield* scanTable(definer, tables[index]!);
  if (command.defaultPartition !== null)
    yield* scanTable(definer, tables[command.defaultPartition]!);
}

/** The catalogs' rows, and what their pages' images cost. */
function* written(definer: Definer, command: PartitionCommand, hasParent: boolean) {
  const { server, transaction } = definer;
  const { costs, host, group, storage } = server;
  const rebuilt = hasParent ? command.siblings * costs.furtherRow('relationOpened') : 0;
  const time = TIME[command.kind] + rebuilt;
  yield host.cpu.serve(Math.round(time), group);
  transaction.assignXid();
  const images = storage.database.catalogPages.log(server.wal, command);
  if (images > 0) yield host.cpu.serve(images * costs.fullPageImage, group);
}

/** The second transaction, once all are gone who may have planned with the partition. */
function* detachLater(definer: Definer, command: PartitionCommand, index: number): Defining {
  const { transaction, server, owner, wait, changes } = definer;
  if (transaction.flushes(null)) yield;
  if (transaction.replicates()) yield;
  transaction.confirmed(null, false);
  changes.end(true);
  transaction.end();
  for (const other of server.locks.holdersOf(command.parent!)) {
    if (other === owner) continue;
    wait.now(VIRTUAL_TRANSACTION);
    other.ended ??= new Signal(server.context.sim);
    yield other.ended.wait();
    wait.now(CPU);
  }
  const locks = [
    [command.parent!, SHARE_UPDATE_EXCLUSIVE],
    ...[index, ...command.indexes].map((each) => [each, ACCESS_EXCLUSIVE] as const),
  ] as const;
  const error = yield* lockAll(definer, locks);
  if (error !== null) return error;
  transaction.assignXid();
  return carriedOut(definer, command, index);
}

/** What holds from the commit on. */
function carriedOut(definer: Definer, { kind }: PartitionCommand, index: number): null {
  const { server, changes } = definer;
  const { partitions } = server.storage.database;
  if (kind === 'attach') changes.define(() => partitions.attach(index));
  else if (kind !== 'drop') changes.define(() => partitions.detach(index));
  else {
    const { storage } = server;
    const { pages } = storage.tables[index]!;
    const time = storage.buffers * BUFFER_LOOKED_AT + pages * PAGE_UNLINKED;
    changes.define(() => unlink(definer, index), time);
  }
  return null;
}

/** Its pages go, wherever they are, and its room on the disk is free. */
function unlink({ server }: Definer, index: number): void {
  const { storage, wal } = server;
  const { definition } = storage.tables[index]!;
  for (const { relation } of [definition, ...definition.indexes]) {
    const file = storage.fileOf(relation);
    wal.note(TRUNCATED, tablePage(relation, 0));
    storage.pool.drop(file);
    storage.cache.pages.drop(file);
    storage.unsynced.delete(file);
  }
  storage.database.drop(index);
  storage.files.follow(index);
}
