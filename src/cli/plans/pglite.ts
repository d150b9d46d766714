/**
 * PGlite as the Postgres that plans: version 18 in WebAssembly, with its data directory in memory.
 * A file there can be as long as one likes without having contents, so that the planner, which asks
 * the file system for the size of a table, sees the large one (plancat.c: estimate_rel_size).
 */
import type { PGlite } from '@electric-sql/pglite';
import { btreePages } from './btree-file.ts';

/** What an error of Postgres says. */
export interface ServerError {
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
  /** Characters into the query, from 0; -1: nowhere in particular. */
  readonly position: number;
}

export type ServerAnswer =
  | { readonly ok: true; readonly rows: readonly Record<string, unknown>[] }
  | { readonly ok: false; readonly error: ServerError };

/** A Postgres that can be asked, and whose files can be made to seem large. */
export interface PlanningServer {
  /** `PostgreSQL 18.6 (PGlite 0.5.16)`. */
  readonly version: string;
  /** Runs one command; the rows of its result, or the error. */
  query(sql: string): Promise<ServerAnswer>;
  /** `height`: of a b-tree above its leaves; null for other files. */
  resize(file: string, pages: number, height: number | null): void;
  close(): Promise<void>;
}

const PAGE_BYTES = 8192;
/** Pages of a segment: 1 GB. */
const SEGMENT = 131_072;

/** The part of Emscripten's file system in memory that is used here. */
interface MemoryFiles {
  writeFile(path: string, data: Uint8Array): void;
  lookupPath(path: string): { readonly node: { usedBytes: number } };
}

/** Starts PGlite, which takes some seconds: nothing else in the program loads it. */
export async function startPglite(): Promise<PlanningServer> {
  const { PGlite } = await import('@electric-sql/pglite');
  const database = await PGlite.create();
  const files = database.Module.FS as unknown as MemoryFiles;
  const [{ version, directory }] = (await rowsOf(
    database,
    "SELECT version(), current_setting('data_directory') AS directory",
  )) as [{ version: string; directory: string }];
  await database.exec('SET ignore_checksum_failure = on');
  return {
    version: /^PostgreSQL \S+ \([^)]*\)/.exec(version)?.[0] ?? version,
    query: (sql) => answerOf(database, sql),
    resize: (file, pages, height) => resize(files, `${directory}/${file}`, pages, height),
    close: () => database.close(),
  };
}

async function rowsOf(database: PGlite, sql: string): Promise<Record<string, unknown>[]> {
  const results = await database.exec(sql);
  return (results.at(-1)?.rows ?? []) as Record<string, unknown>[];
}

async function answerOf(database: PGlite, sql: string): Promise<ServerAnswer> {
  try {
    return { ok: true, rows: await rowsOf(database, sql) };
  } catch (thrown) {
    if (!(thrown instanceof Error) || !('severity' in thrown)) throw thrown;
    const { message, detail, hint, position } = thrown as Error & Record<string, string>;
    const at = position === undefined ? -1 : Number(position) - 1;
    const error = { message, detail: detail ?? null, hint: hint ?? null, position: at };
    return { ok: false, error };
  }
}

function resize(files: MemoryFiles, path: string, pages: number, height: number | null): void {
  for (let segment = 0; ; segment++) {
    const left = pages - segment * SEGMENT;
    if (segment > 0 && left <= 0) return;
    const name = segment === 0 ? path : `${path}.${segment}`;
    if (segment > 0) files.writeFile(name, new Uint8Array(0));
    else if (height !== null) files.writeFile(name, btreePages(height));
    files.lookupPath(name).node.usedBytes = Math.min(left, SEGMENT) * PAGE_BYTES;
  }
}
