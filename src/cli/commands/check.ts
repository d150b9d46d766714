import { shortNames } from '../../report/tables.ts';
import { formatProblem } from '../../scenario/problem.ts';
import { EXIT, type ExitStatus } from '../exit.ts';
import { findScenario } from '../files.ts';
import type { Io } from '../io.ts';

const MOST_NAMES = 8;

/** `pgherd check FILE...`: validates, runs nothing, and shows all problems of all files. */
export async function checkCommand(
  files: readonly string[],
  options: { set?: string[] },
  io: Io,
): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.held;
  for (const file of files) {
    const valid = await checkOne(file, options.set ?? [], io);
    if (!valid) status = EXIT.badInput;
  }
  return status;
}

async function checkOne(file: string, set: readonly string[], io: Io): Promise<boolean> {
  const found = findScenario(file, io.scenarios);
  if (!found.ok) {
    io.stderr.write(`pgherd: ${found.message}\n`);
    return false;
  }
  const loaded = await io.model.load(found.source, set);
  if (!loaded.ok) {
    for (const problem of loaded.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return false;
  }
  const { runs, warnings } = loaded.scenario;
  for (const warning of warnings) io.stderr.write(`warning: ${formatProblem(warning)}\n`);
  const names = shortNames(runs.map((run) => run.variant)).slice(0, MOST_NAMES);
  const more = runs.length > MOST_NAMES ? ` and ${runs.length - MOST_NAMES} more` : '';
  const count = runs.length === 1 ? '1 run' : `${runs.length} runs`;
  io.stdout.write(`${found.source.file}: valid, ${count}: ${names.join(', ')}${more}\n`);
  return true;
}
