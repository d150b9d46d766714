import { z } from 'zod';
import type { Experiment } from '../experiment.ts';
import { meta, pgbenchRun, readMeasurements } from '../measurements.ts';
import { pgbenchPoint } from '../pgbench.ts';
import { groupBy, mean } from '../statistics.ts';

const number = z.number({ error: 'is not a number' });

const file = z.object({
  meta,
  points: z
    .array(
      pgbenchRun.extend({
        shared_buffers: z.string(),
        dist: z.string(),
        hit_ratio_all: number,
        mem_limit_mb: number.optional(),
      }),
    )
    .min(1),
});

/** Scripts of the distributions that pgbench's own select-only does not have. */
const DRAWS: Readonly<Record<string, string>> = {
  zipf: 'random_zipfian(1, 100000 * :scale, 1.1)',
  zipf_permuted: '1 + permute(random_zipfian(1, 100000 * :scale, 1.1) - 1, 100000 * :scale)',
};

/** V6: hit ratios of the buffer pool by its size and by how keys are drawn. */
export const v6: Experiment = {
  name: 'V6',
  title: 'Buffer pool: sizes and distributions',
  differences: ['Where the cluster’s memory was limited, the host’s memory is.'],
  ablated: true,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'V6', file);
    const groups = groupBy(
      read.points,
      ({ dist, shared_buffers, clients, mem_limit_mb: limit }) =>
        `${dist}, shared_buffers ${shared_buffers}${limit ? `, memory ${limit} MB` : ''}, ` +
        `${clients} clients`,
    );
    return [...groups].map(([name, runs]) => {
      const { clients, shared_buffers, dist, mem_limit_mb: limit } = runs[0]!;
      const point = pgbenchPoint(name, runs, {
        meta: read.meta,
        calibration,
        builtin: 'select-only',
        clients,
        expected: mean(runs.map(({ tps }) => tps)),
        settings: { shared_buffers },
      });
      const hits = runs.map((run) => run.hit_ratio_all);
      return {
        ...point,
        scenario: limited(drawing(point.scenario, dist), limit),
        needs: ['servers.pg1.buffers.hit_ratio'],
        measured: { ...point.measured, hit_ratio: hits },
        predict: (metrics) => ({
          ...point.predict(metrics),
          hit_ratio: metrics['servers.pg1.buffers.hit_ratio'],
        }),
      };
    });
  },
};

type Values = Readonly<Record<string, unknown>>;

function drawing(scenario: Values, distribution: string): Values {
  const draw = DRAWS[distribution];
  if (draw === undefined) return scenario;
  const script = `\\set aid ${draw}\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n`;
  const workload = scenario['workload'] as Values;
  return { ...scenario, workload: { ...workload, transactions: { txn: { script } } } };
}

function limited(scenario: Values, megabytes: number | undefined): Values {
  if (megabytes === undefined) return scenario;
  const { box } = scenario['hardware'] as { box: Values };
  return { ...scenario, hardware: { box: { ...box, memory: `${megabytes}MB` } } };
}
