/**
 * ANALYZE of a table (analyze.c:do_analyze_rel): it reads 300 times default_statistics_target
 * pages, or all if there are fewer, through the vacuum ring, estimates rows and dead rows from
 * them, and writes its statistics. It is a transaction with a snapshot, which holds the horizon as
 * long as it lasts. Left out: the WAL of pg_statistic's rows, and what a plan makes of better
 * statistics.
 *
 * A page is drawn out of each of as many equal stretches of the table, where real ones are drawn
 * freely (BlockSampler): the same number, as widely spread.
 */
import type { Table } from '../heap/relation.ts';
import { estimatedRows } from './catalog.ts';
import { HEAP_PAGE, SAMPLED_ROW } from './costs.ts';
import { contentOf } from './page-content.ts';
import { PageWork } from './page-work.ts';
import type { MaintenanceProcess } from './process.ts';
import { CostThrottle, type ThrottleSource } from './throttle.ts';
import { costSettings, vacuumRing } from './vacuum-settings.ts';

/** Rows of the sample for each step of the statistics target (std_typanalyze). */
const ROWS_PER_TARGET = 300;

/** True if it came to its end; the table's lock is held. */
export function* analyzeTable(
  process: MaintenanceProcess,
  index: number,
  throttle: ThrottleSource,
): Generator<undefined, boolean, undefined> {
  const { server, proc } = process;
  const { settings, storage, autovacuum, context } = server;
  const table = storage.tables[index]!;
  const entry = storage.database.catalog[index]!;
  const { version } = table.heap.definition;
  const costs = new CostThrottle(costSettings(settings), throttle);
  const work = new PageWork(process, table, costs, vacuumRing(settings, version));
  const target = ROWS_PER_TARGET * settings.default_statistics_target;
  proc.beginStatement();
  const sample = yield* samplePages(table, target, work);
  if (sample === null) {
    proc.abort();
    return false;
  }
  yield* process.work(Math.min(target, sample.live) * SAMPLED_ROW);
  const { pages } = table.heap;
  entry.reltuples = estimatedRows(
    { reltuples: null, relpages: 0 },
    pages,
    sample.pages,
    sample.live,
    version,
  );
  entry.relpages = pages;
  process.assignXid();
  yield* process.commit();
  const dead = sample.pages > 0 ? Math.floor((sample.dead / sample.pages) * pages + 0.5) : 0;
  const { statistics } = autovacuum;
  statistics[index]!.analyzed(context.sim.now, entry.reltuples, dead, process.isAutovacuum);
  return true;
}

/** What is on the pages of a sample; null if the process has to stop. */
function* samplePages(table: Table, target: number, work: PageWork) {
  const { heap } = table;
  const end = heap.pages;
  const { relation } = table.definition;
  const pages = Math.min(target, end);
  let live = 0;
  let dead = 0;
  for (let i = 0; i < pages; i++) {
    const block = Math.floor(((i + 0.5) * end) / pages);
    if (!(yield* work.page({ relation, block }, HEAP_PAGE, []))) return null;
    const content = contentOf(heap.changed, block);
    live += content.live;
    dead += content.dead;
  }
  yield* work.settle();
  return { pages, live, dead };
}
