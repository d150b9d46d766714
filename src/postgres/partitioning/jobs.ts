/** Functions of extensions that look after partitions, as statements call them. */
import { type CompressionJob, compressChunks } from '../columnar/compression.ts';
import type { ErrorResponse } from '../statement.ts';
import { type MaintenanceJob, runMaintenance } from './maintenance.ts';
import type { PartsExecutor } from './parts.ts';

export type PartitionJob = MaintenanceJob | CompressionJob;

/** Does what was called, up to its commit. */
export function* runJob(
  executor: PartsExecutor,
  job: PartitionJob,
): Generator<undefined, ErrorResponse | null, undefined> {
  if (job.kind === 'compression') return yield* compressChunks(executor, job);
  return yield* runMaintenance(executor, job);
}
