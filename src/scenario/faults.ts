import type { Nanoseconds } from '../kernel/time.ts';
import type { DurationLaw } from './law.ts';

/** What a fault strikes. */
export type FaultTarget =
  | { readonly kind: 'server'; readonly server: string }
  | { readonly kind: 'patroni'; readonly server: string }
  | { readonly kind: 'etcd'; readonly member: string }
  | { readonly kind: 'pgbouncer'; readonly pool: string }
  | { readonly kind: 'haproxy' }
  | { readonly kind: 'clients'; readonly group: string }
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'zone'; readonly zone: string };

/** When a fault begins: at an instant, at a drawn one, or on a counted event of the trace. */
export type FaultStart =
  | { readonly kind: 'time'; readonly at: Nanoseconds }
  | { readonly kind: 'drawn'; readonly at: DurationLaw }
  | { readonly kind: 'event'; readonly event: string; readonly count: number };

interface Begun {
  /** Position in the file's list, from 0. */
  readonly index: number;
  readonly start: FaultStart;
  /** Null: it is never undone. */
  readonly for: Nanoseconds | null;
}

type Targets = readonly FaultTarget[];

/** Two sides of a stretch of network; both directions unless the fault says otherwise. */
export interface Stretch {
  readonly from: Targets;
  readonly to: Targets;
  readonly bothWays: boolean;
}

/** One fault of a schedule. */
export type Fault = Begun &
  (
    | {
        readonly kind:
          | ('crash' | 'power_off' | 'pause' | 'restart')
          | ('disk_full' | 'zone_outage' | 'promote');
        readonly targets: Targets;
      }
    | { readonly kind: 'partition'; readonly sides: readonly Targets[] }
    | { readonly kind: 'cut'; readonly from: Targets; readonly to: Targets }
    | {
        readonly kind: 'slow_network';
        readonly stretch: Stretch;
        /** Added to the way in each direction that is slowed. */
        readonly delay: DurationLaw | null;
        readonly factor: number;
        readonly bandwidthBitsPerSecond: number | null;
      }
    | { readonly kind: 'packet_loss'; readonly stretch: Stretch; readonly loss: number }
    | {
        readonly kind: 'slow_disk';
        readonly targets: Targets;
        readonly factor: number;
        readonly read: DurationLaw | null;
        readonly write: DurationLaw | null;
        readonly fsync: DurationLaw | null;
        readonly iops: number | null;
        readonly throughputBytesPerSecond: number | null;
      }
    | { readonly kind: 'switchover'; readonly from: string | null; readonly to: string | null }
    | { readonly kind: 'clock_jump'; readonly targets: Targets; readonly by: Nanoseconds }
    | {
        readonly kind: 'cancel_queries';
        readonly targets: Targets;
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
