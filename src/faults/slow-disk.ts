import type { FaultDefinition } from './definition.ts';
import { unbuilt } from './refusals.ts';
import { namesOf } from './words.ts';
import { hostsOfAll } from './world.ts';

export const slowDisk: FaultDefinition<'slow_disk'> = {
  kind: 'slow_disk',
  doc: `Every request to the disks of the targets' machines takes \`factor\` times as long (10 if
    nothing is said). Laws and limits of its own for the time of the fault are not built yet.`,
  refusal(fault) {
    const { targets, read, write, fsync, iops, throughputBytesPerSecond } = fault;
    const others = [read, write, fsync, iops, throughputBytesPerSecond];
    if (others.some((value) => value !== null)) return 'of slow_disk only factor is built so far';
    return unbuilt(targets);
  },
  begins: ({ targets, factor }) => `the disk of ${namesOf(targets)} takes ${factor} times as long`,
  ends: ({ targets }) => `the disk of ${namesOf(targets)} is as fast as before`,
  apply(world, { targets, factor }) {
    const disks = hostsOfAll(world, targets).map((host) => host.disk);
    for (const disk of disks) world.overlaps.slow(disk, factor);
    return () => {
      for (const disk of disks) world.overlaps.unslow(disk, factor);
    };
  },
};
