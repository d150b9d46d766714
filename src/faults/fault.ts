import type { DurationLaw } from '../hardware/presets/laws.ts';
import type { Nanoseconds } from '../kernel/index.ts';

/** What a fault strikes. */
export type FaultTarget =
  | { readonly kind: 'server'; readonly server: string }
  | { readonly kind: 'backend'; readonly server: string }
  | { readonly kind: 'patroni'; readonly server: string }
  | { readonly kind: 'etcd'; readonly member: string }
  | { readonly kind: 'pgbouncer'; readonly pool: string }
  | { readonly kind: 'haproxy' }
  | { readonly kind: 'clients'; readonly group: string }
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'zone'; readonly zone: string };

export type Targets = readonly FaultTarget[];

/** When a fault begins: at an instant, at a drawn one, or on a counted event of the trace. */
export type FaultStart =
  | { readonly kind: 'time'; readonly at: Nanoseconds }
  | { readonly kind: 'drawn'; readonly at: DurationLaw }
  | { readonly kind: 'event'; readonly event: string; readonly count: number };

/** Two sides of a stretch of network. */
export interface Stretch {
  readonly from: Targets;
  readonly to: Targets;
  readonly bothWays: boolean;
}

/** What each kind of fault takes. */
export interface FaultParameters {
  readonly crash: { readonly targets: Targets };
  readonly power_off: { readonly targets: Targets };
  readonly pause: { readonly targets: Targets };
  readonly restart: { readonly targets: Targets };
  /** A machine becomes one of another size; its volume stays. */
  readonly resize: {
    /** One server. */
    readonly targets: Targets;
    readonly hardware: string;
    readonly cores: number;
    readonly memoryBytes: number;
  };
  readonly zone_outage: { readonly targets: Targets };
  readonly promote: { readonly targets: Targets };
  readonly disk_full: { readonly targets: Targets };
  readonly partition: { readonly sides: readonly Targets[] };
  readonly cut: { readonly from: Targets; readonly to: Targets };
  readonly slow_network: {
    readonly stretch: Stretch;
    /** Added to the way in each direction that is slowed. */
    readonly delay: DurationLaw | null;
    readonly factor: number;
    readonly bandwidthBitsPerSecond: number | null;
  };
  readonly packet_loss: { readonly stretch: Stretch; readonly loss: number };
  readonly slow_disk: {
    readonly targets: Targets;
    readonly factor: number;
    readonly read: DurationLaw | null;
    readonly write: DurationLaw | null;
    readonly fsync: DurationLaw | null;
    readonly iops: number | null;
    readonly throughputBytesPerSecond: number | null;
  };
  /** Null: whoever leads; whom Patroni chooses. */
  readonly switchover: { readonly from: string | null; readonly to: string | null };
}

export type FaultKind = keyof FaultParameters;

/** One fault of a schedule; `index` is its position there. */
export type FaultOf<K extends FaultKind> = FaultParameters[K] & {
  readonly kind: K;
  readonly index: number;
  readonly start: FaultStart;
  /** Null: it is never undone. */
  readonly for: Nanoseconds | null;
};

export type Fault = { [K in FaultKind]: FaultOf<K> }[FaultKind];
