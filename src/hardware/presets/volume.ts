import type { DiskLimit, DiskSpec } from '../disk.ts';
import type { DiskKind, DiskLaws, VolumePrice, VolumeSize } from './disks.ts';
import type { Instance, LocalDrives, VolumeLink } from './instances.ts';

const GIB = 1024 * 1024 * 1024;
const MIB = 1024 * 1024;

/** What a scenario says of a disk; what is left out is the kind's. */
export interface DiskOptions extends DiskLaws {
  readonly sizeBytes?: number | undefined;
  readonly iops?: number | undefined;
  readonly throughputBytesPerSecond?: number | undefined;
  /** Requests worked on at a time, and how fast one of them streams; the kind's if not given. */
  readonly queueDepth?: number | undefined;
  readonly streamBytesPerSecond?: number | undefined;
  /** Share of the burst credits at the start; 1 if not given. */
  readonly burstBalance?: number | undefined;
}

/** What of an instance matters to its disks. */
export type Chassis = Pick<Instance, 'volumes' | 'local'>;

/**
 * The disk that a kind, a scenario's own values and the instance it hangs on make together. A limit
 * that is set replaces the kind's, burst included. The instance limits network volumes; an `nvme`
 * is the instance's own drives, where it has some, all of them striped.
 */
export function diskSpec(
  kind: DiskKind,
  own: DiskOptions = {},
  instance: Chassis | null = null,
): DiskSpec {
  const options = kind.name === 'nvme' && instance?.local ? striped(instance.local, own) : own;
  const volume = volumeLimits(kind, options);
  const link = kind.attached === 'network' ? instance?.volumes : undefined;
  return {
    kind: kind.name,
    read: options.read ?? kind.read,
    write: options.write ?? kind.write,
    fsync: options.fsync ?? kind.fsync,
    queueDepth: options.queueDepth ?? kind.queueDepth,
    streamBytesPerSecond: options.streamBytesPerSecond ?? kind.streamBytesPerSecond,
    mergeBytes: kind.mergeBytes,
    sizeBytes: options.sizeBytes ?? kind.defaultSizeBytes,
    limits: link ? [...volume, ...linkLimits(link)] : volume,
    burstBalance: options.burstBalance ?? 1,
  };
}

function striped(local: LocalDrives, own: DiskOptions): DiskOptions {
  return {
    ...own,
    sizeBytes: own.sizeBytes ?? local.bytes,
    iops: own.iops ?? local.iops,
    throughputBytesPerSecond: own.throughputBytesPerSecond ?? local.throughputBytesPerSecond,
  };
}

function volumeLimits(kind: DiskKind, options: DiskOptions): DiskLimit[] {
  const allowance = kind.allowance(options.sizeBytes ?? kind.defaultSizeBytes);
  const rest = kind.allowanceSeconds;
  const limits: DiskLimit[] = [];
  const burst = options.iops === undefined ? allowance.burst : null;
  const iops = options.iops ?? allowance.iops;
  if (iops !== null) {
    const peak = burst ? burst.iops : iops;
    limits.push(limit('iops', 'operations', peak, peak * rest));
    if (burst) limits.push(limit('iops credits', 'operations', iops, burst.credits));
  }
  const bytes = options.throughputBytesPerSecond ?? allowance.throughputBytesPerSecond;
  if (bytes !== null) limits.push(limit('throughput', 'bytes', bytes, bytes * rest));
  return limits;
}

/**
 * What an instance may exchange with its volumes. Smaller ones may go to their maximum "for 30
 * minutes at least once every 24 hours" (Amazon EC2 User Guide, "EBS-optimized instances"): a
 * bucket that holds half an hour of the difference and fills at the baseline.
 */
function linkLimits(link: VolumeLink): DiskLimit[] {
  const limits: DiskLimit[] = [];
  const add = (name: string, counts: DiskLimit['counts'], baseline: number, peak: number) => {
    limits.push(limit(`instance ${name}`, counts, peak, peak * 0.1));
    if (peak > baseline) {
      limits.push(limit(`instance ${name} credits`, counts, baseline, (peak - baseline) * 1800));
    }
  };
  add('iops', 'operations', link.baselineIops, link.burstIops);
  add('throughput', 'bytes', link.baselineBytesPerSecond, link.burstBytesPerSecond);
  return limits;
}

function limit(
  name: string,
  counts: DiskLimit['counts'],
  perSecond: number,
  capacity: number,
): DiskLimit {
  return { name, counts, perSecond, capacity: Math.max(1, capacity) };
}

/** US dollars a month for a volume, by the kind's own price list or the managed one's. */
export function volumeMonthlyPrice(kind: DiskKind, wanted: VolumeSize, managed = false): number {
  const price = managed ? (kind.managedPrice ?? kind.price) : kind.price;
  const allowance = kind.allowance(wanted.sizeBytes);
  const bytes = wanted.throughputBytesPerSecond ?? 0;
  const extraMegabytes = Math.max(0, bytes / MIB - price.includedMegabytesPerSecond);
  return (
    (wanted.sizeBytes / GIB) * price.perGigabyteMonth +
    operationsPrice(price, wanted.iops ?? allowance.iops ?? 0) +
    extraMegabytes * price.perMegabytePerSecondMonth
  );
}

function operationsPrice(price: VolumePrice, iops: number): number {
  let total = 0;
  for (const [at, tier] of price.iopsTiers.entries()) {
    const next = price.iopsTiers[at + 1]?.above ?? Number.POSITIVE_INFINITY;
    total += Math.max(0, Math.min(iops, next) - tier.above) * tier.perIopsMonth;
  }
  return total;
}
