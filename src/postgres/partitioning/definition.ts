/**
 * CREATE TABLE ... PARTITION OF, ATTACH and DETACH PARTITION [CONCURRENTLY], and DROP TABLE of a
 * partition (tablecmds.c: DefineRelation, ATExecAttachPartition, ATExecDetachPartition,
 * RemoveRelations; storage.c:smgrDoPendingDeletes).
 *
 * Kept: the locks and their order, as pg_locks of version 15 shows them; the scan of a table that
 * is attached unless a CHECK implies its bounds; that of the default partition, up to the first row
 * that belongs to the new one, which is error 23514 (partbounds.c: check_default_partition_contents
 * and, for ATTACH, tablecmds.c: ATRewriteTable); both transactions of DETACH CONCURRENTLY with the
 * wait between them for everybody who has the partitioned table; WAL by records and images
 * (`catalog-pages.ts`); at the commit of a DROP the look through the whole buffer pool, once, and
 * the files' unlinking; that all of it counts from the commit on. Left out: a ROLLBACK TO that
 * would undo it; the indexes that ATTACH builds where they are missing; errors of an attached
 * table's own rows that do not fit; triggers; who dies between the two
 * transactions.
 */
import { MICROSECOND, Signal } from '../../kernel/index.ts';
import { ACCESS_EXCLUSIVE, type LockMode, SHARE_UPDATE_EXCLUSIVE } from '../locking/lock-modes.ts';
import { ERRORS, type ErrorResponse, type Statement } from '../statement.ts';
import { scanTable } from '../table-scan.ts';
import type { TransactionChanges } from '../transaction-changes.ts';
import { CPU, VIRTUAL_TRANSACTION, type WaitState } from '../waits.ts';
import type { PartitionCommand, PartitionCommandKind } from './command.ts';
import { lockError, type Opener } from './opening.ts';
import { checkReferences } from './referenced.ts';
import { unlinkFiles } from './unlinking.ts';

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
 * CREATE within a block, with none and with two indexes, 60 each: 0.48 to 0.68 and 0.55 to 0.68.
 */
const TIME: Readonly<Record<PartitionCommandKind, number>> = {
  create: 550 * MICROSECOND,
  attach: 900 * MICROSECOND,
  detach: 750 * MICROSECOND,
  'detach concurrently': 1_000 * MICROSECOND,
  drop: 450 * MICROSECOND,
};

/** Does what a statement commands, up to its commit. */
export function* changePartitions(definer: Definer, statement: Statement): Defining {
  return yield* changePartition(definer, statement.details!.command!, statement.relation!.index);
}

/** Does one command about a table. */
export function* changePartition(
  definer: Definer,
  given: PartitionCommand,
  index: number,
): Defining {
  const command = { ...given, defaultPartition: defaultOf(definer, given) };
  const { partitions } = definer.server.storage.database;
  const isThere = !partitions.isDropped(index, definer.transaction.xid);
  if (command.ifExists && isThere === (command.kind === 'create')) return null;
  const refusal = refused(definer, command, index);
  if (refusal !== null) return refusal;
  const error = yield* lockAll(definer, locksOf(command, index, isPart(definer, command, index)));
  if (error !== null) return error;
  const changed = refused(definer, command, index); // while it waited
  if (changed !== null) return changed;
  const violation =
    (yield* checkReferences(definer, command, index)) ?? (yield* scanned(definer, command, index));
  if (definer.transaction.cancellation !== null) return definer.transaction.cancellation;
  if (violation !== null) return violation;
  const wasPart = isPart(definer, command, index);
  yield* written(definer, command, index, wasPart);
  if (command.kind === 'detach concurrently') return yield* detachLater(definer, command, index);
  return carriedOut(definer, command, index);
}

/** The default partition, if it has not been detached. */
function defaultOf(
  { server, transaction }: Definer,
  { defaultPartition }: PartitionCommand,
): number | null {
  if (defaultPartition === null) return null;
  const { partitions } = server.storage.database;
  return partitions.isAttached(defaultPartition, true, transaction.xid) ? defaultPartition : null;
}

function isPart(
  { server, transaction }: Definer,
  command: PartitionCommand,
  index: number,
): boolean {
  const { partitions } = server.storage.database;
  return partitions.isAttached(index, command.isPart, transaction.xid);
}

