import type { Network } from '../hardware/network.ts';
import type { Simulation } from '../kernel/index.ts';
import type { PostgresEvents } from './events.ts';
import type { History } from './timeline.ts';

/** What all servers of a run share. */
export interface ServerContext {
  readonly sim: Simulation;
  readonly network: Network;
  readonly events: PostgresEvents;
  readonly history: History;
}
