/**
 * What foreign keys have against a partition's leaving (tablecmds.c:
 * ATDetachCheckNoForeignKeyRefs, ri_triggers.c:RI_PartitionRemove_Check, dependency.c): DETACH
 * keeps writers of the referring tables away, looks through them for rows that refer to the
 * partition, and is refused if there are any (23503); if not, it takes the referring tables for
 * itself, as pg_locks of version 15.18 shows. DROP of a partition is refused as long as it is one
 * (2BP01). With CASCADE it takes the foreign keys along, which is left out: they stay.
 */
import { ACCESS_EXCLUSIVE, type LockMode, SHARE } from '../locking/lock-modes.ts';
import { ERRORS, type ErrorResponse } from '../statement.ts';
import { scanTable } from '../table-scan.ts';
import type { PartitionCommand } from './command.ts';
import type { Definer } from './definition.ts';
import { lockError } from './opening.ts';

type Checking = Generator<undefined, ErrorResponse | null, undefined>;

/** DETACH: nobody refers to the partition. */
export function* checkReferences(
  definer: Definer,
  { kind, referringTables, isReferred }: PartitionCommand,
  index: number,
): Checking {
  if (!kind.startsWith('detach') || referringTables.length === 0) return null;
  const { tables } = definer.server.storage;
  const error = yield* lockTables(definer, referringTables, SHARE);
  if (error !== null) return error;
  for (const place of referringTables) yield* scanTable(definer, tables[place]!);
  yield* scanTable(definer, tables[index]!);
  const refers = referringTables.some((place) => tables[place]!.heap.live > 0);
  if (refers && isReferred) return ERRORS.foreignKey;
  return yield* lockTables(definer, referringTables, ACCESS_EXCLUSIVE);
}

function* lockTables(
  { server, owner, transaction }: Definer,
  tables: readonly number[],
  mode: LockMode,
): Checking {
  for (const table of tables) {
    const request = server.locks.lockRelation(owner, table, mode);
    const outcome = yield* server.locks.finish(owner, request);
    if (outcome !== 'granted') return lockError(outcome, server, transaction);
  }
  return null;
}
