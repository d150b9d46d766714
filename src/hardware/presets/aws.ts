import type { Instance } from './instances.ts';
import { type SeriesTraits, type SizeRow, series } from './series.ts';

/*
 * Amazon EC2. Sizes of one generation share network and volume limits whatever their memory, and
 * the price grows with the vCPUs, so a series is a generation, GiB a vCPU, and dollars a vCPU hour.
 */

const catalogue = {
  provider: 'aws',
  source:
    'Amazon EC2 User Guide ("Amazon EBS-optimized instance types", "network specifications") ' +
    'and on-demand price list, us-east-1, Linux; from memory of the field: check before paying',
  date: '2025-06',
  grade: 'K',
} as const;
const graviton: SeriesTraits = { ...catalogue, threadsPerCore: 1, defaultDisk: 'gp3' };
const intel: SeriesTraits = { ...catalogue, threadsPerCore: 2, defaultDisk: 'gp3' };

/** Size, vCPUs; network Gbit/s and volume Mbit/s and volume IOPS, each baseline and burst. */
type Shape = readonly [
  string,
  number,
  ...(readonly [number, number, number, number, number, number]),
];

/** Graviton2. */
const graviton2: readonly Shape[] = [
  ['medium', 1, 0.5, 10, 315, 4750, 2500, 20_000],
  ['large', 2, 0.75, 10, 630, 4750, 3600, 20_000],
  ['xlarge', 4, 1.25, 10, 1188, 4750, 6000, 20_000],
  ['2xlarge', 8, 2.5, 10, 2375, 4750, 12_000, 20_000],
  ['4xlarge', 16, 5, 10, 4750, 4750, 20_000, 20_000],
  ['8xlarge', 32, 12, 12, 9500, 9500, 40_000, 40_000],
  ['12xlarge', 48, 20, 20, 14_250, 14_250, 50_000, 50_000],
  ['16xlarge', 64, 25, 25, 19_000, 19_000, 80_000, 80_000],
];

/** 6th and 7th generation, Intel. */
const intel6: readonly Shape[] = [
  ['large', 2, 0.781, 12.5, 650, 10_000, 3600, 40_000],
  ['xlarge', 4, 1.562, 12.5, 1250, 10_000, 6000, 40_000],
  ['2xlarge', 8, 3.125, 12.5, 2500, 10_000, 12_000, 40_000],
  ['4xlarge', 16, 6.25, 12.5, 5000, 10_000, 20_000, 40_000],
  ['8xlarge', 32, 12.5, 12.5, 10_000, 10_000, 40_000, 40_000],
  ['12xlarge', 48, 18.75, 18.75, 15_000, 15_000, 60_000, 60_000],
  ['16xlarge', 64, 25, 25, 20_000, 20_000, 80_000, 80_000],
  ['24xlarge', 96, 37.5, 37.5, 30_000, 30_000, 120_000, 120_000],
  ['32xlarge', 128, 50, 50, 40_000, 40_000, 160_000, 160_000],
];

/** Graviton3 and 4; 24xlarge and 48xlarge in the latter only. */
const graviton3: readonly Shape[] = [
  ['medium', 1, 0.52, 12.5, 315, 10_000, 2500, 40_000],
  ['large', 2, 0.937, 12.5, 630, 10_000, 3600, 40_000],
  ['xlarge', 4, 1.876, 12.5, 1250, 10_000, 6000, 40_000],
  ['2xlarge', 8, 3.75, 15, 2500, 10_000, 12_000, 40_000],
  ['4xlarge', 16, 7.5, 15, 5000, 10_000, 20_000, 40_000],
  ['8xlarge', 32, 15, 15, 10_000, 10_000, 40_000, 40_000],
  ['12xlarge', 48, 22.5, 22.5, 15_000, 15_000, 60_000, 60_000],
  ['16xlarge', 64, 30, 30, 20_000, 20_000, 80_000, 80_000],
  ['24xlarge', 96, 40, 40, 30_000, 30_000, 120_000, 120_000],
  ['48xlarge', 192, 50, 50, 40_000, 40_000, 240_000, 240_000],
];

function family(
  name: string,
  traits: SeriesTraits,
  shapes: readonly Shape[],
  gibPerVcpu: number,
  dollarsPerVcpuHour: number,
  largest: number,
): Instance[] {
  const rows: SizeRow[] = [];
  for (const [size, vcpus, ...limits] of shapes) {
    if (vcpus > largest) continue;
    const price = Math.round(vcpus * dollarsPerVcpuHour * 1e5) / 1e5;
    rows.push([size, vcpus, vcpus * gibPerVcpu, ...limits, price]);
  }
  return series((size) => `${name}.${size}`, traits, rows);
}

