import type { FaultKind, FaultOf } from './fault.ts';
import type { FaultWorld } from './world.ts';

/** A kind of fault. A new one is a file with one of these and a line in `catalog.ts`. */
export interface FaultDefinition<K extends FaultKind> {
  readonly kind: K;
  /** What it does, for the reference. */
  readonly doc: string;
  /** Why this one cannot be played, if it cannot: said when the run is built. */
  refusal?(fault: FaultOf<K>): string | null;
  /** What happens, as a sentence without its end: 'pg1 loses power'. */
  begins(fault: FaultOf<K>): string;
  /** What has happened when it is over. */
  ends(fault: FaultOf<K>): string;
  /** Strikes at this instant; returns what ends it, or null if there is nothing to end. */
  apply(world: FaultWorld, fault: FaultOf<K>): (() => void) | null;
}
