/**
 * P8.3: the rate of inserts by the size of the table (R. Kiefer, 2017: falls from 115,000 to 5,000
 * rows a second on the way to a billion rows; F. Coelho, 2019: without an index in no order stays
 * where it is, up to four billion). Memory is fixed, an index ascends with time or has its keys in
 * no order, rows vary.
 */
import { describe, expect, test } from 'vitest';
import { BuiltTree } from '../../src/postgres/btree/btree-layout.ts';
import type { PlanAnswer } from '../../src/workload/planner/request.ts';
import { answer, bigint, column, index, node, table } from '../workload/planner/fixtures.ts';
import { metric, play } from './run.ts';

const MILLION = 1_000_000;
const ROWS = [0.4, 2, 8, 40, 250].map((millions) => millions * MILLION);
const BUFFERS = (64 * 1024 * 1024) / 8192;
/** Of two bigints: 4 bytes of a line pointer, 24 of a header, 16. */
const HEAP_ROWS_PER_PAGE = Math.floor((8192 - 24) / (4 + 24 + 16));

/** `events (id, device)` with an index on the one or the other. */
function events(rows: number, hasRandomKey: boolean): PlanAnswer {
  const columns = [
    column('id', { ...bigint, isIdentity: true }),
    column('device', { ...bigint, default: hasRandomKey ? 'random()' : null }),
  ];
  const indexes = [
    index('events_pkey', [1], columns, { unique: true, primary: true }),
    ...(hasRandomKey ? [index('events_device_idx', [2], columns)] : []),
  ];
  const plan = node('ModifyTable', {
    ...{ Operation: 'Insert', 'Relation Name': 'events', Schema: 'public' },
    Plans: [node('Result')],
  });
  const nothing = { width: null, nullFraction: null, common: [], histogram: [] };
  return {
    ...answer([{ generic: plan, custom: [plan] }]),
    catalog: { tables: [table('events', columns, indexes)] },
    facts: {
      events: { rows, columns: { device: { distinct: rows, correlation: 0, ...nothing } } },
    },
  };
}

function inserted(rows: number, hasRandomKey: boolean) {
  const text = JSON.stringify({
    warmup: '1s',
    duration: '1300ms',
    network: { zones: { a: 'us-east-1' } },
    hardware: { box: { cores: 4, memory: '320MB', disk: { kind: 'gp3', size: '500GB' } } },
    servers: {
      main: {
        ...{ zone: 'a', hardware: 'box' },
        postgresql: {
          ...{ version: 15, shared_buffers: '64MB', synchronous_commit: 'off' },
          ...{ autovacuum: 'off', checkpoint_timeout: '30min', full_page_writes: 'off' },
        },
      },
    },
    workload: {
      schema: 'CREATE TABLE events ()',
      transactions: { it: 'INSERT INTO events (device) VALUES (1);' },
      clients: { all: { zone: 'a', count: 8, connect: 'main', run: 'it', protocol: 'prepared' } },
    },
  });
  const result = play(text, { plans: () => ({ ok: true, answer: events(rows, hasRandomKey) }) });
  return {
    rate: metric(result, 'throughput.tps'),
    reads: metric(result, 'transactions.it.buffers_read.mean'),
  };
}

describe('P8.3: inserts by the size of the table', () => {
  const ordered = ROWS.map((rows) => inserted(rows, false));
  const random = ROWS.map((rows) => inserted(rows, true));

  test('an index that ascends: the same rate with 400,000 rows and with 250 million', () => {
    for (const { rate, reads } of ordered) {
      expect(Math.abs(rate / ordered[0]!.rate - 1)).toBeLessThan(0.1);
      expect(reads).toBeLessThan(0.05);
    }
  });

  /** Published: 115,000 and 5,000 rows a second. */
  test('keys in no order: falls once the index is larger than memory, and goes on falling', () => {
    const rates = random.map(({ rate }) => rate);
    expect(rates[0]! / ordered[0]!.rate).toBeGreaterThan(0.75);
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
    expect(rates.at(-1)! / rates[0]!).toBeLessThan(0.1);
  });

  /** At the beginning shared buffers hold of all pages alike, in the end of this index only. */
  test('reads of an insert: the share of the index that shared buffers do not hold', () => {
    ROWS.forEach((rows, i) => {
      const { pages } = new BuiltTree(rows, 8, 90, 1);
      const heap = rows / HEAP_ROWS_PER_PAGE;
      const missing = (of: number) => Math.max(0, 1 - BUFFERS / of);
      const { reads } = random[i]!;
      expect(reads, `${rows} rows`).toBeGreaterThan(missing(pages) - 0.06);
      expect(reads, `${rows} rows`).toBeLessThan(missing(2 * pages + heap) + 0.06);
    });
  });
});
