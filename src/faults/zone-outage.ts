import type { FaultDefinition } from './definition.ts';
import { switchOff } from './power-off.ts';
import { verb } from './words.ts';

export const zoneOutage: FaultDefinition<'zone_outage'> = {
  kind: 'zone_outage',
  doc: `All machines of zones lose power at one instant, those of clients and proxies included.
    With \`for\` all of them boot after it.`,
  refusal: ({ targets }) =>
    targets.every(({ kind }) => kind === 'zone') ? null : 'zone_outage strikes zones',
  begins: ({ targets }) => verb(targets, 'goes dark', 'go dark'),
  ends: ({ targets }) => verb(targets, 'is back', 'are back'),
  apply: (world, { targets }) => switchOff(world, targets),
};
