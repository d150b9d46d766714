/** What the errors would be without a mechanism: the same scenarios with a few values changed. */
import type { ScenarioFile } from './experiment.ts';

export interface Ablation {
  readonly name: string;
  /** Changes as `--set` takes them; null where the mechanism has no part in the scenario. */
  changes(scenario: ScenarioFile): readonly string[] | null;
}

type Values = Readonly<Record<string, unknown>>;

/** A value deep inside plain data; undefined where there is none. */
function at(scenario: ScenarioFile, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Values | undefined)?.[key], scenario);
}

const whereThereIs =
  (path: string, ...changes: string[]) =>
  (scenario: ScenarioFile) =>
    at(scenario, path) === undefined ? null : changes;

const PROFILE = 'hardware.box.profile';

export const ABLATIONS: readonly Ablation[] = [
  {
    name: 'clients on cores of their own, at no cost',
    changes: whereThereIs(
      'workload.clients.pgbench.host',
      'workload.clients.pgbench.host=null',
      'workload.clients.pgbench.cpu=null',
      'workload.clients.pgbench.threads=null',
    ),
  },
  {
    name: 'a process for each client instead of two threads for all',
    changes: whereThereIs(
      'workload.clients.pgbench.threads',
      'workload.clients.pgbench.threads=null',
    ),
  },
  {
    name: 'caches that stay warm',
    changes: whereThereIs(
      `${PROFILE}.processor.cache_refill`,
      `${PROFILE}.processor.cache_refill=0`,
    ),
  },
  {
    name: 'CPU costs by default instead of calibrated',
    changes: whereThereIs(`${PROFILE}.costs`, `${PROFILE}.costs=null`),
  },
  {
    name: 'a preset drive (nvme) instead of the measured disk',
    changes: whereThereIs(`${PROFILE}.disk`, `${PROFILE}.disk=null`),
  },
  { name: 'no stalls: every flush takes the median', changes: medianFlush },
  {
    name: 'no flushes (fsync off)',
    changes: whereThereIs('workload.clients.pgbench', 'postgresql.fsync=off'),
  },
  {
    name: 'a loopback interface of 15 us between client and server',
    changes: whereThereIs('workload.clients.pgbench.host', `${PROFILE}.loopback=15us`),
  },
  {
    name: 'waking and switching by default instead of calibrated',
    changes: whereThereIs(`${PROFILE}.processor`, `${PROFILE}.processor=null`),
  },
  {
    name: 'no full-page images',
    changes: (scenario) =>
      at(scenario, 'postgresql.full_page_writes') === 'on'
        ? ['postgresql.full_page_writes=off']
        : null,
  },
];

function medianFlush(scenario: ScenarioFile): readonly string[] | null {
  const samples = at(scenario, `${PROFILE}.disk.fsync.samples`) as string[] | undefined;
  return samples ? [`${PROFILE}.disk.fsync=${samples[samples.length >> 1]}`] : null;
}
