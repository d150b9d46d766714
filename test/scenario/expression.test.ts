import { describe, expect, test } from 'vitest';
import { metricNames } from '../../src/measure/catalog.ts';
import { evaluate, knownMetric, metricsOf, parseComparison } from '../../src/scenario/index.ts';
import { examples, load, minimal, problems } from './support.ts';

/** The outcome of a comparison over a few metrics. */
function outcome(text: string, metrics: Record<string, number | null> = {}) {
  const parsed = parseComparison(text);
  if (!parsed.ok) throw new Error(parsed.error.why);
  return evaluate(parsed.comparison, (name) => metrics[name]);
}

describe('comparisons', () => {
  test.each([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['10 - 4 - 3', 3],
    ['8 / 4 / 2', 1],
    ['-2 * -3', 6],
    ['20ms', 0.02],
    ['62ms', 0.062],
    ['2min', 120],
    ['35s', 35],
    ['8MB', 8 * 1024 * 1024],
    ['5k', 5000],
    ['2B', 2e9],
    ['20%', 0.2],
    ['1500/s', 1500],
    ['90/min', 1.5],
    ['1k/s', 1000],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1_000', 1000],
  ])('%s is %d', (text, value) => {
    expect(outcome(`${text} == 0`).left).toBe(value);
  });

  test.each([
    ['1 < 2', true],
    ['2 < 2', false],
    ['2 <= 2', true],
    ['3 > 2', true],
    ['2 >= 3', false],
    ['2 == 2', true],
    ['2 != 2', false],
  ])('%s: %s', (text, holds) => {
    expect(outcome(text).holds).toBe(holds);
  });

  test('arithmetic over several metrics, as in the examples', () => {
    const text = 'transactions.a.latency.p50 > 5 * (b.c + d)';
    const metrics = { 'transactions.a.latency.p50': 16, 'b.c': 1, d: 2 };
    expect(outcome(text, metrics)).toEqual({ text, left: 16, right: 15, holds: true });
  });

  test('a minus inside a name belongs to it, one between spaces subtracts', () => {
    const metrics = { 'servers.replica-1.wal.bytes': 7, a: 3, b: 1 };
    expect(outcome('servers.replica-1.wal.bytes == 7', metrics).holds).toBe(true);
    expect(outcome('a - b == 2', metrics).holds).toBe(true);
    expect(outcome('a -b == 2', metrics).holds).toBe(true);
  });

  test('a metric without observations makes it not hold, and it says so', () => {
    const none = outcome('reads.stale < 5', { 'reads.stale': null });
    expect(none).toMatchObject({ left: null, right: 5, holds: false });
    expect(none.why).toBe('reads.stale has no observations in this run');
    expect(outcome('reads.stale != 5', { 'reads.stale': null }).holds).toBe(false);
  });

  test('a division by zero has no value', () => {
    expect(outcome('1 / a > 0', { a: 0 })).toMatchObject({ holds: false, left: null });
    expect(outcome('1 / a > 0', { a: 0 }).why).toContain('divides by zero');
  });

  test('names are found with their places', () => {
    const parsed = parseComparison('2 * aa.b < -cc');
    if (!parsed.ok) throw new Error('does not parse');
    expect(metricsOf(parsed.comparison)).toEqual([
      { name: 'aa.b', offset: 4 },
      { name: 'cc', offset: 12 },
    ]);
  });

  test.each([
    ['a = 1', 2, '"=" is no comparison'],
    ['a', 1, 'one of <, <=, >, >=, == or != is missing'],
    ['a <', 3, 'a metric or a number is missing'],
    ['a < 1 < 2', 6, 'should end here'],
    ['(a < 1', 3, 'a closing parenthesis is missing'],
    ['a < 3 bananas', 6, 'should end here'],
    ['a < 3parsec', 4, '"parsec" is no unit'],
    ['a < ?', 4, 'a metric or number is missing'],
    ['', 0, 'a metric or a number is missing'],
    [`${'('.repeat(40)}1`, 32, 'nested too deeply'],
  ])('%s is refused at %d', (text, offset, why) => {
    const parsed = parseComparison(text);
    if (parsed.ok) throw new Error('parses');
    expect(parsed.error.offset).toBe(offset);
    expect(parsed.error.why).toContain(why);
  });
});

