/**
 * Reading a directory of measurements: one JSON file per experiment, each with `meta` (settings,
 * scale, hardware) and its points. What a file has beyond what an experiment needs is ignored, so
 * that a directory of one's own may have fewer columns. Problems are told as `file:line:column`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { lineStartsOf, position } from '../../src/scenario/document.ts';
import { findingsOf } from '../../src/scenario/issues.ts';
import { type Problem, pathText } from '../../src/scenario/problem.ts';
import { readYaml } from '../../src/scenario/yaml.ts';

/** What was wrong with a directory; thrown through the harness and told by its main program. */
export class BadMeasurements extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ file, why }) => `${file}: ${why}`).join('\n'));
    this.problems = problems;
  }
}

export function has(folder: string, name: string): boolean {
  return existsSync(join(folder, `${name}.json`));
}

/** One file of the directory; throws `BadMeasurements` where it has not the shape asked for. */
export function readMeasurements<S extends z.ZodType>(
  folder: string,
  name: string,
  schema: S,
): z.output<S> {
  const file = join(folder, `${name}.json`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new BadMeasurements([at(file, 'the file', 'there is none, and it is needed')]);
  }
  const lines = lineStartsOf(text);
  const read = readYaml(text);
  if (!read.ok) {
    const problems = read.errors.map(({ offset, why }) => ({
      ...at(file, 'JSON', why),
      ...position(lines, Math.min(offset, text.length)),
    }));
    throw new BadMeasurements(problems);
  }
  const parsed = schema.safeParse(read.source.value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const problems = findingsOf(parsed.error.issues).map((finding) => ({
    ...at(file, finding.path.length === 0 ? 'the file' : pathText(finding.path), finding.why),
    ...position(lines, read.source.offsetOf(finding)),
  }));
  throw new BadMeasurements(problems.slice(0, 20));
}

function at(file: string, what: string, why: string): Problem {
  return { file, line: 1, column: 1, what, why };
}

const number = z.number({ error: 'is not a number' });

/** Settings as `postgresql.conf` has them. */
const settings = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

export const meta = z.object({
  hardware: z.string().optional(),
  pg_version: z.union([z.string(), z.number()]).optional(),
  settings: settings.optional(),
  scale: number.optional(),
  fillfactor: number.optional(),
});
export type Meta = z.output<typeof meta>;

export const percentiles = z.object({ p50_ms: number, p99_ms: number });

/** The columns of a run of pgbench that predictions are compared with. */
export const pgbenchRun = z.object({
  clients: number,
  rep: number.optional(),
  tps: number,
  lat: percentiles,
  server_cpu_us_per_txn: number.optional(),
  client_cpu_us_per_txn: number.optional(),
  lsn_bytes_per_txn: number.optional(),
  wal_sync_per_txn: number.optional(),
});
export type PgbenchRun = z.output<typeof pgbenchRun>;
