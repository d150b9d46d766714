/** SERIALIZABLE, against a real server's answers and against what the word means. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SECOND } from '../../../src/kernel/index.ts';
import { converse, type Step } from '../../helpers/sql.ts';
import { World } from '../../helpers/world.ts';

/** One step of a schedule: which transaction reads or writes which row, or commits. */
interface Action {
  readonly transaction: number;
  readonly what: 'r' | 'w' | 'c';
  readonly row: number;
}

interface Answer {
  /** In milliseconds. */
  readonly at: number;
  readonly text: string;
}

const STATEMENTS = {
  r: (aid: number) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${aid}`,
  w: (aid: number) => `UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = ${aid}`,
  c: () => 'COMMIT',
};

/** Each transaction in a session of its own, a step every 10 ms: the answers to its steps. */
function run(actions: readonly Action[], aidOf: (row: number) => number, level: string) {
  const plans: Record<string, Step[]> = {};
  actions.forEach(({ transaction, what, row }, i) => {
    plans[transaction] ??= [[10 * i, `BEGIN ISOLATION LEVEL ${level}`]];
    plans[transaction].push([10 * i + 5, STATEMENTS[what](aidOf(row))]);
  });
  const world = new World({ servers: [{ name: 'pg1' }], fillfactor: 100 });
  const log = converse(world, plans);
  world.sim.run(10 * SECOND);
  const answers = new Map<number, Answer[]>();
  for (const line of log) {
    const [at, client, text] = line.split(/[ :]+/);
    const own = answers.get(Number(client)) ?? [];
    answers.set(Number(client), own);
    own.push({ at: Number(at), text: text! });
  }
  for (const own of answers.values()) own.shift(); // BEGIN's
  return { answers, server: world.instance('pg1').server };
}

function scheduleOf(text: string): Action[] {
  return text.split(' ').map((step) => ({
    transaction: Number(step[0]),
    what: step[1] as Action['what'],
    row: Number(step[2] ?? 0),
  }));
}

const RECORDED = readFileSync(new URL('./postgres-15.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^(far|near)/.test(line))
  .map((line) => line.split('|') as [string, string, string, string]);

describe('sixty schedules that PostgreSQL 15.18 was given', () => {
  test.each(RECORDED)('%s %s: %s', (where, number, steps, expected) => {
    const n = Number(number);
    const nearby = 61 * Math.floor((400 * n + 200) / 61) + 10;
    const aidOf = (row: number) => (where === 'near' ? nearby + row : 400 * n + 1 + 25_000 * row);
    const actions = scheduleOf(steps);
    const { answers, server } = run(actions, aidOf, 'SERIALIZABLE');
    const got = actions.map(({ transaction }) => answers.get(transaction)!.shift()!.text);
    expect(got.map((text) => (text === 'complete' ? '.' : text)).join(' ')).toBe(expected);
    expect(server.predicateLocks.size, 'nothing is kept of what is over').toBe(0);
  });
});

interface Committed {
  readonly snapshotAt: number;
  readonly committedAt: number;
  readonly reads: ReadonlySet<number>;
  readonly writes: ReadonlySet<number>;
}

/** The transactions that committed, by the answers to their steps. */
function committed(actions: readonly Action[], answers: Map<number, Answer[]>): Committed[] {
  const all: Committed[] = [];
  for (const [transaction, own] of answers) {
    if (own.some(({ text }) => text !== 'complete')) continue;
    const steps = actions.flatMap((action, i) =>
      action.transaction === transaction ? [{ ...action, at: 10 * i + 5 }] : [],
    );
    const rows = (what: string) => new Set(steps.filter((s) => s.what === what).map((s) => s.row));
    const [reads, writes] = [rows('r'), rows('w')];
    all.push({ snapshotAt: steps[0]!.at, committedAt: own.at(-1)!.at, reads, writes });
  }
  return all;
}

/** Whether one has to come before another in a serial order: by a value read, missed, replaced. */
function precedes(a: Committed, b: Committed): boolean {
  const meets = (x: ReadonlySet<number>, y: ReadonlySet<number>) => [...x].some((r) => y.has(r));
  if (a.committedAt <= b.snapshotAt) return meets(a.writes, b.reads) || meets(a.writes, b.writes);
  if (meets(a.reads, b.writes) && b.committedAt > a.snapshotAt) return true;
  return meets(a.writes, b.writes) && a.committedAt < b.committedAt;
}

/** Whether there is a serial order: whoever nobody has to precede goes first, then the next. */
function isSerializable(all: readonly Committed[]): boolean {
  let left = [...all];
  for (;;) {
    const next = left.filter((b) => left.some((a) => a !== b && precedes(a, b)));
    if (next.length === 0) return true;
    if (next.length === left.length) return false;
    left = next;
  }
}

const action = fc.record({
  transaction: fc.integer({ min: 0, max: 3 }),
  what: fc.constantFrom('r', 'w') as fc.Arbitrary<Action['what']>,
  row: fc.integer({ min: 0, max: 3 }),
});

/** A commit for each transaction, at places of its own among what comes after its last step. */
const schedule = fc
  .tuple(fc.array(action, { minLength: 4, maxLength: 12 }), fc.infiniteStream(fc.nat()))
  .map(([actions, places]) => {
    const all: Action[] = [...actions];
    for (const transaction of new Set(actions.map((each) => each.transaction))) {
      const last = all.findLastIndex((each) => each.transaction === transaction);
      const at = last + 1 + (places.next().value % (all.length - last));
      all.splice(at, 0, { transaction, what: 'c', row: 0 });
    }
    return all;
  });

const isFine = (actions: readonly Action[], level: string) =>
  isSerializable(committed(actions, run(actions, (row) => 1 + 25_000 * row, level).answers));

describe('what commits', () => {
  test('under SERIALIZABLE there is a serial order of it', () => {
    fc.assert(
      fc.property(schedule, (actions) => isFine(actions, 'SERIALIZABLE')),
      { seed: 41, numRuns: 150 },
    );
  });

  test('under REPEATABLE READ there is not always one', () => {
    const samples = fc.sample(schedule, { seed: 41, numRuns: 150 });
    expect(samples.filter((each) => !isFine(each, 'REPEATABLE READ')).length).toBeGreaterThan(5);
  });

  test('write skew: each of two reads what the other changes; one of them fails', () => {
    const actions = scheduleOf('0r0 0r1 1r0 1r1 0w0 1w1 0c 1c');
    expect(isFine(actions, 'REPEATABLE READ')).toBe(false);
    const { answers } = run(actions, (row) => 1 + 25_000 * row, 'SERIALIZABLE');
    const texts = [0, 1].map((each) => answers.get(each)!.at(-1)!.text);
    expect(texts).toEqual(['complete', '40001']);
  });
});
