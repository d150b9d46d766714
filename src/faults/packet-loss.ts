import type { FaultDefinition } from './definition.ts';
import { degrade, stretchText } from './slow-network.ts';

export const packetLoss: FaultDefinition<'packet_loss'> = {
  kind: 'packet_loss',
  doc: `Each packet is lost with this probability, on top of the path's own and independently. TCP
    sends it again after a round trip and 200 ms, then after twice that, and so on.`,
  begins: ({ stretch, loss }) =>
    `${Math.round(loss * 10_000) / 100}% of packets ${stretchText(stretch)} are lost`,
  ends: ({ stretch }) => `packets ${stretchText(stretch)} get through as before`,
  apply: (world, { stretch, loss }) =>
    degrade(world, stretch, { delay: null, factor: 1, loss, bitsPerSecond: null }),
};
