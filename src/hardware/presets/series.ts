import type { Instance, LocalDrives } from './instances.ts';
import type { Provenance } from './laws.ts';

/** Hours in a month, as all providers bill: 365 * 24 / 12. */
export const HOURS_PER_MONTH = 730;

/**
 * One size of a series: name, vCPUs, memory in GiB; network baseline and burst in Gbit/s; volume
 * baseline and burst in Mbit/s, then in operations a second; US dollars an hour; and for drives in
 * the machine: size in GB, random reads a second, MB/s.
 */
export type SizeRow = readonly [
  size: string,
  vcpus: number,
  gib: number,
  netBaseline: number,
  netBurst: number,
  volumeBaseline: number,
  volumeBurst: number,
  iopsBaseline: number,
  iopsBurst: number,
  dollarsPerHour: number,
  local?: readonly [gigabytes: number, iops: number, megabytesPerSecond: number],
];

export interface SeriesTraits extends Provenance {
  readonly provider: Instance['provider'];
  readonly threadsPerCore: 1 | 2;
  readonly defaultDisk: string;
}

/** The instances of a series; `nameOf` makes a name from a row's size. */
export function series(
  nameOf: (size: string) => string,
  traits: SeriesTraits,
  rows: readonly SizeRow[],
): Instance[] {
  return rows.map((row) => {
    const [size, vcpus, gib, netBaseline, netBurst, mbitBaseline, mbitBurst] = row;
    return {
      ...traits,
      name: nameOf(size),
      vcpus,
      memoryBytes: gib * 1024 * 1024 * 1024,
      networkBaselineBitsPerSecond: Math.round(netBaseline * 1e9),
      networkBurstBitsPerSecond: Math.round(netBurst * 1e9),
      volumes: {
        baselineBytesPerSecond: (mbitBaseline * 1e6) / 8,
        burstBytesPerSecond: (mbitBurst * 1e6) / 8,
        baselineIops: row[7],
        burstIops: row[8],
      },
      local: localDrives(row),
      hourlyPrice: row[9],
      monthlyPrice: monthly(row[9]),
    };
  });
}

export function monthly(hourlyPrice: number): number {
  return hourlyPrice * HOURS_PER_MONTH;
}

function localDrives(row: SizeRow): LocalDrives | null {
  if (!row[10]) return null;
  const [gigabytes, iops, megabytesPerSecond] = row[10];
  return { bytes: gigabytes * 1e9, iops, throughputBytesPerSecond: megabytesPerSecond * 1e6 };
}
