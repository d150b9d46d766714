/** The measurements that the simulator is given: C1 to C3, and nothing of what it is to predict. */
import { join } from 'node:path';
import { z } from 'zod';
import { BadMeasurements, has, meta, percentiles, readMeasurements } from './measurements.ts';

const number = z.number({ error: 'is not a number' });

/** Quantiles of one loop of system calls, in microseconds. */
const latencyTest = z.object({
  test: z.string(),
  mean_us: number.optional(),
  min_us: number.optional(),
  p1_us: number.optional(),
  p10_us: number.optional(),
  p25_us: number.optional(),
  p50_us: number.optional(),
  p75_us: number.optional(),
  p90_us: number.optional(),
  p95_us: number.optional(),
  p99_us: number.optional(),
  p999_us: number.optional(),
  max_us: number.optional(),
  iops: number.optional(),
  MB_per_s: number.optional(),
});
export type LatencyTest = z.output<typeof latencyTest>;

const roundTrip = z.object({ p50_us: number });

const c1 = z.object({
  meta,
  tests: z.array(latencyTest).min(1),
  delay_proxy_pingpong_rtt: z.record(z.string(), roundTrip).optional(),
});

const singleClient = z.object({
  workload: z.string(),
  sync_commit: z.string(),
  transport: z.string(),
  lat: percentiles,
  server_cpu_us_per_txn: number,
  server_user_us: number,
  client_cpu_us_per_txn: number,
  wal_fpi_per_txn: number.optional(),
});

const c2 = z.object({
  points: z.array(singleClient.extend({ fpw_phase: z.string().optional() })).min(1),
});
const c2b = z.object({
  points: z
    .array(
      singleClient.extend({
        placement: z.enum(['same', 'cross']),
        server_sys_us: number,
        tps: number.optional(),
        foreign_cpu_cores: number.optional(),
      }),
    )
    .min(1),
});
export type PinnedPoint = z.output<typeof c2b>['points'][number];

const c3 = z.object({
  points: z
    .array(
      z.object({
        clients: number,
        transport: z.string(),
        server_cpu_us_per_txn: number,
      }),
    )
    .min(1),
});

export interface CalibrationData {
  readonly folder: string;
  readonly c1: z.output<typeof c1>;
  readonly c2: z.output<typeof c2> | null;
  readonly c2b: z.output<typeof c2b>;
  readonly c3: z.output<typeof c3> | null;
}

/** C1 and C2b are needed; without C2 images and without C3 connections keep their defaults. */
export function readCalibrationData(folder: string): CalibrationData {
  return {
    folder,
    c1: readMeasurements(folder, 'C1', c1),
    c2: has(folder, 'C2') ? readMeasurements(folder, 'C2', c2) : null,
    c2b: readMeasurements(folder, 'C2b', c2b),
    c3: has(folder, 'C3') ? readMeasurements(folder, 'C3', c3) : null,
  };
}

/** Something that the calibration cannot do without, and that a file does not have. */
export function missingFrom({ folder }: CalibrationData, name: string, why: string) {
  const file = join(folder, `${name}.json`);
  return new BadMeasurements([{ file, line: 1, column: 1, what: 'the file', why }]);
}
