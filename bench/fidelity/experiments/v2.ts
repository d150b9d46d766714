import { z } from 'zod';
import type { Calibration } from '../calibrate.ts';
import type { Experiment, Point } from '../experiment.ts';
import { type Meta, meta, pgbenchRun, readMeasurements } from '../measurements.ts';
import { AGED, measuredOf, type PgbenchPlan, pgbenchPoint, STEADY } from '../pgbench.ts';
import { groupBy, mean } from '../statistics.ts';

const number = z.number({ error: 'is not a number' });
const common = pgbenchRun.extend({ ssn: z.string(), mode: z.string() });
const one = common.extend({ delay_oneway_ms: number });
const two = common.extend({ delay_a_ms: number, delay_b_ms: number });

const file = z.object({ meta, points: z.array(one).min(1), points2: z.array(two).optional() });

/** V2: synchronous replication to one standby or two, each behind a delay. */
export const v2: Experiment = {
  name: 'V2',
  title: 'Synchronous replication, delays of 0 to 10 ms each way',
  differences: [
    `With one standby, and with ANY of two, which ran last: ${STEADY}`,
    AGED,
    'A standby behind a delay has a host of its own with the same profile: the language has no ' +
      'delay inside a host. Its CPU time and its flushes do not slow the primary, nor does the ' +
      'delay proxy, whose own time C1 measured and which is part of the round trip.',
    'Without a delay the standby shares the host, and the proxy costs nothing.',
  ],
  ablated: true,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'V2', file);
    const single = read.points.map((run) => ({ ...run, delays: { a: run.delay_oneway_ms } }));
    const pairs = (read.points2 ?? []).map((run) => ({
      ...run,
      delays: { a: run.delay_a_ms, b: run.delay_b_ms },
    }));
    const groups = groupBy([...single, ...pairs], nameOf);
    return [...groups].map(([name, runs]) => pointOf(name, runs, read.meta, calibration));
  },
};

type Run = z.output<typeof common> & { delays: Readonly<Record<string, number>> };

function nameOf({ ssn, mode, delays, clients }: Run): string {
  const delay = Object.entries(delays).map(([standby, ms]) => `${standby} ${ms} ms`);
  return `'${ssn}', ${mode}, ${delay.join(', ')}, ${clients} clients`;
}

function pointOf(name: string, runs: readonly Run[], meta: Meta, calibration: Calibration): Point {
  const { clients, ssn, mode, delays } = runs[0]!;
  const plan: PgbenchPlan = {
    meta,
    calibration,
    builtin: 'simple-update',
    clients,
    expected: mean(runs.map(({ tps }) => tps)),
    isAged: true,
    settings: {
      synchronous_commit: mode,
      synchronous_standby_names: ssn,
      ...(hadImages(ssn, delays) ? { full_page_writes: 'off' } : {}),
    },
    ...standbys(delays, calibration),
  };
  const { cpu_us_per_txn: _, ...measured } = measuredOf(runs);
  return { ...pgbenchPoint(name, runs, plan), measured };
}

/**
 * Whether pages had had their images: with one standby it was long after a checkpoint. With two the
 * runs of FIRST came right behind one, those of ANY behind theirs.
 */
function hadImages(ssn: string, delays: Readonly<Record<string, number>>): boolean {
  return Object.keys(delays).length === 1 || ssn.startsWith('ANY');
}

/** Standbys of pg1 at these one-way delays in milliseconds. */
export function standbys(delays: Readonly<Record<string, number>>, calibration: Calibration) {
  const far = Object.entries(delays).filter(([, delay]) => delay > 0);
  const servers = Object.entries(delays).map(([name, delay]) => [
    name,
    delay > 0 ? { standby_of: 'pg1', host: `host_${name}` } : { standby_of: 'pg1', host: 'box' },
  ]);
  return {
    servers: Object.fromEntries(servers),
    hosts: {
      box: { hardware: 'box', zone: 'near' },
      ...Object.fromEntries(
        far.map(([name]) => [`host_${name}`, { hardware: 'box', zone: `zone_${name}` }]),
      ),
    },
    more: { network: networkOf(far, calibration) },
  };
}

function networkOf(far: readonly (readonly [string, number])[], calibration: Calibration) {
  const zones = ['near', ...far.map(([name]) => `zone_${name}`)];
  const rtt = far.map(([name, delay]) => [
    `near~zone_${name}`,
    `${calibration.roundTrip(delay).toFixed(3)}ms`,
  ]);
  return {
    zones: Object.fromEntries(zones.map((zone) => [zone, 'here'])),
    rtt: Object.fromEntries(rtt),
  };
}
