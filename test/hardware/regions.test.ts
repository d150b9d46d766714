import { describe, expect, it } from 'vitest';
import {
  measuredRoundTrips,
  regionNames,
  regionProvenance,
  regionRoundTrip,
  regions,
  sameRegionRoundTrip,
  sameZoneRoundTrip,
} from '../../src/hardware/presets/regions.ts';

const MS = 1_000_000;
type Row = (typeof regions)[number];

function haversine([, , latitude1, longitude1]: Row, [, , latitude2, longitude2]: Row): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const square = (x: number) => x * x;
  const h =
    square(Math.sin(radians(latitude2 - latitude1) / 2)) +
    Math.cos(radians(latitude1)) *
      Math.cos(radians(latitude2)) *
      square(Math.sin(radians(longitude2 - longitude1) / 2));
  return 2 * 6371 * Math.asin(Math.sqrt(h));
}

describe('regions', () => {
  it('are as far apart as their coordinates say', () => {
    for (const [i, row] of regions.entries()) {
      expect(row[4]).toHaveLength(i);
      for (const [j, km] of row[4].entries()) {
        expect(Math.abs(haversine(row, regions[j]!) - km)).toBeLessThanOrEqual(0.5);
      }
    }
  });

  it('are no nearer than light in fibre: 1 ms for 100 km, both ways alike', () => {
    for (const [i, row] of regions.entries()) {
      for (const [j, km] of row[4].entries()) {
        const there = regionRoundTrip(row[0], regions[j]![0])!;
        expect(there.median, `${row[0]} ${regions[j]![0]}`).toBeGreaterThanOrEqual((km / 100) * MS);
        expect(regionRoundTrip(regions[j]![0], row[0])).toEqual(there);
        expect(i).toBeGreaterThan(j);
      }
    }
  });

  it.each([
    ['us-east-1', 'us-east-2', 11, 14],
    ['us-east-1', 'us-west-2', 60, 70],
    ['us-east-1', 'eu-west-1', 67, 80],
    ['us-east-1', 'ap-northeast-1', 145, 165],
    ['eu-west-1', 'ap-southeast-2', 255, 280],
  ])('%s and %s: %d to %d ms', (a, b, low, high) => {
    const { median, p99 } = regionRoundTrip(a, b)!;
    expect(median / MS).toBeGreaterThanOrEqual(low);
    expect(median / MS).toBeLessThanOrEqual(high);
    expect(p99 / median).toBeCloseTo(1.1, 6);
  });

  it('follow the rule for unmeasured pairs, which fits the measured ones within 16%', () => {
    const number = new Map(regions.map(([region], i) => [region, i]));
    let squares = 0;
    for (const [a, b, ms] of measuredRoundTrips) {
      const [i, j] = [number.get(a)!, number.get(b)!].sort((x, y) => y - x);
      const rule = 5 + (1.42 * regions[i!]![4][j!]!) / 100;
      squares += (rule / ms - 1) * (rule / ms - 1);
      expect(regionRoundTrip(a, b)!.median).toBe(ms * MS);
    }
    expect(Math.sqrt(squares / measuredRoundTrips.length)).toBeCloseTo(0.16, 2);
    const cape = regionRoundTrip('us-east-1', 'af-south-1')!.median / MS;
    expect(cape).toBeCloseTo(5 + 1.42 * 127.1, -0.5);
  });

  it('have zones near each other, and names of other providers', () => {
    expect(regionRoundTrip('eu-west-1', 'eu-west-1')).toBe(sameRegionRoundTrip);
    expect([sameZoneRoundTrip.median, sameRegionRoundTrip.median]).toEqual([0.2 * MS, MS]);
    expect(Math.log(sameZoneRoundTrip.p99 / sameZoneRoundTrip.median) / 2.3263).toBeCloseTo(0.2, 3);
    expect(regionRoundTrip('us-east4', 'japaneast')).toEqual(
      regionRoundTrip('us-east-1', 'ap-northeast-1'),
    );
    for (const name of regionNames) expect(regionRoundTrip(name, 'us-west-2')).not.toBeNull();
  });

  it('are null when unknown, whatever the name', () => {
    for (const name of ['moon-1', '', 'toString', '__proto__']) {
      expect(regionRoundTrip('us-east-1', name)).toBeNull();
    }
    expect(regionProvenance.source).not.toBe('');
  });
});
