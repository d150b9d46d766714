import { describe, expect, test } from 'vitest';
import { formatProblem, loadScenario } from '../../src/scenario/index.ts';
import { simulate } from '../../src/scenario/simulate.ts';
import type { Planned, PlanRequest } from '../../src/workload/planner/request.ts';
import { answer, ITEM_COLUMNS, ITEMS, index, node, table } from '../workload/planner/fixtures.ts';

const TEXT = `network: {zones: {a: us-east-1}}
servers: {main: {zone: a}}
workload:
  schema: |
    CREATE TABLE items (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
    );
  statistics:
    items: {rows: 1M, columns: {owner: {distinct: 20k}}}
  transactions:
    look: |
      \\set id random(1, 1000000)
      SELECT * FROM items
       WHERE id = :id AND state = 1;
    change: {script: "UPDATE items SET state = 1 WHERE id = 1;"}
  clients: {app: {zone: a, count: 1, connect: main, run: look}}
`;

const error = { offset: -1, message: 'it is wrong', detail: null, hint: null };
const refusing = (at: object, more: object = {}) => ({
  ok: false as const,
  errors: [{ ...error, at: at as { kind: 'schema' }, ...more }],
});

function problems(planned: Planned, text = TEXT): string[] {
  const loaded = loadScenario(text, { file: 's.yaml', plans: () => planned });
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

describe('errors of Postgres stand where they were made', () => {
  test('in the schema', () => {
    const offset = 'CREATE TABLE items (\n  '.length;
    const [problem] = problems(refusing({ kind: 'schema' }, { offset, hint: 'Do it right.' }));
    expect(problem).toBe('s.yaml:6:7: workload.schema: ERROR:  it is wrong\nHINT:  Do it right.');
  });

  test('in a statement, behind a variable too', () => {
    // scripts are in natural order of their names: change, look
    const sql = 'SELECT * FROM items\n WHERE id = $1 AND state = 1';
    const at = { kind: 'statement', index: 1 };
    const [problem] = problems(refusing(at, { offset: sql.indexOf('state') }));
    expect(problem).toBe('s.yaml:14:27: workload.transactions.look: ERROR:  it is wrong');
    expect(problems(refusing(at))[0]).toMatch(/^s\.yaml:13:7: /);
    const [nested] = problems(refusing({ kind: 'statement', index: 0 }, { offset: 17 }));
    expect(nested).toMatch(/^s\.yaml:15:\d+: workload\.transactions\.change\.script: /);
  });

  test('in statistics', () => {
    const at = { kind: 'statistics', table: 'items', column: 'owner' };
    expect(problems(refusing(at))[0]).toMatch(
      /^s\.yaml:9:33: workload\.statistics\.items\.columns\.owner: ERROR: {2}it is wrong/,
    );
  });

  test('in a variant that has another schema, once', () => {
    const text = `${TEXT}variants: {other: {set: {workload.schema: CREATE TABEL x}}}\n`;
    const plans = ({ schema }: PlanRequest): Planned =>
      schema.includes('TABEL')
        ? refusing({ kind: 'schema' }, { offset: 7 })
        : { ok: true, answer: answer([]) };
    const loaded = loadScenario(text, { file: 's.yaml', plans });
    expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([
      's.yaml:17:50: workload.schema: ERROR:  it is wrong (in other)',
    ]);
  });

  test('names in statistics are those of the schema', () => {
    const planned = { ok: true as const, answer: answer([]) };
    expect(problems(planned, TEXT.replace('owner:', 'ownr:'))).toEqual([
      's.yaml:9:33: workload.statistics.items.columns.ownr: is not a column of items; ' +
        'there is id, key, owner, state; did you mean owner?',
    ]);
    expect(problems(planned, TEXT.replace('    items: {rows', '    itms: {rows'))).toEqual([
      's.yaml:9:5: workload.statistics.itms: is not a table of the schema; there is items; ' +
        'did you mean items?',
    ]);
  });

  test('a script that cannot be read is not planned', () => {
    const asked: PlanRequest[] = [];
    const plans = (request: PlanRequest) => {
      asked.push(request);
      return undefined;
    };
    const text = TEXT.replace(':id AND', ':idd AND');
    const loaded = loadScenario(text, { file: 's.yaml', plans });
    expect(loaded.ok ? '' : formatProblem(loaded.problems[0]!)).toMatch(
      /^s\.yaml:14:19: workload\.transactions\.look: :idd: is not set before; .*did you mean :id\?/,
    );
    expect(asked).toEqual([]);
  });
});

describe('what is asked', () => {
  const requestOf = (text: string) => {
    const asked: PlanRequest[] = [];
    loadScenario(text, {
      plans: (request) => {
        asked.push(request);
        return undefined;
      },
    });
    return asked[0]!;
  };

  test('is the schema, the statistics, the planner’s settings and the statements', () => {
    const text = TEXT.replace('{zone: a}', '{zone: a, postgresql: {work_mem: 64MB, version: 15}}');
    const { facts, settings, version, statements } = requestOf(text);
    expect(facts['items']).toMatchObject({ rows: 1e6, columns: { owner: { distinct: 20_000 } } });
    const all = new Map(settings);
    expect(all.get('work_mem')).toBe('65536kB');
    expect(all.get('random_page_cost')).toBe('4');
    expect(all.get('enable_seqscan')).toBe('on');
    expect(all.get('max_parallel_workers_per_gather')).toBe('2');
    expect(version).toBe(15);
    expect(statements.map(({ sql }) => sql)).toEqual([
      'UPDATE items SET state = 1 WHERE id = 1',
      'SELECT * FROM items\n WHERE id = $1 AND state = 1',
    ]);
  });

  test('and the commands that the shorthand for partitions stands for', () => {
    const commands = (partitions: string) =>
      requestOf(
        TEXT.replace('  statistics:', `  partitions: {items: ${partitions}}\n  statistics:`),
      ).partitions.map(({ sql }) => sql.replace('PARTITION OF items FOR VALUES', '...'));
    expect(commands('{from: 2024-01-31, to: 2024-03-15, every: 1 month}')).toEqual([
      "CREATE TABLE items_2024_01 ... FROM ('2024-01-31') TO ('2024-02-29')",
      "CREATE TABLE items_2024_02 ... FROM ('2024-02-29') TO ('2024-03-15')",
    ]);
    expect(commands("{list: {eu: [de, 'it''s'], us: [us]}}")).toEqual([
      "CREATE TABLE items_eu ... IN ('de', 'it''s')",
      "CREATE TABLE items_us ... IN ('us')",
    ]);
    expect(commands('{hash: 2}')).toEqual([
      'CREATE TABLE items_0 ... WITH (MODULUS 2, REMAINDER 0)',
      'CREATE TABLE items_1 ... WITH (MODULUS 2, REMAINDER 1)',
    ]);
  });

  test('does not depend on what plans do not depend on', () => {
    const more = TEXT.replace('count: 1', 'count: 9').replace('{zone: a}', '{zone: a, slot: true}');
    expect(requestOf(`seed: 7\n${more}`)).toEqual(requestOf(TEXT));
  });
});

describe('what is not built is refused when it is to be run', () => {
  const refusals = (planned: Planned | undefined) => {
    const loaded = loadScenario(TEXT, { file: 's.yaml', plans: () => planned });
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const outcome = simulate(loaded.runs[0]!, { until: 0 });
    return 'refused' in outcome ? outcome.refused.map(formatProblem) : [];
  };
  const onItems = { 'Relation Name': 'items', Schema: 'public', Alias: 'items' };
  const scan = node('Index Scan', { ...onItems, 'Index Name': 'items_pkey' });
  const join = node('Foreign Scan', { Plans: [scan] });
  const both = (look: typeof scan, change = look) =>
    answer([change, look].map((generic) => ({ generic, custom: [] })));

  test('a scenario whose statements have not been planned', () => {
    expect(refusals(undefined)).toEqual([
      's.yaml:4:3: workload.schema: its statements have not been planned: ' +
        'Postgres, or the plans, must be handed in',
    ]);
  });

  test('a node that is not built, at its statement, if somebody runs it', () => {
    expect(refusals({ ok: true, answer: both(join, scan) })).toEqual([
      expect.stringMatching(
        /^s\.yaml:13:7: workload\.transactions\.look: SELECT: Foreign Scan is not built yet; /,
      ),
    ]);
    expect(refusals({ ok: true, answer: both(scan, join) })).toEqual([]);
  });

  test('indexes that are no b-trees are told of, and run', () => {
    const gin = index('words', [2], ITEM_COLUMNS, { method: 'gin' });
    const tables = [...ITEMS.tables, table('texts', ITEM_COLUMNS, [gin])];
    const planned = { ok: true as const, answer: { ...both(scan), catalog: { tables } } };
    expect(refusals(planned)).toEqual([]);
    const loaded = loadScenario(TEXT, { file: 's.yaml', plans: () => planned });
    expect(loaded.ok && loaded.warnings.map(formatProblem)).toContain(
      's.yaml:4:3: the index words: is of the method gin: ' +
        'no pages and no WAL of its own are simulated',
    );
  });
});