/** What is wrong with a command before anything is done. */
function refused(definer: Definer, command: PartitionCommand, index: number): ErrorResponse | null {
  const { partitions } = definer.server.storage.database;
  const isDropped = partitions.isDropped(index, definer.transaction.xid);
  if (command.kind === 'create') return isDropped ? null : ERRORS.duplicateTable;
  if (isDropped) return ERRORS.undefinedTable;
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
    case 'drop': {
      const depend = command.isReferredAlone || (part && command.referringTables.length > 0);
      return depend && !command.cascades ? ERRORS.dependents : null;
    }
  }
}

type Wanted = readonly (readonly [relation: number, mode: LockMode])[];

/** In the order in which they are taken. */
function locksOf(command: PartitionCommand, index: number, wasPart: boolean): Wanted {
  const { kind, parent, parentIndexes, indexes, defaultPartition, made } = command;
  const exclusive = (relations: readonly number[]) =>
    relations.map((each) => [each, ACCESS_EXCLUSIVE] as const);
  const shared = (relations: readonly number[]) =>
    relations.map((each) => [each, SHARE_UPDATE_EXCLUSIVE] as const);
  const parents = parent === null ? [] : [parent];
  const others = defaultPartition === null ? [] : [defaultPartition];
  switch (kind) {
    case 'create':
      if (made === 'chunk') return exclusive([index, ...indexes]);
      if (made === 'attached') {
        const own = exclusive([index, ...indexes]);
        return [...own, ...shared(parents), ...exclusive(others), ...shared(parentIndexes)];
      }
      return [...exclusive([...parents, ...others, index, ...indexes]), ...shared(parentIndexes)];
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

/** The rows are looked at to see that they fit, those of the default partition that they do not. */
function* scanned(definer: Definer, command: PartitionCommand, index: number): Defining {
  const { kind, defaultPartition, isChecked, takes } = command;
  if (kind !== 'attach' && kind !== 'create') return null;
  const { tables, database } = definer.server.storage;
  if (kind === 'attach' && !isChecked) yield* scanTable(definer, tables[index]!);
  if (defaultPartition === null) return null;
  const rest = tables[defaultPartition]!;
  const stray = database.partitions.strays.firstOf(defaultPartition, rest, takes);
  if (stray < 0) {
    yield* scanTable(definer, rest);
    return null;
  }
  yield* scanTable(definer, rest, 1 + Math.max(0, rest.heap.rows.blockOf(stray)));
  const { name } = rest.definition;
  const what = `updated partition constraint for default partition "${name}"`;
  return { ...ERRORS.defaultViolated, message: `${what} would be violated by some row` };
}

/** The catalogs' rows, and what their pages' images cost. */
function* written(definer: Definer, command: PartitionCommand, index: number, hasParent: boolean) {
  const { server, transaction } = definer;
  const { costs, host, group, storage } = server;
  const rebuilt = hasParent ? command.siblings * costs.furtherRow('siblingRead') : 0;
  const attaching = command.made === 'attached' ? TIME.attach : 0;
  const time = TIME[command.kind] + attaching + rebuilt;
  yield host.cpu.serve(Math.round(time), group);
  transaction.assignXid();
  const { catalogPages } = storage.database;
  let images = catalogPages.log(server.wal, command, index);
  if (attaching > 0) images += catalogPages.log(server.wal, { ...command, kind: 'attach' }, index);
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
function carriedOut(definer: Definer, command: PartitionCommand, index: number): null {
  const { kind } = command;
  const { server, changes, transaction } = definer;
  const { partitions } = server.storage.database;
  if (kind === 'create') {
    partitions.begin(index, transaction.xid);
    const undo = () => partitions.drop(index);
    changes.define(() => partitions.create(index), 0, undo);
  } else if (kind === 'attach') changes.define(() => partitions.attach(index));
  else if (kind !== 'drop') changes.define(() => partitions.detach(index));
  else {
    const { remove, time } = unlinkFiles(server, index, command.hasToast);
    changes.define(() => {
      remove();
      server.storage.database.drop(index);
      server.storage.files.follow(index);
    }, time);
  }
  return null;
}
