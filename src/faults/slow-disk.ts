import type { DiskLimit } from '../hardware/disk.ts';
import type { FaultDefinition } from './definition.ts';
import type { FaultOf } from './fault.ts';
import { unbuilt } from './refusals.ts';
import { namesOf } from './words.ts';
import { hostsOfAll } from './world.ts';

export const slowDisk: FaultDefinition<'slow_disk'> = {
  kind: 'slow_disk',
  doc: `The disks of the targets' machines are worse: every request takes \`factor\` times as long
    (10 if nothing is said), or follows the laws given for \`read\`, \`write\` and \`fsync\`, and
    passes the limits \`iops\` and \`throughput\` beside the disk's own.`,
  refusal: ({ targets }) => unbuilt(targets),
  begins: ({ targets, ...how }) => `the disk of ${namesOf(targets)} ${changeOf(how)}`,
  ends: ({ targets }) => `the disk of ${namesOf(targets)} is as fast as before`,
  apply(world, { targets, iops, throughputBytesPerSecond, ...laws }) {
    const limits = [...limit('operations', iops), ...limit('bytes', throughputBytesPerSecond)];
    const disks = hostsOfAll(world, targets).map((host) => host.disk);
    const undo = disks.map((disk) => disk.degrade({ ...laws, limits }));
    return () => {
      for (const end of undo) end();
    };
  },
};

type Change = Pick<FaultOf<'slow_disk'>, 'factor' | 'iops' | 'throughputBytesPerSecond'>;

function changeOf({ factor, iops, throughputBytesPerSecond }: Change): string {
  if (factor !== 1) return `takes ${factor} times as long`;
  return iops === null && throughputBytesPerSecond === null ? 'is slow' : 'is throttled';
}

/** A tenth of a second's worth may be taken at once, as of a network volume. */
function limit(counts: DiskLimit['counts'], perSecond: number | null): DiskLimit[] {
  if (perSecond === null) return [];
  return [{ name: `fault ${counts}`, counts, perSecond, capacity: Math.max(1, perSecond / 10) }];
}
