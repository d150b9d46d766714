/**
 * VACUUM as a client's statement (vacuum.c:ExecVacuum, vacuum): one table after the other, each in
 * a transaction of its own, a partitioned table as all of its partitions. The backend does the work
 * itself, under vacuum_cost_delay, which is 0 unless set. A table that has been dropped meanwhile
 * is passed over. Left out: FULL, parallel workers, the partitioned table's own statistics.
 */
import { lockError } from '../partitioning/opening.ts';
import { ERRORS, type ErrorResponse } from '../statement.ts';
import type { VacuumOptions } from './autovacuum.ts';
import { MaintenanceProcess, type VacuumingBackend } from './process.ts';

/** What VACUUM was asked for: of which tables, by their places in the database. */
export interface VacuumStatement {
  readonly tables: readonly number[];
  readonly options: VacuumOptions;
}

export function* vacuumTables(
  backend: VacuumingBackend,
  { tables, options }: VacuumStatement,
): Generator<undefined, ErrorResponse | null, undefined> {
  const { server, transaction, owner } = backend;
  if (transaction.inBlock) return ERRORS.vacuumInBlock;
  const process = new MaintenanceProcess(server, false, backend);
  server.autovacuum.enter(process);
  try {
    for (const index of tables) {
      if (server.storage.database.partitions.isDropped(index)) continue;
      const ended = yield* server.autovacuum.vacuumTable(process, index, options);
      server.locks.releaseAll(owner);
      if (ended !== 'granted') return lockError(ended, server, transaction);
      if (process.stopped !== null) return transaction.cancellation ?? ERRORS.adminShutdown;
    }
    return null;
  } finally {
    server.autovacuum.leave(process);
  }
}
