import { agendas } from './agendas.ts';
import { buffers } from './buffers.ts';
import { draws } from './draws.ts';
import { figures } from './figures.ts';
import { loading } from './loading.ts';
import { poolHits } from './pool-hits.ts';
import { processes } from './processes.ts';
import { wholeRuns } from './run.ts';
import { starting } from './starting.ts';
import { statements } from './statements.ts';
import { type Row, table } from './table.ts';

/**
 * `npm run bench`: what things cost, as a table; `-- run`, `-- loading` and so on, one part of it;
 * `-- figures`: what the project promises of its results. Nothing is timed in the tests.
 */
const PARTS: Record<string, () => Promise<Row[]>> = {
  processes,
  agendas,
  draws,
  loading,
  buffers,
  'pool-hits': poolHits,
  run: wholeRuns,
  starting,
  statements,
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => name !== 'figures' && !PARTS[name]);
if (unknown !== undefined) {
  const known = [...Object.keys(PARTS), 'figures'].join(', ');
  process.stderr.write(`there is no part ${unknown}; there are ${known}\n`);
  process.exitCode = 2;
} else {
  const chosen = wanted.length > 0 ? wanted : Object.keys(PARTS);
  const rows: Row[] = [];
  for (const name of chosen) rows.push(...((await PARTS[name]?.()) ?? []));
  if (rows.length > 0) process.stdout.write(table(rows));
  if (wanted.includes('figures')) figures();
}
