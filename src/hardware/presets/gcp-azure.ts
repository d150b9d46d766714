import type { Instance } from './instances.ts';
import { type SeriesTraits, type SizeRow, series } from './series.ts';

/*
 * Google Compute Engine and Azure shapes that Postgres is often run on. Columns as in `SizeRow`;
 * MB/s of the providers' tables are given as Mbit/s here. Google limits a machine's SSD persistent
 * disks by its vCPUs and lets it burst no higher; Azure's burst lasts 30 minutes, as Amazon's does.
 */

const n2: SeriesTraits = {
  provider: 'gcp',
  threadsPerCore: 2,
  defaultDisk: 'pd-ssd',
  source:
    'Google Cloud, "General-purpose machine family", "Persistent Disk performance limits" and ' +
    'on-demand price list, us-east1; from memory of the field: check before paying',
  date: '2025-06',
  grade: 'K',
};

const highmem: readonly SizeRow[] = [
  ['2', 2, 16, 10, 10, 1920, 1920, 15_000, 15_000, 0.131],
  ['4', 4, 32, 10, 10, 1920, 1920, 15_000, 15_000, 0.262],
  ['8', 8, 64, 16, 16, 6400, 6400, 15_000, 15_000, 0.5241],
  ['16', 16, 128, 32, 32, 9600, 9600, 25_000, 25_000, 1.0481],
  ['32', 32, 256, 32, 32, 9600, 9600, 60_000, 60_000, 2.0962],
  ['48', 48, 384, 32, 32, 9600, 9600, 60_000, 60_000, 3.1443],
  ['64', 64, 512, 32, 32, 9600, 9600, 100_000, 100_000, 4.1924],
  ['80', 80, 640, 32, 32, 9600, 9600, 100_000, 100_000, 5.2406],
];

const edsV5: SeriesTraits = {
  provider: 'azure',
  threadsPerCore: 2,
  defaultDisk: 'premium-ssd-v2',
  source:
    'Azure, "Edsv5 size series" and pay-as-you-go price list, East US, Linux; from memory of ' +
    'the field: check before paying',
  date: '2025-06',
  grade: 'K',
};

const eds: readonly SizeRow[] = [
  ['2', 2, 16, 12.5, 12.5, 680, 9600, 3750, 10_000, 0.144],
  ['4', 4, 32, 12.5, 12.5, 1160, 9600, 6400, 20_000, 0.288],
  ['8', 8, 64, 12.5, 12.5, 2320, 9600, 12_800, 20_000, 0.576],
  ['16', 16, 128, 12.5, 12.5, 4800, 9600, 25_600, 40_000, 1.152],
  ['20', 20, 160, 12.5, 12.5, 6000, 12_800, 32_000, 64_000, 1.44],
  ['32', 32, 256, 16, 16, 6920, 16_000, 51_200, 80_000, 2.304],
  ['48', 48, 384, 24, 24, 10_520, 24_000, 76_800, 80_000, 3.456],
  ['64', 64, 512, 30, 30, 13_880, 24_000, 80_000, 80_000, 4.608],
  ['96', 96, 672, 35, 35, 20_800, 32_000, 80_000, 80_000, 6.912],
];

export const gcp: readonly Instance[] = series((size) => `n2-highmem-${size}`, n2, highmem);
export const azure: readonly Instance[] = series((size) => `E${size}ds_v5`, edsV5, eds);
