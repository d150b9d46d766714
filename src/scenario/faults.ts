import type { FaultOf, FaultTarget, Fault as SimulatedFault } from '../faults/fault.ts';
import type { Nanoseconds } from '../kernel/time.ts';

export type { FaultStart, FaultTarget, Stretch } from '../faults/fault.ts';

type Begun = Pick<FaultOf<'crash'>, 'index' | 'start' | 'for'>;

/** Faults that the language knows and nothing simulates yet. */
type UnbuiltFault = Begun &
  (
    | {
        readonly kind: 'clock_jump';
        readonly targets: readonly FaultTarget[];
        readonly by: Nanoseconds;
      }
    | {
        readonly kind: 'cancel_queries';
        readonly targets: readonly FaultTarget[];
        readonly waitingFor: string | null;
      }
    | {
        readonly kind: 'bulk_load';
        readonly server: string;
        readonly bytes: number;
        readonly bytesPerSecond: number | null;
        readonly table: string | null;
      }
    | {
        readonly kind: 'connection_storm';
        readonly server: string;
        readonly count: number;
        readonly over: Nanoseconds;
        readonly zone: string;
      }
  );

/** One fault of a scenario's schedule. */
export type Fault = SimulatedFault | UnbuiltFault;
