import { z } from 'zod';
import type { Experiment } from '../experiment.ts';
import { meta, pgbenchRun, readMeasurements } from '../measurements.ts';
import { AGED, pgbenchPoint, STEADY } from '../pgbench.ts';
import { groupBy, mean } from '../statistics.ts';

const file = z.object({
  meta,
  points: z.array(pgbenchRun.extend({ workload: z.string(), sync_commit: z.string() })).min(1),
});

/** V1: 1 to 256 clients of pgbench's builtin scripts. */
export const v1: Experiment = {
  name: 'V1',
  title: 'Clients 1 to 256, Unix socket',
  differences: [STEADY, AGED],
  ablated: true,
  points(folder, calibration) {
    const { meta: settings, points } = readMeasurements(folder, 'V1', file);
    const groups = groupBy(
      points,
      (run) => `${run.workload}, synchronous_commit ${run.sync_commit}, ${run.clients} clients`,
    );
    return [...groups].map(([name, repeats]) => {
      const { workload: builtin, sync_commit, clients } = repeats[0]!;
      const expected = mean(repeats.map(({ tps }) => tps));
      const own = { synchronous_commit: sync_commit, full_page_writes: 'off' };
      const isAged = builtin !== 'select-only';
      const plan = {
        meta: settings,
        calibration,
        builtin,
        clients,
        expected,
        settings: own,
        isAged,
      };
      return pgbenchPoint(name, repeats, plan);
    });
  },
};
