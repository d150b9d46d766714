import { z } from 'zod';
import type { Experiment, Metrics } from '../experiment.ts';
import { meta, pgbenchRun, readMeasurements } from '../measurements.ts';
import { pgbenchPoint } from '../pgbench.ts';

const number = z.number({ error: 'is not a number' });

const file = z.object({
  meta,
  runs: z
    .array(
      pgbenchRun.extend({
        secs: number,
        checkpoint_timeout: z.string(),
        full_page_writes: z.string(),
        sync_commit: z.string(),
        rate: number.nullable().optional(),
        wal_fpi_per_txn: number,
        buffers_checkpoint: number,
        txns: number,
      }),
    )
    .min(1),
});

const NEEDS = ['servers.pg1.wal.fpi_bytes', 'servers.pg1.buffers.written_by.checkpointer'];

/** V5: checkpoints every half minute under load, with full-page writes. */
export const v5: Experiment = {
  name: 'V5',
  title: 'Checkpoints and full-page writes',
  differences: [],
  ablated: true,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'V5', file);
    return read.runs.map((run) => {
      const { clients, secs: seconds, checkpoint_timeout, full_page_writes, sync_commit } = run;
      const name =
        `${clients} clients, checkpoint_timeout ${checkpoint_timeout}, ` +
        `full_page_writes ${full_page_writes}, synchronous_commit ${sync_commit}`;
      const point = pgbenchPoint(name, [run], {
        meta: read.meta,
        calibration,
        builtin: 'simple-update',
        clients,
        expected: run.tps,
        seconds,
        settings: { checkpoint_timeout, full_page_writes, synchronous_commit: sync_commit },
        ...(run.rate == null ? {} : { rate: run.rate }),
      });
      return {
        ...point,
        needs: NEEDS,
        measured: {
          ...point.measured,
          images_per_txn: [run.wal_fpi_per_txn],
          checkpoint_buffers_per_txn: [run.buffers_checkpoint / run.txns],
        },
        predict: (metrics) => ({ ...point.predict(metrics), ...pages(metrics) }),
      };
    });
  },
};

function pages(metrics: Metrics) {
  const count = metrics['latency.count'] ?? 0;
  const per = (name: string) => {
    const total = metrics[`servers.pg1.${name}`];
    return total == null || count === 0 ? null : total / count;
  };
  return {
    images_per_txn: per('wal.fpi'),
    checkpoint_buffers_per_txn: per('buffers.written_by.checkpointer'),
  };
}
