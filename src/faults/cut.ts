import type { FaultDefinition } from './definition.ts';
import { closePaths } from './partition.ts';
import { namesOf } from './words.ts';
import { hostsOfAll } from './world.ts';

export const cut: FaultDefinition<'cut'> = {
  kind: 'cut',
  doc: `Closes the network one way: nothing gets from \`from\` to \`to\`, everything gets back. What
    is on the way is dropped.`,
  begins: ({ from, to }) => `nothing gets from ${namesOf(from)} to ${namesOf(to)}`,
  ends: ({ from, to }) => `${namesOf(from)} can reach ${namesOf(to)} again`,
  apply: (world, { from, to }) =>
    closePaths(world.network.pathsBetween(hostsOfAll(world, from), hostsOfAll(world, to))),
};
