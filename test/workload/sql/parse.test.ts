import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import type { Step } from '../../../src/workload/script.ts';
import { parseScript } from '../../../src/workload/sql/parse.ts';
import { sqlScript } from '../../../src/workload/sql/script.ts';

const TPCB = `\\set aid random(1, 100000 * :scale)
\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
  VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
END;
`;

function steps(text: string, number = 3): Step[] {
  const parsed = parseScript(text, 2);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const client = { number, random: new Random('steps'), prepared: true };
  const execution = sqlScript('x', 0, parsed.program).execution(client);
  execution.start();
  const all: Step[] = [];
  for (let step = execution.next(); step !== null; step = execution.next()) {
    all.push(step);
    if (step === 'no value') break;
  }
  return all;
}

const words = (all: Step[]) =>
  all.map((step) =>
    step !== null && typeof step === 'object'
      ? `${step.verb} ${step.relation?.name.slice(8) ?? ''} ${step.key}`.replace(/ +/g, ' ').trim()
      : step,
  );

describe('what a script does', () => {
  test('tpcb-like as pgbench writes it', () => {
    const verbs = words(steps(TPCB)).map((each) => String(each).replace(/ \d+$/, ''));
    expect(verbs).toEqual([
      'begin',
      'update accounts',
      'select accounts',
      'update tellers',
      'update branches',
      'insert history',
      'commit',
    ]);
  });

  test('\\if takes one branch, variables are computed in turn, sleeps are times', () => {
    const text = `\\set n :client_id * 10 -- 1
\\if :n < 5
SELECT 1;
\\elif :n = 31
\\sleep 5 ms
SELECT abalance FROM pgbench_accounts WHERE aid = :n;
\\else
BEGIN; END;
\\endif
\\sleep :n us`;
    expect(words(steps(text, 3))).toEqual([5e6, 'select accounts 31', 31e3]);
    expect(words(steps(text, 0))).toEqual(['select 0', 1e3]);
    expect(words(steps(text, 1))).toEqual(['begin 0', 'commit 0', 11e3]);
  });

  test('several rows, locks, options', () => {
    const all = steps(`BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '2s';
SELECT * FROM pgbench_accounts WHERE aid IN (3, 1 + 1) FOR NO KEY UPDATE;
UPDATE pgbench_accounts SET filler = 'x', bid = 1 WHERE aid BETWEEN 5 AND 7;
DELETE FROM pgbench_accounts WHERE pgbench_accounts.aid = 9 ;
INSERT INTO pgbench_tellers VALUES (99, 1, 0, '') ON CONFLICT (tid) DO NOTHING;
SELECT count(*) FROM pgbench_branches; COMMIT`);
    const details = all.map((step) =>
      step !== null && typeof step === 'object' ? step.details : null,
    );
    expect(details[0]!.settings).toEqual({ isolation: 'repeatable read' });
    expect(details[1]!.settings).toEqual({ lockTimeout: 2e9 });
    expect(details[2]).toMatchObject({ rows: { kind: 'list', list: [3, 2] }, rowLock: 2 });
    const range = { kind: 'range', first: 5, last: 7 };
    expect(details[3], 'from bid to the end of filler').toMatchObject({
      rows: range,
      changedBytes: 93,
    });
    expect(words(all)[4]).toBe('delete accounts 9');
    expect(details[5]).toMatchObject({ isKeyGiven: true, onConflict: 'nothing' });
    expect(details[6]!.rows).toBe('all');
  });

  test('a script without a value to go on with', () => {
    expect(steps('\\set x 1 / (:client_id - 3)\nSELECT 1;')).toEqual(['no value']);
  });
});

