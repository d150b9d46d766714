import { MICROSECOND, MILLISECOND } from '../../kernel/index.ts';
import { type DurationLaw, type LogNormalLaw, logNormalLaw, type Provenance } from './laws.ts';

/*
 * What kinds of disk are like when nobody says more: latency for 8 KiB, what a volume of a size may
 * do, what it costs. The laws are for an unloaded device; waiting comes from the model. Published
 * ranges are in the sources; a median in their middle and a p99 of two to three medians is what
 * fits them (EBS promises 90% of the provisioned rate 99% of the time, and single-digit ms).
 */

const GIB = 1024 * 1024 * 1024;
const MIB = 1024 * 1024;
const KIB = 1024;

/** What a volume may do in the long run, and what it may do above that while it has credits. */
export interface Allowance {
  readonly iops: number | null;
  /** Operations that may be saved up, and the rate at which they are then taken. */
  readonly burst: { readonly credits: number; readonly iops: number } | null;
  readonly throughputBytesPerSecond: number | null;
}

/** US dollars, us-east-1, on demand. */
export interface VolumePrice {
  readonly perGigabyteMonth: number;
  /** The price of the operations a second above the included ones, in tiers from below. */
  readonly iopsTiers: readonly { readonly above: number; readonly perIopsMonth: number }[];
  readonly includedMegabytesPerSecond: number;
  readonly perMegabytePerSecondMonth: number;
}

export interface DiskKind extends Provenance {
  readonly name: string;
  readonly title: string;
  /** A network volume also counts against what its instance may exchange with volumes. */
  readonly attached: 'local' | 'network';
  readonly read: LogNormalLaw;
  readonly write: LogNormalLaw;
  readonly fsync: LogNormalLaw;
  readonly queueDepth: number;
  readonly streamBytesPerSecond: number;
  readonly mergeBytes: number;
  readonly defaultSizeBytes: number;
  /** What may be taken at once after a rest, in seconds of the limit's rate. */
  readonly allowanceSeconds: number;
  readonly price: VolumePrice;
  /** The same volume under a managed Postgres (RDS); null where it is not sold. */
  readonly managedPrice: VolumePrice | null;
  allowance(sizeBytes: number): Allowance;
  /** What the provider would refuse, in words; empty if nothing. */
  refusals(wanted: VolumeSize): string[];
}

export interface VolumeSize {
  readonly sizeBytes: number;
  readonly iops: number | null;
  readonly throughputBytesPerSecond: number | null;
}

/** Laws that a scenario may set in place of the kind's. */
export interface DiskLaws {
  readonly read?: DurationLaw | undefined;
  readonly write?: DurationLaw | undefined;
  readonly fsync?: DurationLaw | undefined;
}

const micro = (median: number, p99: number) =>
  logNormalLaw(median * MICROSECOND, p99 * MICROSECOND);
const milli = (median: number, p99: number) =>
  logNormalLaw(median * MILLISECOND, p99 * MILLISECOND);

const perGigabyte = (dollars: number): VolumePrice => ({
  perGigabyteMonth: dollars,
  iopsTiers: [],
  includedMegabytesPerSecond: 0,
  perMegabytePerSecondMonth: 0,
});
const provisioned = (gigabyte: number, iops: number, megabyte: number): VolumePrice => ({
  perGigabyteMonth: gigabyte,
  iopsTiers: [{ above: 3000, perIopsMonth: iops }],
  includedMegabytesPerSecond: 125,
  perMegabytePerSecondMonth: megabyte,
});
const fixed = (iops: number | null, bytes: number | null) => (): Allowance => ({
  iops,
  burst: null,
  throughputBytesPerSecond: bytes,
});
const nothingRefused = () => [];

const nvme: DiskKind = {
  name: 'nvme',
  title: 'NVMe drive of a data centre, with power-loss protection',
  attached: 'local',
  read: micro(90, 200),
  write: micro(20, 60),
  fsync: micro(30, 100),
  queueDepth: 64,
  streamBytesPerSecond: 1.4e9,
  mergeBytes: 256 * KIB,
  defaultSizeBytes: 1000 * GIB,
  allowanceSeconds: 0.01,
  allowance: fixed(500_000, 3e9),
  refusals: nothingRefused,
  price: perGigabyte(0),
  managedPrice: null,
  source:
    'ranges of vendors and reviews: 8 KiB read 60-120 us, flush 15-50 us, 300 k to 1 M IOPS; ' +
    'stream rate as measured with 1 MiB direct reads, one at a time',
  date: '2025-06',
  grade: 'K',
};

