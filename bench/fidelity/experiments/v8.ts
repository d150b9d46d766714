import { z } from 'zod';
import type { Experiment } from '../experiment.ts';
import { meta, readMeasurements } from '../measurements.ts';
import { pgbenchScenario } from '../pgbench.ts';

const number = z.number({ error: 'is not a number' });

/** Columns of the series. */
const HEAP_BYTES = 1;
const INDEX_BYTES = 2;
const DEAD_TUPLES = 3;

const file = z.object({
  meta,
  runs: z
    .array(
      z.object({
        idle_txn: z.string().nullable(),
        rate: number,
        series: z.array(z.array(number).min(DEAD_TUPLES + 1)).min(2),
      }),
    )
    .min(1),
});

const CLIENTS = 4;
const IDLE_FROM_SECONDS = 15;
const TABLE = 'servers.pg1.tables.pgbench_accounts';

/** V8: bloat while a transaction stays open. */
export const v8: Experiment = {
  name: 'V8',
  title: 'Dead tuples and sizes under an idle transaction',
  differences: [],
  ablated: true,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'V8', file);
    return read.runs.map(({ idle_txn: idle, rate, series }) => {
      const last = series.at(-1)!;
      const scenario = pgbenchScenario({
        meta: read.meta,
        calibration,
        builtin: 'simple-update',
        clients: CLIENTS,
        rate,
        expected: rate,
        seconds: last[0]!,
      });
      return {
        name: `${idle ?? 'no idle transaction'}, ${rate}/s`,
        measured: {
          dead_tuples_max: [Math.max(...series.map((row) => row[DEAD_TUPLES]!))],
          table_bytes_end: [last[HEAP_BYTES]!],
          index_bytes_end: [last[INDEX_BYTES]!],
        },
        scenario: idle === null ? scenario : withIdle(scenario, idle),
        needs: [`${TABLE}.heap_bytes.end`, `${TABLE}.index_bytes.end`, `${TABLE}.dead_tuples.max`],
        seeds: 1,
        predict: (metrics) => ({
          dead_tuples_max: metrics[`${TABLE}.dead_tuples.max`],
          table_bytes_end: metrics[`${TABLE}.heap_bytes.end`],
          index_bytes_end: metrics[`${TABLE}.index_bytes.end`],
        }),
      };
    });
  },
};

type Values = Readonly<Record<string, unknown>>;

/** One more session opens a transaction, reads a row, and stays. */
function withIdle(scenario: Values, idle: string): Values {
  const isRepeatable = idle.startsWith('repeatable read');
  const level = isRepeatable ? 'REPEATABLE READ' : 'READ COMMITTED';
  const script = [
    `BEGIN ISOLATION LEVEL ${level};`,
    'SELECT abalance FROM pgbench_accounts WHERE aid = 1;',
    `\\sleep ${isRepeatable ? 30 : 20} s`,
    'COMMIT;',
  ].join('\n');
  const workload = scenario['workload'] as Values & { transactions: Values; clients: Values };
  const session = { host: 'box', count: 1, run: 'idle', connect: 'pg1' };
  const times = { starts: `${IDLE_FROM_SECONDS}s`, ends: `${IDLE_FROM_SECONDS + 1}s` };
  return {
    ...scenario,
    workload: {
      ...workload,
      transactions: { ...workload.transactions, idle: { script } },
      clients: { ...workload.clients, idle: { ...session, ...times } },
    },
  };
}
