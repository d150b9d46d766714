import { MILLISECOND } from '../../kernel/index.ts';
import { type LogNormalLaw, logNormalLaw, type Provenance } from './laws.ts';

/*
 * Round trips between cloud regions when a scenario gives none. Pairs that many have measured come
 * first; every other pair of known regions follows from the great circle between them. Light in
 * fibre needs 1 ms there and back for 100 km; cables take detours and routers a little time: over
 * the measured pairs 5 ms + 1.42 ms per 100 km fits best (relative error 16%, root mean square).
 */

export const regionProvenance: Provenance = {
  source: 'medians of public latency dashboards of the providers and their users, rounded',
  date: '2025-06',
  grade: 'K',
};

/** Region, place, latitude and longitude in degrees, kilometres to each region above it. */
export type RegionRow = readonly [
  region: string,
  place: string,
  latitude: number,
  longitude: number,
  kilometres: readonly number[],
];

/** Great-circle distances on a sphere of 6,371 km, from the coordinates beside them. */
export const regions: readonly RegionRow[] = [
  ['us-east-1', 'Virginia', 38.95, -77.45, []],
  ['us-east-2', 'Ohio', 39.96, -83.0, [489]],
  ['us-west-1', 'California', 37.35, -121.96, [3857, 3369]],
  ['us-west-2', 'Oregon', 45.84, -119.7, [3510, 3032, 962]],
  ['ca-central-1', 'Montreal', 45.5, -73.57, [795, 985, 4071, 3534]],
  ['sa-east-1', 'Sao Paulo', -23.55, -46.63, [7654, 8005, 10376, 10650, 8147]],
  ['eu-west-1', 'Dublin', 53.34, -6.27, [5465, 5745, 8193, 7315, 4760, 9391]],
  ['eu-west-2', 'London', 51.51, -0.13, [5921, 6206, 8634, 7746, 5221, 9497, 463]],
  ['eu-west-3', 'Paris', 48.86, 2.35, [6190, 6489, 8970, 8086, 5505, 9402, 780, 343]],
  ['eu-central-1', 'Frankfurt', 50.11, 8.68, [6553, 6830, 9155, 8246, 5845, 9829, 1088, 638, 478]],
  [
    'eu-north-1',
    'Stockholm',
    59.33,
    18.06,
    [6652, 6837, 8652, 7703, 5881, 10927, 1629, 1432, 1543, 1187],
  ],
  [
    'eu-south-1',
    'Milan',
    45.46,
    9.19,
    [6818, 7125, 9590, 8695, 6141, 9520, 1416, 960, 640, 518, 1652],
  ],
  [
    'me-south-1',
    'Bahrain',
    26.07,
    50.56,
    [10992, 11240, 12920, 11959, 10261, 11807, 5533, 5084, 4842, 4447, 4464, 4246],
  ],
  [
    'af-south-1',
    'Cape Town',
    -33.92,
    18.42,
    [12747, 13229, 16440, 16254, 12757, 6344, 9992, 9671, 9342, 9393, 10369, 8875, 7483],
  ],
  [
    'ap-south-1',
    'Mumbai',
    19.08,
    72.88,
    [12861, 12990, 13551, 12686, 12075, 13774, 7604, 7192, 7009, 6564, 6229, 6473, 2416, 8243],
  ],
  [
    'ap-southeast-1',
    'Singapore',
    1.35,
    103.82,
    [
      15532, 15370, 13641, 13256, 14799, 15987, 11200, 10848, 10729, 10258, 9638, 10261, 6316, 9667,
      3904,
    ],
  ],
  [
    'ap-southeast-2',
    'Sydney',
    -33.87,
    151.21,
    [
      15676, 15222, 11960, 12564, 16029, 13357, 17216, 16994, 16961, 16483, 15597, 16557, 12510,
      11012, 10157, 6306,
    ],
  ],
  [
    'ap-east-1',
    'Hong Kong',
    22.3,
    114.17,
    [
      13098, 12867, 11159, 10696, 12435, 18045, 9851, 9625, 9628, 9160, 8225, 9352, 6402, 11873,
      4297, 2584, 7374,
    ],
  ],
  [
    'ap-northeast-1',
    'Tokyo',
    35.68,
    139.69,
    [
      10883, 10537, 8331, 7971, 10390, 18535, 9587, 9559, 9713, 9333, 8170, 9716, 8283, 14731, 6723,
      5314, 7826, 2880,
    ],
  ],
  [
    'ap-northeast-2',
    'Seoul',
    37.57,
    126.98,
    [
      11147, 10868, 9090, 8602, 10552, 18342, 8952, 8857, 8965, 8550, 7432, 8884, 7139, 13715, 5595,
      4673, 8330, 2095, 1153,
    ],
  ],
  [
    'ap-northeast-3',
    'Osaka',
    34.69,
    135.5,
    [
      11153, 10823, 8703, 8319, 10632, 18759, 9555, 9500, 9634, 9237, 8091, 9599, 7964, 14335, 6347,
      4951, 7797, 2490, 396, 829,
    ],
  ],
];