const gp2: DiskKind = {
  name: 'gp2',
  title: 'Amazon EBS General Purpose SSD gp2',
  attached: 'network',
  read: milli(0.8, 2.5),
  write: milli(0.8, 2.5),
  fsync: milli(1.1, 3),
  queueDepth: 64,
  streamBytesPerSecond: 2.5e8,
  mergeBytes: 256 * KIB,
  defaultSizeBytes: 500 * GIB,
  allowanceSeconds: 0.1,
  allowance: gp2Allowance,
  refusals: (wanted) => [
    ...(wanted.sizeBytes > 16_384 * GIB ? ['gp2 volumes end at 16 TiB'] : []),
    ...(wanted.iops !== null ? ['gp2 takes its IOPS from its size; provision them on gp3'] : []),
  ],
  price: perGigabyte(0.1),
  managedPrice: perGigabyte(0.115),
  source: 'Amazon EBS User Guide, "General Purpose SSD volumes", and price list; latency K',
  date: '2025-06',
  grade: 'D',
};

/** 3 IOPS a GiB between 100 and 16,000; below 3,000, bursts to 3,000 from 5.4 million credits. */
function gp2Allowance(sizeBytes: number): Allowance {
  const gib = sizeBytes / GIB;
  const iops = Math.min(16_000, Math.max(100, 3 * gib));
  return {
    iops,
    burst: iops < 3000 ? { credits: 5_400_000, iops: 3000 } : null,
    throughputBytesPerSecond: (gib <= 170 ? 128 : 250) * MIB,
  };
}

const gp3: DiskKind = {
  name: 'gp3',
  title: 'Amazon EBS General Purpose SSD gp3',
  attached: 'network',
  read: milli(0.7, 1.8),
  write: milli(0.7, 1.8),
  fsync: milli(1, 2.2),
  queueDepth: 64,
  streamBytesPerSecond: 5e8,
  mergeBytes: 256 * KIB,
  defaultSizeBytes: 500 * GIB,
  allowanceSeconds: 0.1,
  allowance: fixed(3000, 125 * MIB),
  refusals: gp3Refusals,
  price: provisioned(0.08, 0.005, 0.04),
  managedPrice: provisioned(0.115, 0.02, 0.08),
  source:
    'Amazon EBS User Guide, "General Purpose SSD volumes" (limits as of September 2025), and ' +
    'price list; latency 0.5-1 ms to read, 0.7-2 ms to make durable: K',
  date: '2025-10',
  grade: 'D',
};

function gp3Refusals({ sizeBytes, iops, throughputBytesPerSecond }: VolumeSize): string[] {
  const operations = iops ?? 3000;
  const refusals: string[] = [];
  if (operations > 80_000) refusals.push('gp3 ends at 80,000 IOPS');
  if (operations > Math.max(3000, (500 * sizeBytes) / GIB)) {
    refusals.push('gp3 allows at most 500 IOPS a GiB');
  }
  if (throughputBytesPerSecond !== null) {
    if (throughputBytesPerSecond > 2000 * MIB) refusals.push('gp3 ends at 2,000 MiB/s');
    if (throughputBytesPerSecond > Math.max(125, operations / 4) * MIB) {
      refusals.push('gp3 allows at most 0.25 MiB/s an IOPS');
    }
  }
  return refusals;
}

