import type { Host } from '../../src/hardware/host.ts';
import { type Nanoseconds, SECOND } from '../../src/kernel/index.ts';
import type { World } from '../../src/scenario/build/world.ts';

/** When the planted fault strikes. */
export const DISTURBED_AT: Nanoseconds = 3 * SECOND;

/**
 * A planted fault of repeatability: from this instant on the first server's disk has answered one
 * request more, and its random stream has moved on by one draw.
 */
export function disturb({ sim, observed }: World): void {
  const { disk } = observed.instances[0]!.server.host as Host;
  sim.spawn(
    (function* () {
      yield sim.holdUntil(DISTURBED_AT);
      disk.submit('fsync', 8192);
    })(),
  );
}
