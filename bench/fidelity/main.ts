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

/** Where results and messages go. */
export interface Outputs {
  readonly out: { write(text: string): unknown };
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean };
}

const CLEAR = '\r\x1b[2K';

/** Runs the harness with the arguments of a command line; returns the exit status. */
export function main(given: readonly string[], { out, err }: Outputs): number {
  const options = argumentsOf(given);
  if (typeof options === 'string') {
    err.write(`${options}\n${USAGE}\n`);
    return 2;
  }
  try {
    const onProgress = (what: string, done: number, of: number) => {
      if (err.isTTY) err.write(`${CLEAR}${done}/${of} ${what.slice(0, 90)}`);
    };
    const fidelity = measureFidelity({ ...options, onProgress });
    if (err.isTTY) err.write(CLEAR);
    publish(fidelity, options, out);
    return 0;
  } catch (error) {
    if (!(error instanceof BadMeasurements)) throw error;
    err.write(`${error.problems.map(formatProblem).join('\n')}\n`);
    return 2;
  }
}

function publish(fidelity: Fidelity, options: Arguments, out: Outputs['out']): void {
  const { folder, only, json } = options;
  const isOwn = folder === DATA;
  const report = reportOf(fidelity, isOwn);
  if (isOwn && only === null) {
    writeFileSync(REPORT, report);
    out.write(`${REPORT}\n`);
  } else if (json !== '-') out.write(report);
  if (json === undefined) return;
  const rows = `${JSON.stringify(
    fidelity.results.flatMap((result) => result.rows),
    null,
    1,
  )}\n`;
  if (json === '-') out.write(rows);
  else writeFileSync(json, rows);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2), { out: process.stdout, err: process.stderr });
}
