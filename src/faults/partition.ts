import type { Path } from '../hardware/network.ts';
import type { FaultDefinition } from './definition.ts';
import { namesOf } from './words.ts';
import { type FaultWorld, hostsOfAll } from './world.ts';

/** Closes paths; the undo takes this barrier away and leaves those of other faults. */
export function closePaths(paths: Iterable<Path>): () => void {
  const closed = [...new Set(paths)];
  for (const path of closed) path.close();
  return () => {
    for (const path of closed) path.reopen();
  };
}

export const partition: FaultDefinition<'partition'> = {
  kind: 'partition',
  doc: `Closes the network between sides, in both directions: between every host of one side and
    every host of another. What is on the way is dropped. Hosts on no side reach everybody.`,
  begins({ sides }) {
    const [first, ...others] = sides.map(namesOf);
    return `the network parts: ${first} | ${others.join(' | ')}`;
  },
  ends: ({ sides }) => `the network is whole again: ${sides.map(namesOf).join(', ')}`,
  apply: (world, { sides }) => closePaths(pathsAcross(world, sides)),
};

function pathsAcross(
  world: FaultWorld,
  sides: readonly Parameters<typeof hostsOfAll>[1][],
): Path[] {
  const hosts = sides.map((side) => hostsOfAll(world, side));
  return hosts.flatMap((side, i) =>
    hosts.flatMap((other, j) => (i === j ? [] : world.network.pathsBetween(side, other))),
  );
}