describe('expectations in a scenario', () => {
  test('an error points into the text', () => {
    expect(problems(minimal('expect:\n  - failover.count = 1'))).toEqual([
      'x.yaml:4:20: "failover.count = 1": "=" is no comparison; did you mean ==?',
    ]);
  });

  test.each([
    ['latency.wirte.p99 < 1s', 'latency.write.p99'],
    ['comits.lost == 0', 'commits.lost'],
    ['servers.pg1.wal.byte > 0', 'servers.pg1.wal.bytes'],
    ['servers.pg.wal.bytes > 0', 'servers.pg1.wal.bytes'],
    ['transactions.tcpb-like.latency.p50 > 0', 'transactions.tpcb-like.latency.p50'],
    ['clients.apps.outage.write < 1s', 'clients.app.outage.write'],
  ])('%s names an unknown metric; %s is near', (text, near) => {
    expect(problems(minimal(`expect: ["${text}"]`))).toEqual([
      expect.stringMatching(new RegExp(`^x\\.yaml:3:11: .*did you mean ${near}\\?$`)),
    ]);
  });

  test('every metric of the language page is known', () => {
    const names = [
      ...['throughput.tps', 'latency.p99', 'latency.read.mean', 'latency.service.write.p999'],
      ...['transactions.tpcb-like.errors.40001', 'clients.app.commits.acknowledged'],
      ...['transactions.tpcb-like.buffers_hit.mean', 'clients.app.availability.write'],
      ...['failover.reconnect.max', 'promotions.count', 'switchover.count', 'reads.staleness.p50'],
      ...['servers.pg1.cpu.utilization', 'servers.pg1.buffers.written_by.bgwriter'],
      ...['servers.pg1.replication.replay_lag.bytes.max', 'servers.pg1.conflicts.bufferpin'],
      ...['servers.pg1.tables.t.dead_tuples.max', 'servers.pg1.slots.s.retained_bytes.end'],
      ...['waits.IPC.SyncRep', 'waits.CPU', 'servers.pg1.connections.max', 'cost.monthly'],
    ];
    load(minimal(`expect: [${names.map((name) => `${name} >= 0`).join(', ')}]`));
  });

  test('whatever is measured may be expected', () => {
    const subjects = { servers: ['pg1'], transactions: ['tpcb-like'], clients: ['app'] };
    const scope = { ...subjects, pools: [], members: [] };
    const names = metricNames(subjects).filter((name) => !name.includes('<'));
    expect(names.length).toBeGreaterThan(200);
    expect(names.filter((name) => !knownMetric(name, scope).known)).toEqual([]);
  });

  test('another set of metrics can be given', () => {
    const knownMetric = (name: string) =>
      name === 'x' ? ({ known: true } as const) : ({ known: false, nearest: 'x' } as const);
    load(minimal('expect: [x > 1]'), { knownMetric });
    expect(problems(minimal('expect: [y > 1]'), { knownMetric }).join()).toContain(
      'did you mean x?',
    );
  });

  test('invariants are known by name', () => {
    const invariants = ['noSplitBrain', 'noAcknowledgedLoss'];
    const text = minimal('invariants: [noSplitBrian]');
    expect(problems(text, { invariants }).join()).toContain('did you mean noSplitBrain?');
    expect(load(text).scenario.invariants).toEqual(['noSplitBrian']);
  });

  test('claims are read with their comparisons', () => {
    const { scenario } = load(
      minimal('claims: [{id: D1, says: it is fast, source: a book, expect: latency.p50 < 1ms}]'),
    );
    expect(scenario.claims).toMatchObject([
      { id: 'D1', says: 'it is fast', source: 'a book', variant: null },
    ]);
    expect(scenario.claims[0]!.expect[0]!.text).toBe('latency.p50 < 1ms');
    const twice = minimal('claims: [{id: A, says: x, expect: []}, {id: A, says: y, expect: []}]');
    expect(problems(twice).join()).toContain('another claim has the id A too');
  });

  test('the examples name no metric that is unknown', () => {
    for (const text of examples.values()) load(text);
  });
});