/** Median round trips in milliseconds. */
export const measuredRoundTrips: readonly (readonly [from: string, to: string, ms: number])[] = [
  ['us-east-1', 'us-east-2', 12],
  ['us-east-1', 'us-west-1', 62],
  ['us-east-1', 'us-west-2', 65],
  ['us-east-1', 'ca-central-1', 15],
  ['us-east-1', 'eu-west-1', 72],
  ['us-east-1', 'eu-west-2', 77],
  ['us-east-1', 'eu-west-3', 82],
  ['us-east-1', 'eu-central-1', 92],
  ['us-east-1', 'eu-north-1', 112],
  ['us-east-1', 'ap-northeast-1', 152],
  ['us-east-1', 'ap-northeast-2', 178],
  ['us-east-1', 'ap-southeast-1', 218],
  ['us-east-1', 'ap-southeast-2', 200],
  ['us-east-1', 'ap-south-1', 190],
  ['us-east-1', 'sa-east-1', 115],
  ['us-east-2', 'us-west-2', 50],
  ['us-east-2', 'us-west-1', 52],
  ['us-east-2', 'eu-west-1', 80],
  ['us-east-2', 'eu-central-1', 100],
  ['us-west-1', 'us-west-2', 22],
  ['us-west-2', 'eu-west-1', 122],
  ['us-west-2', 'eu-central-1', 142],
  ['us-west-2', 'ap-northeast-1', 98],
  ['us-west-2', 'ap-southeast-1', 165],
  ['us-west-2', 'ap-southeast-2', 140],
  ['eu-west-1', 'eu-west-2', 11],
  ['eu-west-1', 'eu-west-3', 18],
  ['eu-west-1', 'eu-central-1', 25],
  ['eu-west-1', 'eu-north-1', 40],
  ['eu-west-1', 'ap-northeast-1', 205],
  ['eu-west-1', 'ap-southeast-1', 178],
  ['eu-west-1', 'ap-southeast-2', 262],
  ['eu-west-1', 'ap-south-1', 124],
  ['eu-west-1', 'sa-east-1', 178],
  ['eu-west-2', 'eu-central-1', 16],
  ['eu-west-3', 'eu-central-1', 10],
  ['eu-central-1', 'eu-north-1', 22],
  ['eu-central-1', 'ap-southeast-1', 162],
  ['eu-central-1', 'ap-south-1', 116],
  ['eu-central-1', 'ap-northeast-1', 228],
  ['ap-northeast-1', 'ap-northeast-2', 34],
  ['ap-northeast-1', 'ap-northeast-3', 9],
  ['ap-northeast-1', 'ap-southeast-1', 70],
  ['ap-northeast-1', 'ap-southeast-2', 108],
  ['ap-northeast-1', 'ap-south-1', 130],
  ['ap-southeast-1', 'ap-southeast-2', 93],
  ['ap-southeast-1', 'ap-south-1', 58],
];

/** Regions of other providers in the same conurbation. */
const sameCity: Readonly<Record<string, string>> = {
  'us-east4': 'us-east-1',
  'us-east5': 'us-east-2',
  'us-west1': 'us-west-2',
  'northamerica-northeast1': 'ca-central-1',
  'southamerica-east1': 'sa-east-1',
  'europe-west2': 'eu-west-2',
  'europe-west3': 'eu-central-1',
  'europe-west8': 'eu-south-1',
  'europe-west9': 'eu-west-3',
  'asia-east2': 'ap-east-1',
  'asia-northeast1': 'ap-northeast-1',
  'asia-northeast2': 'ap-northeast-3',
  'asia-northeast3': 'ap-northeast-2',
  'asia-south1': 'ap-south-1',
  'asia-southeast1': 'ap-southeast-1',
  'australia-southeast1': 'ap-southeast-2',
  eastus: 'us-east-1',
  eastus2: 'us-east-1',
  westus: 'us-west-1',
  brazilsouth: 'sa-east-1',
  northeurope: 'eu-west-1',
  uksouth: 'eu-west-2',
  francecentral: 'eu-west-3',
  germanywestcentral: 'eu-central-1',
  italynorth: 'eu-south-1',
  japaneast: 'ap-northeast-1',
  japanwest: 'ap-northeast-3',
  koreacentral: 'ap-northeast-2',
  eastasia: 'ap-east-1',
  southeastasia: 'ap-southeast-1',
  australiaeast: 'ap-southeast-2',
};

/** Inside one zone: 0.1 to 0.3 ms; the spread is that of a data centre, sigma 0.2. */
export const sameZoneRoundTrip: LogNormalLaw = inside(0.2);
/** Between zones of one region: 0.25 to 3.4 ms by pair, most near 0.8 to 1. */
export const sameRegionRoundTrip: LogNormalLaw = inside(1);

const order: ReadonlyMap<string, number> = new Map(regions.map(([region], at) => [region, at]));

/** Every name that `regionRoundTrip` knows. */
export const regionNames: readonly string[] = [...order.keys(), ...Object.keys(sameCity)];

/**
 * The law of the round trip between two regions; within one region the law between its zones.
 * Null if a region is not known. A WAN's median moves little within minutes: p99 is 10% above.
 */
export function regionRoundTrip(a: string, b: string): LogNormalLaw | null {
  const from = place(a);
  const to = place(b);
  if (from === undefined || to === undefined) return null;
  if (from === to) return sameRegionRoundTrip;
  const ms = measured(from, to) ?? 5 + (1.42 * distance(from, to)) / 100;
  return logNormalLaw(ms * MILLISECOND, 1.1 * ms * MILLISECOND);
}

/** Kilometres between two known regions, by their numbers in the table. */
function distance(a: number, b: number): number {
  return a > b ? regions[a]![4][b]! : regions[b]![4][a]!;
}

function measured(a: number, b: number): number | undefined {
  const one = regions[a]![0];
  const other = regions[b]![0];
  return measuredRoundTrips.find(
    ([from, to]) => (from === one && to === other) || (from === other && to === one),
  )?.[2];
}

function place(region: string): number | undefined {
  return order.get(Object.hasOwn(sameCity, region) ? sameCity[region]! : region);
}

/** exp(0.2 * 2.3263) = 1.592 is the 99% quantile of a log-normal law of sigma 0.2 and median 1. */
function inside(ms: number): LogNormalLaw {
  return logNormalLaw(ms * MILLISECOND, 1.592 * ms * MILLISECOND);
}
