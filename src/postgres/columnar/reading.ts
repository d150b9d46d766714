/**
 * Reading compressed rows: the tuples of the batches that are wanted, each with the pages that they
 * are on, then every value of every row in them, as no part of a batch can be had alone. Left out:
 * columns that nobody asks for, which stay in TOAST; aggregates over values that are not taken
 * apart into rows first.
 */
import { type Access, type Account, eachFound, type Scanner } from '../access.ts';
import type { Server } from '../server.ts';
import { eachPage } from '../table-scan.ts';
import {
  batchCount,
  type CompressedChunk,
  rowsOfBatch,
  type WantedBatches,
  wantedBatches,
} from './chunk.ts';

/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;

/** What becomes of so many rows; false: no more are wanted. */
export type EachRows = (rows: number) => Generator<undefined, boolean>;

/** The compressed part of a table, if it has one. */
export function compressedOf({ storage }: Server, index: number): CompressedChunk | null {
  return storage.database.compressed.get(index) ?? null;
}

/** The batches that a scan of the table would be about. */
export function batchesFor(
  { storage }: Server,
  index: number,
  chunk: CompressedChunk,
  access: Access | null,
): WantedBatches {
  const { columnar, rows } = storage.tables[index]!.definition;
  return wantedBatches(chunk, columnar!, access, columnar!.loadedRows ?? rows);
}

/** Reads batches; how many rows they had is told one batch after the other. */
export function* readBatches(
  scanner: Scanner,
  index: number,
  { first, count }: WantedBatches,
  account: Account,
  each: EachRows,
): Generator<undefined, boolean> {
  const { server } = scanner;
  const chunk = compressedOf(server, index)!;
  const { columnar } = server.storage.tables[index]!.definition;
  const table = server.storage.tables[columnar!.batches]!;
  const rows = rowsOfBatch(chunk);
  const ofBatch =
    rows *
    (columnar!.columns * server.costs.furtherRow('decompressed') +
      server.costs.furtherRow('given'));
  const isAll = count >= batchCount(chunk);
  if (isAll) {
    if (!(yield* eachPage(scanner, table, account, null, paying(scanner, account)))) return false;
  } else {
    const { tuplesOfBatch } = chunk;
    const entries = count * tuplesOfBatch;
    const access: Access = { index: 0, scan: 'index', from: first * tuplesOfBatch, entries };
    if (!(yield* eachFound(scanner, table, access, account, paying(scanner, account))))
      return false;
  }
  for (let i = 0; i < count; i++) {
    account.due += ofBatch;
    yield* pay(scanner, account);
    if (!(yield* each(Math.round((i + 1) * rows) - Math.round(i * rows)))) return false;
  }
  return scanner.transaction.cancellation === null;
}

function paying(scanner: Scanner, account: Account) {
  return function* (): Generator<undefined, boolean> {
    yield* pay(scanner, account);
    return scanner.transaction.cancellation === null;
  };
}

function* pay({ server }: Scanner, account: Account): Generator<undefined, void> {
  if (account.due < SLICE) return;
  yield server.host.cpu.serve(Math.round(account.due), server.group);
  account.due = 0;
}
