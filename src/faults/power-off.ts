import type { FaultDefinition } from './definition.ts';
import type { Targets } from './fault.ts';
import { unbuilt } from './refusals.ts';
import { verb } from './words.ts';
import { type FaultWorld, hostsOfAll } from './world.ts';

/** The hosts go at one instant; the undo boots those that no other fault keeps off. */
export function switchOff(world: FaultWorld, targets: Targets): () => void {
  const { overlaps } = world;
  const hosts = hostsOfAll(world, targets);
  for (const host of hosts) {
    overlaps.enter('off', host);
    host.powerOff();
  }
  return () => {
    for (const host of hosts) if (overlaps.leave('off', host)) host.powerOn();
  };
}

export const powerOff: FaultDefinition<'power_off'> = {
  kind: 'power_off',
  doc: `Machines lose power: processes, memory and what was in their sockets are gone, packets that
    have left arrive, nobody is told. With \`for\` they boot after it, and what starts at boot
    (agents, etcd, HAProxy, Postgres where Patroni does not manage it) starts.`,
  refusal: ({ targets }) => unbuilt(targets),
  begins: ({ targets }) => verb(targets, 'loses power', 'lose power'),
  ends: ({ targets }) => verb(targets, 'has power again and boots', 'have power again and boot'),
  apply: (world, { targets }) => switchOff(world, targets),
};
