import type { Degradation } from '../hardware/network.ts';
import { distributionOf } from '../hardware/presets/laws.ts';
import type { FaultDefinition } from './definition.ts';
import type { Stretch } from './fault.ts';
import { enumerate, namesOf } from './words.ts';
import { type FaultWorld, hostsOfAll } from './world.ts';

/** Makes every path of a stretch worse; the undo takes that away and leaves other faults'. */
export function degrade(world: FaultWorld, stretch: Stretch, how: Degradation): () => void {
  const from = hostsOfAll(world, stretch.from);
  const to = hostsOfAll(world, stretch.to);
  const { network } = world;
  const there = network.pathsBetween(from, to);
  const back = stretch.bothWays ? network.pathsBetween(to, from) : [];
  const undo = [...new Set([...there, ...back])].map((path) => path.degrade(how));
  return () => {
    for (const restore of undo) restore();
  };
}

/** 'between pg1 and pg2', 'from pg1 to pg2'. */
export function stretchText({ from, to, bothWays }: Stretch): string {
  const words = bothWays ? ['between', 'and'] : ['from', 'to'];
  return `${words[0]} ${namesOf(from)} ${words[1]} ${namesOf(to)}`;
}

export const slowNetwork: FaultDefinition<'slow_network'> = {
  kind: 'slow_network',
  doc: `Slows the network: \`delay\` is added to the way in each direction that is slowed,
    \`factor\` multiplies the path's own delay, \`bandwidth\` is a further bottleneck of each.`,
  begins(fault) {
    const { stretch, delay, factor, bandwidthBitsPerSecond: bandwidth } = fault;
    const how = [
      ...(factor === 1 ? [] : [`${factor} times as slow`]),
      ...(delay === null ? [] : ['delayed']),
      ...(bandwidth === null ? [] : [`limited to ${bandwidth / 1e6} Mbit/s`]),
    ];
    return `the network ${stretchText(stretch)} is ${enumerate(how)}`;
  },
  ends: ({ stretch }) => `the network ${stretchText(stretch)} is as fast as before`,
  apply: (world, { stretch, delay, factor, bandwidthBitsPerSecond }) =>
    degrade(world, stretch, {
      delay: delay && distributionOf(delay),
      factor,
      loss: 0,
      bitsPerSecond: bandwidthBitsPerSecond,
    }),
};
