import type { Lsn } from '../lsn.ts';
import { runningTransactionsBytes } from '../record-sizes.ts';
import type { Server } from '../server.ts';
import { RUNNING } from '../wal/contents.ts';

/**
 * The record of running transactions from which a standby can begin to serve queries
 * (standby.c:LogStandbySnapshot); nobody waits for it, the walwriter flushes it. Returns its end.
 * Left out: the record of AccessExclusive locks beside it.
 */
export function logStandbySnapshot({ wal, settings, activeTransactions, procArray }: Server): Lsn {
  if (settings.wal_level === 'minimal') return 0;
  const bytes = runningTransactionsBytes(activeTransactions);
  const end = wal.insertUnimportant(bytes, 'Standby/RUNNING_XACTS');
  wal.note(RUNNING, procArray.array.oldestRunningXid);
  wal.commitAsynchronously(end);
  return end;
}
