import { agendas } from './agendas.ts';
import { draws } from './draws.ts';
import { processes } from './processes.ts';
import { type Row, table } from './table.ts';

/** `npm run bench`: what the kernel costs, as a table. Nothing is timed in the tests. */
const rows: Row[] = [];
for (const part of [processes, agendas, draws]) rows.push(...(await part()));
process.stdout.write(table(rows));
