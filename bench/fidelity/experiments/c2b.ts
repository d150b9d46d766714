import { z } from 'zod';
import { MESSAGES } from '../calibrate.ts';
import type { Experiment } from '../experiment.ts';
import { meta, pgbenchRun, readMeasurements } from '../measurements.ts';
import { pgbenchPoint, STEADY } from '../pgbench.ts';
import { groupBy, mean } from '../statistics.ts';

const run = pgbenchRun.partial({ tps: true, clients: true }).extend({
  workload: z.string(),
  sync_commit: z.string(),
  placement: z.string(),
});

const file = z.object({ meta: meta.default({}), points: z.array(run).min(1) });

/** Workloads of the calibration that are no builtin script of pgbench's. */
const OTHERS = ['select 1'];

/** C2b: whether the calibration gives back what it was made from. */
export const c2b: Experiment = {
  name: 'C2b',
  title: 'The calibration itself: one client and its server on one core',
  differences: [
    STEADY,
    'Throughput, medians, and the 99th percentiles of select-only and of asynchronous ' +
      'simple-update are not predicted here: the profile was made from them, and what is off is ' +
      'what its few values cannot hold. The other tails and WAL are predictions.',
    'The table was vacuumed before select-only, and asynchronous simple-update came next; for ' +
      'the rest it has been updated all over.',
  ],
  ablated: false,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'C2b', file);
    const same = read.points.filter(
      ({ placement, workload }) => placement === 'same' && !OTHERS.includes(workload),
    );
    const known = same.filter(({ workload }) => workload in MESSAGES);
    const groups = groupBy(
      known,
      ({ workload, sync_commit }) => `${workload}, synchronous_commit ${sync_commit}`,
    );
    return [...groups].map(([name, repeats]) => {
      const { workload: builtin, sync_commit } = repeats[0]!;
      const runs = repeats.map((each) => ({
        ...each,
        clients: 1,
        tps: each.tps ?? 1000 / each.lat.p50_ms,
      }));
      return pgbenchPoint(name, runs, {
        meta: { ...read.meta, hardware: '1 vCPU, 24 GB RAM' },
        calibration,
        builtin,
        clients: 1,
        expected: mean(runs.map(({ tps }) => tps)),
        // the table was vacuumed for select-only, and simple-update came first, asynchronously
        isAged: builtin === 'tpcb-like' || (builtin === 'simple-update' && sync_commit === 'on'),
        settings: { synchronous_commit: sync_commit, full_page_writes: 'off' },
      });
    });
  },
};
