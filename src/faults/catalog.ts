/** All kinds of fault that can be played, in alphabetical order. */
import { crash } from './crash.ts';
import { cut } from './cut.ts';
import type { FaultDefinition } from './definition.ts';
import { diskFull } from './disk-full.ts';
import type { Fault, FaultKind } from './fault.ts';
import { packetLoss } from './packet-loss.ts';
import { partition } from './partition.ts';
import { pause } from './pause.ts';
import { powerOff } from './power-off.ts';
import { promote } from './promote.ts';
import { resize } from './resize.ts';
import { restart } from './restart.ts';
import { slowDisk } from './slow-disk.ts';
import { slowNetwork } from './slow-network.ts';
import { switchover } from './switchover.ts';
import { zoneOutage } from './zone-outage.ts';

/** Any definition; it is handed faults of its own kind only. */
export type AnyFault = FaultDefinition<FaultKind>;

export const FAULTS: readonly AnyFault[] = [
  crash,
  cut,
  diskFull,
  packetLoss,
  partition,
  pause,
  powerOff,
  promote,
  resize,
  restart,
  slowDisk,
  slowNetwork,
  switchover,
  zoneOutage,
];

/** The definition of a kind; undefined for a kind that is in the language and not built yet. */
export function findFault(kind: string): AnyFault | undefined {
  return FAULTS.find((definition) => definition.kind === kind);
}

/** Why a fault of the language cannot be played, or null if it can. */
export function faultRefusal(fault: { readonly kind: string }): string | null {
  const definition = findFault(fault.kind);
  if (!definition) return `${fault.kind} is not built yet`;
  return definition.refusal?.(fault as Fault) ?? null;
}