/** Burstable; always in unlimited mode here, so that credits cost money and not time. */
const t4g: readonly SizeRow[] = [
  ['micro', 2, 1, 0.064, 5, 87, 2085, 500, 11_800, 0.0084],
  ['small', 2, 2, 0.128, 5, 174, 2085, 1000, 11_800, 0.0168],
  ['medium', 2, 4, 0.256, 5, 347, 2085, 2000, 11_800, 0.0336],
  ['large', 2, 8, 0.512, 5, 695, 2780, 4000, 15_700, 0.0672],
  ['xlarge', 4, 16, 1.024, 5, 695, 2780, 4000, 15_700, 0.1344],
  ['2xlarge', 8, 32, 2.048, 5, 695, 2780, 4000, 15_700, 0.2688],
];

/** Local drives; rates as advertised for 4 KiB, MB/s as others have measured them. */
const i4i: readonly SizeRow[] = [
  ['large', 2, 16, 0.781, 10, 625, 10_000, 2500, 40_000, 0.172, [468, 50_000, 352]],
  ['xlarge', 4, 32, 1.875, 10, 1250, 10_000, 5000, 40_000, 0.343, [937, 100_000, 707]],
  ['2xlarge', 8, 64, 4.687, 12, 2500, 10_000, 10_000, 40_000, 0.686, [1875, 200_000, 1427]],
  ['4xlarge', 16, 128, 9.375, 25, 5000, 10_000, 20_000, 40_000, 1.373, [3750, 400_000, 2855]],
  ['8xlarge', 32, 256, 18.75, 18.75, 10_000, 10_000, 40_000, 40_000, 2.746, [7500, 800_000, 5710]],
  [
    '16xlarge',
    64,
    512,
    37.5,
    37.5,
    20_000,
    20_000,
    80_000,
    80_000,
    5.491,
    [15_000, 1_600_000, 11_420],
  ],
  [
    '32xlarge',
    128,
    1024,
    75,
    75,
    40_000,
    40_000,
    160_000,
    160_000,
    10.982,
    [30_000, 3_200_000, 22_840],
  ],
];

const i3en: readonly SizeRow[] = [
  ['large', 2, 16, 2.1, 25, 577, 4750, 3000, 20_000, 0.226, [1250, 42_500, 330]],
  ['xlarge', 4, 32, 4.2, 25, 1154, 4750, 6000, 20_000, 0.452, [2500, 85_000, 660]],
  ['2xlarge', 8, 64, 8.4, 25, 2307, 4750, 12_000, 20_000, 0.904, [5000, 170_000, 1320]],
  ['3xlarge', 12, 96, 12.5, 25, 3800, 4750, 15_000, 20_000, 1.356, [7500, 250_000, 2000]],
  ['6xlarge', 24, 192, 25, 25, 4750, 4750, 20_000, 20_000, 2.712, [15_000, 500_000, 4000]],
  ['12xlarge', 48, 384, 50, 50, 9500, 9500, 40_000, 40_000, 5.424, [30_000, 1_000_000, 8000]],
  [
    '24xlarge',
    96,
    768,
    100,
    100,
    19_000,
    19_000,
    80_000,
    80_000,
    10.848,
    [60_000, 2_000_000, 16_000],
  ],
];

/** 32 GiB a vCPU: where memory runs out before anything else. */
const x2iedn: readonly SizeRow[] = [
  ['xlarge', 4, 128, 1.875, 25, 2500, 20_000, 8125, 65_000, 0.83363],
  ['2xlarge', 8, 256, 5, 25, 5000, 20_000, 16_250, 65_000, 1.66725],
  ['4xlarge', 16, 512, 12.5, 25, 10_000, 20_000, 32_500, 65_000, 3.3345],
  ['8xlarge', 32, 1024, 25, 25, 20_000, 20_000, 65_000, 65_000, 6.669],
  ['16xlarge', 64, 2048, 50, 50, 40_000, 40_000, 130_000, 130_000, 13.338],
  ['24xlarge', 96, 3072, 75, 75, 60_000, 60_000, 195_000, 195_000, 20.007],
  ['32xlarge', 128, 4096, 100, 100, 80_000, 80_000, 260_000, 260_000, 26.676],
];

const named = (family: string) => (size: string) => `${family}.${size}`;

export const aws: readonly Instance[] = [
  ...family('m6g', graviton, graviton2, 4, 0.0385, 64),
  ...family('r6g', graviton, graviton2, 8, 0.0504, 64),
  ...family('x2gd', graviton, graviton2, 16, 0.0835, 64),
  ...family('m6i', intel, intel6, 4, 0.048, 128),
  ...family('r6i', intel, intel6, 8, 0.063, 128),
  ...family('c7i', intel, intel6, 2, 0.044625, 96),
  ...family('m7g', graviton, graviton3, 4, 0.0408, 64),
  ...family('r7g', graviton, graviton3, 8, 0.05355, 64),
  ...family('m8g', graviton, graviton3, 4, 0.04488, 192),
  ...family('r8g', graviton, graviton3, 8, 0.05891, 192),
  ...series(named('t4g'), graviton, t4g),
  ...series(named('i4i'), { ...intel, defaultDisk: 'nvme' }, i4i),
  ...series(named('i3en'), { ...intel, defaultDisk: 'nvme' }, i3en),
  ...series(named('x2iedn'), intel, x2iedn),
];