/** Scripts, the token at which each is refused, and why. */
const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['SELEC 1;', 'SELEC', /supported are SELECT/],
  ['SELECT * FROM pgbench_acounts WHERE aid = 1;', 'pgbench_acounts', /not a table/],
  ['SELECT abalanc FROM pgbench_accounts WHERE aid = 1;', 'abalanc', /not a column/],
  ['SELECT * FROM pgbench_accounts WHERE abalance = 1;', 'abalance', /not the primary key/],
  ['SELECT * FROM pgbench_accounts WHERE aid = :ad;', ':ad', /not set before/],
  ['UPDATE pgbench_accounts SET aid = 3 WHERE aid = 1;', 'aid', /keeps its key/],
  ['UPDATE pgbench_accounts SET bid = 3;', ';', /WHERE/],
  ['SAVEPOINT;', ';', /name of a savepoint/],
  ['BEGIN; ROLLBACK TO a b; END;', 'b', /behind the name/],
  ['BEGIN;\nSELECT 1;', 'BEGIN', /may not end/],
  ['\\set x random(1)\nSELECT 1;', 'random', /takes 2 arguments/],
  ['\\set x rndom(1, 2)\nSELECT 1;', 'rndom', /not a function/],
  ['\\set x :random_seed\nSELECT 1;', ':random_seed', /no meaning/],
  ['\\gset\nSELECT 1;', '\\gset', /not supported/],
  ['\\if 1\nSELECT 1;', '\\if', /no \\endif/],
  ['\\endif\nSELECT 1;', '\\endif', /no \\if/],
  ['\\sleep 5 h\nSELECT 1;', 'h', /us, ms or s/],
  ["SELECT 'x;", "'", /no end/],
  ['BEGIN ISOLATION LEVEL SNAPSHOT; END;', 'SNAPSHOT', /READ COMMITTED/],
  ['INSERT INTO pgbench_accounts (bid) VALUES (1);', '(', /primary key/],
  ['INSERT INTO pgbench_history (tid) VALUES (1, 2);', '(', /2 values for 1/],
  ['', 'the script', /no statement/],
];

describe('what is refused', () => {
  test.each(REFUSED)('%j at %j', (text, token, why) => {
    const parsed = parseScript(text, 1);
    const problems = parsed.ok ? [] : parsed.problems;
    expect(problems[0]?.token).toBe(token);
    expect(problems[0]?.why).toMatch(why);
    if (token !== 'the script') expect(text.startsWith(token, problems[0]!.offset)).toBe(true);
  });

  test('each wrong command is told, at its line and column of the file', () => {
    const file = `duration: 10s
network: {zones: {a: us-east-1}}
hardware: {db: {cores: 1, memory: 4GB, disk: nvme}}
servers: {main: {zone: a, hardware: db}}
workload:
  transactions:
    one: |

      \\set aid randm(1, 5)
      BEGIN;
        UPDATE pgbench_accounts SET abalnce = 1
          WHERE aid = :aid;
      COMMIT;
    two: "SELECT 1 FRO;"
  clients: {app: {zone: a, run: one}}
`;
    const loaded = loadScenario(file, { file: 's.yaml' });
    const problems = loaded.ok ? [] : loaded.problems.map(formatProblem);
    expect(problems.map((each) => each.replace(/(: is not a function).*(; did)/, '$1$2'))).toEqual([
      's.yaml:9:16: workload.transactions.one: randm: is not a function; did you mean random?',
      's.yaml:11:37: workload.transactions.one: abalnce: is not a column of pgbench_accounts; ' +
        'there is aid, bid, abalance, filler; did you mean abalance?',
      's.yaml:14:20: workload.transactions.two: FRO: is no value: there are no columns here',
    ]);
  });

  test('no damage makes it throw, and problems stand within the text', () => {
    const edit = fc.record({
      at: fc.nat(TPCB.length),
      cut: fc.nat(12),
      put: fc.oneof(
        fc.constantFrom(
          '\\',
          ';',
          "'",
          '"',
          '(',
          ')',
          ':',
          '/*',
          '--',
          '\\if',
          ' IN ',
          '1e',
          'NOT ',
        ),
        fc.string({ maxLength: 5, unit: 'binary' }),
      ),
    });
    const property = fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = TPCB;
      for (const { at, cut, put } of edits) text = text.slice(0, at) + put + text.slice(at + cut);
      const parsed = parseScript(text, 1);
      if (parsed.ok) return;
      expect(parsed.problems.length).toBeGreaterThan(0);
      for (const { offset } of parsed.problems) {
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThanOrEqual(text.length);
      }
    });
    fc.assert(property, { numRuns: 2000, seed: 4 });
  });
});
