/**
 * `npm run fidelity`: predicts each experiment of the measurements from the calibration alone and
 * compares. The whole report goes to reports/fidelity.md; a part of it (`--only V1,V5`) or that of
 * other measurements (`--data DIR`, files as in bench/fidelity/data) to standard output.
 * `--json FILE` writes the rows too. Exit status: 0 done, hits and misses alike; 2 bad input.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatProblem } from '../../src/scenario/problem.ts';
import { type Fidelity, measureFidelity } from './harness.ts';
import { BadMeasurements } from './measurements.ts';
import { reportOf } from './report.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DATA = resolve(ROOT, 'bench/fidelity/data');
const REPORT = resolve(ROOT, 'reports/fidelity.md');
const USAGE = 'npm run fidelity -- [--data DIR] [--only V1,V5] [--json FILE] [--no-ablations]';

interface Arguments {
  readonly folder: string;
  readonly only: readonly string[] | null;
  readonly json: string | undefined;
  readonly ablations: boolean;
}

function argumentsOf(given: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...given],
      options: {
        data: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'string' },
        'no-ablations': { type: 'boolean' },
      },
    });
    return {
      folder: resolve(values.data ?? DATA),
      only: values.only === undefined ? null : values.only.split(',').map((each) => each.trim()),
      json: values.json,
      ablations: !values['no-ablations'],
    };
  } catch (error) {
    return (error as Error).message;
  }
}

function progress(what: string, done: number, of: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[2K${done}/${of} ${what.slice(0, 90)}`);
}

/** Runs the harness with the arguments of a command line; returns the exit status. */
export function main(given: readonly string[]): number {
  const options = argumentsOf(given);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${USAGE}\n`);
    return 2;
  }
  try {
    const fidelity = measureFidelity({ ...options, onProgress: progress });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
    publish(fidelity, options);
    return 0;
  } catch (error) {
    if (!(error instanceof BadMeasurements)) throw error;
    process.stderr.write(`${error.problems.map(formatProblem).join('\n')}\n`);
    return 2;
  }
}

function publish(fidelity: Fidelity, { folder, only, json }: Arguments): void {
  const isOwn = folder === DATA;
  const report = reportOf(fidelity, isOwn);
  if (isOwn && only === null) {
    writeFileSync(REPORT, report);
    process.stdout.write(`${REPORT}\n`);
  } else if (json !== '-') process.stdout.write(report);
  if (json === undefined) return;
  const rows = `${JSON.stringify(
    fidelity.results.flatMap((result) => result.rows),
    null,
    1,
  )}\n`;
  if (json === '-') process.stdout.write(rows);
  else writeFileSync(json, rows);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2));
}