const io2: DiskKind = {
  name: 'io2',
  title: 'Amazon EBS Provisioned IOPS SSD io2 Block Express',
  attached: 'network',
  read: milli(0.3, 0.6),
  write: milli(0.3, 0.6),
  fsync: milli(0.4, 0.75),
  queueDepth: 128,
  streamBytesPerSecond: 1e9,
  mergeBytes: 256 * KIB,
  defaultSizeBytes: 500 * GIB,
  allowanceSeconds: 0.1,
  allowance: fixed(16_000, 4000 * MIB),
  refusals: ({ sizeBytes, iops }) => [
    ...((iops ?? 0) > 256_000 ? ['io2 ends at 256,000 IOPS'] : []),
    ...((iops ?? 0) > (1000 * sizeBytes) / GIB ? ['io2 allows at most 1,000 IOPS a GiB'] : []),
  ],
  price: {
    ...perGigabyte(0.125),
    iopsTiers: [
      { above: 0, perIopsMonth: 0.065 },
      { above: 32_000, perIopsMonth: 0.0455 },
      { above: 64_000, perIopsMonth: 0.03185 },
    ],
  },
  managedPrice: { ...perGigabyte(0.125), iopsTiers: [{ above: 0, perIopsMonth: 0.1 }] },
  source:
    'Amazon EBS User Guide, "Provisioned IOPS SSD volumes" (average below 0.5 ms at 16 KiB), and ' +
    'price list; typical 0.25-0.4 ms to read, 0.3-0.5 ms to make durable: K',
  date: '2025-06',
  grade: 'D',
};

const hdd: DiskKind = {
  name: 'hdd',
  title: 'Hard disk, 7,200 turns a minute',
  attached: 'local',
  read: milli(8, 18),
  write: milli(8, 18),
  fsync: milli(10, 22),
  queueDepth: 1,
  streamBytesPerSecond: 1.8e8,
  mergeBytes: 1024 * KIB,
  defaultSizeBytes: 4000 * GIB,
  allowanceSeconds: 0.1,
  allowance: fixed(null, null),
  refusals: nothingRefused,
  price: perGigabyte(0),
  managedPrice: null,
  source: 'seek 4-9 ms and half a turn of 4.2 ms; 5-10 ms to read, 5-15 ms to make durable',
  date: '2025-06',
  grade: 'K',
};

const pdSsd: DiskKind = {
  name: 'pd-ssd',
  title: 'Google Cloud SSD persistent disk',
  attached: 'network',
  read: milli(0.7, 2),
  write: milli(0.9, 2.2),
  fsync: milli(1.2, 2.8),
  queueDepth: 64,
  streamBytesPerSecond: 5e8,
  mergeBytes: 256 * KIB,
  defaultSizeBytes: 500 * GIB,
  allowanceSeconds: 0.1,
  allowance: (sizeBytes) => ({
    iops: Math.min(100_000, 6000 + (30 * sizeBytes) / GIB),
    burst: null,
    throughputBytesPerSecond: Math.min(1200, 240 + (0.48 * sizeBytes) / GIB) * MIB,
  }),
  refusals: ({ iops }) =>
    iops !== null ? ['pd-ssd takes its IOPS from its size; provision them on hyperdisk'] : [],
  price: perGigabyte(0.17),
  managedPrice: perGigabyte(0.17),
  source: 'Google Cloud, "Persistent Disk performance" and price list; latency K',
  date: '2025-06',
  grade: 'K',
};

const premiumSsd: DiskKind = {
  ...gp3,
  name: 'premium-ssd-v2',
  title: 'Azure Premium SSD v2',
  price: provisioned(0.081, 0.0052, 0.041),
  managedPrice: null,
  refusals: ({ sizeBytes, iops, throughputBytesPerSecond }) => [
    ...((iops ?? 0) > Math.max(3000, Math.min(80_000, (500 * sizeBytes) / GIB))
      ? ['Premium SSD v2 allows at most 500 IOPS a GiB and 80,000 in all']
      : []),
    ...((throughputBytesPerSecond ?? 0) > 1200 * MIB ? ['Premium SSD v2 ends at 1,200 MB/s'] : []),
  ],
  source: 'Azure, "Deploy a Premium SSD v2" and price list; latency below 1 ms promised, K',
  date: '2025-06',
  grade: 'K',
};

const kinds: readonly DiskKind[] = [nvme, gp2, gp3, io2, hdd, pdSsd, premiumSsd];

/** The names that `disk.kind` may have. */
export const diskKinds: readonly string[] = kinds.map((kind) => kind.name);

export function findDisk(kind: string): DiskKind | null {
  return kinds.find((each) => each.name === kind) ?? null;
}
