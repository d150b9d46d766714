import { z } from 'zod';
import type { Experiment } from '../experiment.ts';
import { meta, readMeasurements } from '../measurements.ts';
import { pgbenchScenario } from '../pgbench.ts';
import { groupBy } from '../statistics.ts';
import { standbys } from './v2.ts';

const number = z.number({ error: 'is not a number' });

const file = z.object({
  meta,
  points: z
    .array(
      z.object({
        delay_oneway_ms: number,
        rate: number,
        mode: z.string(),
        clients: number,
        lost: number,
        kill_spread_ms: number.optional(),
      }),
    )
    .min(1),
});

/** Runs whose kills lie further apart say little (see the data's own notes). */
const MOST_SPREAD_MILLISECONDS = 3;
const FAULT_SECONDS = 2;
const SEEDS = 12;

/** V3: acknowledged commits that are not on the standby that was promoted. */
export const v3: Experiment = {
  name: 'V3',
  title: 'Acknowledged commits lost when primary and network die at once',
  differences: [
    'The transaction is pgbench’s simple-update instead of one insert: scripts of one’s own are ' +
      'not simulated yet. Loss depends on the rate of commits and on the way of the WAL.',
    'Killing proxy and primary is a cut of the path, which drops what is on its way, and the ' +
      'loss of the primary’s power at the same instant.',
    'A zero delay is the round trip through the proxy alone; the standby has a host of its own.',
  ],
  ablated: false,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'V3', file);
    const usable = read.points.filter(
      ({ kill_spread_ms: spread }) => (spread ?? 0) <= MOST_SPREAD_MILLISECONDS,
    );
    const groups = groupBy(
      usable,
      ({ mode, delay_oneway_ms, rate }) => `${mode}, ${delay_oneway_ms} ms, ${rate}/s`,
    );
    return [...groups].map(([name, runs]) => {
      const { delay_oneway_ms: delay, rate, mode, clients } = runs[0]!;
      const isAsync = mode === 'async';
      const placed = standbys({ a: Math.max(delay, 0.001) }, calibration);
      const at = { min: `${FAULT_SECONDS}s`, max: `${FAULT_SECONDS + 0.5}s` };
      const event = { event: 'fault.began' };
      const scenario = pgbenchScenario({
        meta: read.meta,
        calibration,
        builtin: 'simple-update',
        clients,
        rate,
        expected: rate,
        seconds: FAULT_SECONDS + 1,
        settings: {
          synchronous_commit: isAsync ? 'on' : mode,
          ...(isAsync ? {} : { synchronous_standby_names: 'a' }),
        },
        ...placed,
        more: {
          ...placed.more,
          faults: [
            { at, cut: { from: 'pg1', to: 'a' } },
            { when: event, power_off: 'pg1' },
            { when: { ...event, count: 2 }, promote: 'a' },
          ],
        },
      });
      return {
        name,
        measured: { lost_commits: runs.map(({ lost }) => lost) },
        scenario,
        needs: [],
        seeds: SEEDS,
        predict: (metrics) => ({ lost_commits: metrics['commits.lost'] }),
      };
    });
  },
};
