import type { FaultDefinition } from './definition.ts';
import { unbuilt } from './refusals.ts';
import { namesOf } from './words.ts';
import { hostsOfAll } from './world.ts';

export const diskFull: FaultDefinition<'disk_full'> = {
  kind: 'disk_full',
  doc: `Something else fills the disks of the targets' machines, and takes what becomes free. Files
    that are there can be written to, but none can grow: an INSERT or UPDATE that finds no page with
    room fails with 53100. WAL goes on in the segments that were recycled, and the server crashes
    (PANIC) when it needs a new one. It is started again and crashes again until there is room. A
    standby without room for a segment cannot receive, and asks again.`,
  refusal: ({ targets }) => unbuilt(targets),
  begins: ({ targets }) => `the disk of ${namesOf(targets)} is full`,
  ends: ({ targets }) => `the disk of ${namesOf(targets)} has room again`,
  apply(world, { targets }) {
    const undo = hostsOfAll(world, targets).map((host) => host.disk.fill());
    return () => {
      for (const end of undo) end();
    };
  },
};
