import { describe, expect, test } from 'vitest';
import { SECOND } from '../../../src/kernel/index.ts';
import type { Instance } from '../../../src/replication/instance.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import { FAILURES } from '../../../src/workload/events.ts';
import type { CatalogTable } from '../../../src/workload/planner/catalog.ts';
import { answer, bigint, column, index, table } from './fixtures.ts';

const COLUMNS = [column('id', bigint), column('ts'), column('customer')];

/** Two partitions of 100,000 rows. */
function catalog() {
  const root: CatalogTable = { ...table('ev', COLUMNS, []), kind: 'p', partitionKey: 'RANGE (ts)' };
  const leaves = [0, 1].map((i) => ({
    ...table(`ev_${i}`, COLUMNS, [index(`ev_${i}_pkey`, [1, 2], COLUMNS, { unique: true })]),
    parent: { schema: 'public', name: 'ev' },
    bound: `FOR VALUES FROM (${i * 100}) TO (${i * 100 + 100})`,
  }));
  return { tables: [root, ...leaves] };
}

interface Options {
  /** Each once, a second after the one before. */
  readonly scripts: readonly string[];
  readonly settings?: Record<string, string | number>;
  readonly xidAge?: number;
}

function load({ scripts, settings = {}, xidAge = 1000 }: Options) {
  const named = scripts.map((script, i) => [`s${i}`, script] as const);
  const once = (i: number) => ({
    ...{ zone: 'a', count: 1, think: '1h', connect: 'main', run: `s${i}` },
    starts: `${i + 1}s`,
  });
  const text = JSON.stringify({
    duration: '9s',
    network: { zones: { a: 'us-east-1' } },
    servers: {
      main: {
        zone: 'a',
        start: { xid_age: xidAge },
        postgresql: { version: 15, shared_buffers: '1GB', autovacuum: 'off', ...settings },
      },
    },
    workload: {
      schema: 'CREATE TABLE ev ()',
      transactions: Object.fromEntries(named),
      clients: Object.fromEntries(scripts.map((_, i) => [`c${i}`, once(i)])),
    },
  });
  const facts = { ev: { rows: 200_000, columns: {} } };
  const given = { ...answer([]), catalog: catalog(), facts };
  return loadScenario(text, { plans: () => ({ ok: true, answer: given }) });
}

/** What each script has made of the pages that vacuums have read, records of WAL, and ages. */
function run(options: Options) {
  const loaded = load(options);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { sim, observed } = buildWorld(loaded.scenario, 1);
  const failures: string[] = [];
  observed.workload.failed.observe((_at, _session, _t, failure) => {
    failures.push(FAILURES[failure]!);
  });
  const { server } = observed.instances[0] as Instance;
  const look = () => {
    const { statistics } = server.autovacuum;
    const { catalog: entries } = server.storage.database;
    return {
      pages: statistics.map(({ vacuumedPages }) => vacuumedPages),
      records: server.wal.counts.of('Heap2/FREEZE_PAGE').records,
      all: server.wal.records,
      ages: entries.map(({ relfrozenxid }) => server.procArray.array.nextXid - relfrozenxid),
    };
  };
  const looks = options.scripts.map((_, i) => {
    sim.run((i + 1) * SECOND);
    return look();
  });
  sim.run(9 * SECOND);
  return { looks: [...looks, look()], failures, server };
}

/**
 * PostgreSQL 15.18: the same two partitions, 541 pages each. VACUUM (FREEZE) of one reads 541 and
 * writes 541 FREEZE_PAGE and 541 VISIBLE; the second time it reads the last page alone, and writes
 * nothing; VACUUM (DISABLE_PAGE_SKIPPING) reads 541 again.
 */
describe('VACUUM as a statement', () => {
  test('FREEZE reads what is not frozen once, then the visibility map alone', () => {
    const freeze = 'VACUUM (FREEZE) ev_0;';
    const scripts = [freeze, freeze, 'VACUUM (DISABLE_PAGE_SKIPPING) ev_0;'];
    const { looks, failures } = run({ scripts });
    expect(failures).toEqual([]);
    expect(looks.map(({ pages }) => pages)).toEqual([
      [0, 0],
      [541, 0],
      [542, 0],
      [1083, 0],
    ]);
    expect(looks.map(({ records }) => records)).toEqual([0, 541, 541, 541]);
    expect(looks[2]!.all - looks[1]!.all).toBe(0);
    expect(looks[0]!.ages).toEqual([1000, 1000]);
    expect(looks[3]!.ages).toEqual([0, 1000]);
  });

  test('without FREEZE, of a table whose pages are all visible, the last page', () => {
    const { looks } = run({ scripts: ['VACUUM ev_0;'] });
    expect(looks[1]!.pages).toEqual([1, 0]);
    expect(looks[1]!.ages).toEqual([1000, 1000]);
  });

  test('of a partitioned table all partitions, without a name all tables', () => {
    expect(run({ scripts: ['VACUUM FREEZE ev;'] }).looks[1]!.pages).toEqual([541, 541]);
    expect(run({ scripts: ['VACUUM FREEZE;'] }).looks[1]!.pages).toEqual([541, 541]);
  });

  test('not in a transaction block', () => {
    const { failures, looks } = run({ scripts: ['BEGIN; VACUUM ev_0; END;'] });
    expect(failures).toEqual(['25001']);
    expect(looks[1]!.pages).toEqual([0, 0]);
  });

  test('naps as vacuum_cost_delay says, and ends by statement_timeout', () => {
    const naps = { vacuum_cost_delay: '20ms' };
    // 541 pages found, their free space, made dirty: 22 each, naps of 21 ms at 210: some 57
    const slow = run({ scripts: ['VACUUM FREEZE ev_0;'], settings: naps });
    const { lastVacuum } = slow.server.autovacuum.statistics[0]!;
    expect(lastVacuum / SECOND).toBeGreaterThan(2.1);
    expect(lastVacuum / SECOND).toBeLessThan(2.4);
    const cancelled = run({
      scripts: ['VACUUM FREEZE ev_0;'],
      settings: { ...naps, statement_timeout: '500ms' },
    });
    expect(cancelled.failures).toEqual(['57014']);
    expect(cancelled.looks.at(-1)!.pages[0]).toBeLessThan(300);
    expect(cancelled.looks.at(-1)!.ages[0]).toBe(1000);
  });

  test.each([
    ['VACUUM FULL ev_0;', 'FULL'],
    ['VACUUM (FULL) ev_0;', 'FULL'],
  ])('%s is refused at %s', (script, at) => {
    const loaded = load({ scripts: [script] });
    expect(loaded.ok).toBe(false);
    if (!loaded.ok) expect(formatProblem(loaded.problems[0]!)).toContain(at);
  });

  test('a table that is not there is refused', () => {
    expect(() => run({ scripts: ['VACUUM nothing;'] })).toThrow();
  });
});
