import { describe, expect, it } from 'vitest';
import {
  diskKinds,
  diskSpec,
  distributionOf,
  findDisk,
  findInstance,
  instanceNames,
  logNormalLaw,
  type Provenance,
  volumeMonthlyPrice,
} from '../../src/hardware/presets/index.ts';
import { Random } from '../../src/kernel/index.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MS = 1_000_000;
const disks = diskKinds.map((name) => findDisk(name)!);
const instances = instanceNames.map((name) => findInstance(name)!);
const gp3 = findDisk('gp3')!;
const volume = (gib: number, iops: number | null = null, mib: number | null = null) => ({
  sizeBytes: gib * GIB,
  iops,
  throughputBytesPerSecond: mib === null ? null : mib * MIB,
});

describe('every preset', () => {
  it('says where its figures come from and when they were looked up', () => {
    const presets: Provenance[] = [...disks, ...instances];
    expect(presets.length).toBeGreaterThan(150);
    for (const { source, date, grade } of presets) {
      expect(source.length).toBeGreaterThan(40);
      expect(date).toMatch(/^20\d\d-(0[1-9]|1[0-2])$/);
      expect(['D', 'M', 'K']).toContain(grade);
    }
  });

  it('has a name of its own, under which it is found', () => {
    expect(new Set(instanceNames).size).toBe(instances.length);
    for (const instance of instances) expect(findInstance(instance.name)).toBe(instance);
    expect(findInstance('Standard_E16ds_v5')?.vcpus).toBe(16);
    expect([findInstance('db.r6g.huge'), findDisk('floppy')]).toEqual([null, null]);
  });
});

describe('instances', () => {
  it('cost 730 hours a month', () => {
    for (const { monthlyPrice, hourlyPrice } of instances) {
      expect(monthlyPrice).toBeCloseTo(730 * hourlyPrice, 9);
    }
    expect(findInstance('db.r6g.xlarge')!.monthlyPrice).toBeCloseTo(328.5, 1);
    expect(findInstance('db.r6g.16xlarge')!.monthlyPrice).toBeCloseTo(5256, 0);
  });

  // vCPU, GiB, EBS MB/s, EC2 $/h, RDS $/h: a table made independently of the presets
  it.each([
    ['r6g.large', 2, 16, 79, 0.101, 0.225],
    ['r6g.xlarge', 4, 32, 149, 0.202, 0.45],
    ['r6g.2xlarge', 8, 64, 297, 0.403, 0.9],
    ['r6g.4xlarge', 16, 128, 594, 0.806, 1.8],
    ['r6g.8xlarge', 32, 256, 1188, 1.613, 3.6],
    ['r6g.16xlarge', 64, 512, 2375, 3.226, 7.2],
    ['r8g.xlarge', 4, 32, 156, 0.236, 0.478],
  ])('%s: %d vCPUs, %d GiB, %d MB/s, %d $/h, managed %d $/h', (name, ...expected) => {
    const machine = findInstance(name)!;
    const managed = findInstance(`db.${name}`)!;
    const [vcpus, gib, megabytes, dollars, managedDollars] = expected;
    expect([machine.vcpus, machine.memoryBytes / GIB]).toEqual([vcpus, gib]);
    expect(Math.round(machine.volumes.baselineBytesPerSecond / 1e6)).toBe(megabytes);
    expect(machine.hourlyPrice).toBeCloseTo(dollars!, 3);
    expect(managed.hourlyPrice).toBeCloseTo(managedDollars!, 3);
    expect([managed.vcpus, managed.volumes]).toEqual([machine.vcpus, machine.volumes]);
  });

  it('burst to no less than their baseline, and grow with their size', () => {
    for (const { name, volumes, ...machine } of instances) {
      expect(volumes.burstIops, name).toBeGreaterThanOrEqual(volumes.baselineIops);
      expect(volumes.burstBytesPerSecond, name).toBeGreaterThanOrEqual(
        volumes.baselineBytesPerSecond,
      );
      expect(machine.networkBurstBitsPerSecond, name).toBeGreaterThanOrEqual(
        machine.networkBaselineBitsPerSecond,
      );
      expect(machine.memoryBytes / GIB / machine.vcpus, name).toBeGreaterThanOrEqual(0.5);
      expect(diskKinds, name).toContain(machine.defaultDisk);
      if (machine.defaultDisk === 'nvme') expect(machine.local, name).not.toBeNull();
    }
    const family = (name: string) => name.replace(/[.\d]*(micro|small|medium|x?large)$/, '');
    for (const [i, larger] of instances.entries()) {
      const smaller = instances[i - 1];
      if (!smaller || family(smaller.name) !== family(larger.name)) continue;
      if (larger.provider === 'gcp' || larger.provider === 'azure') continue;
      expect(larger.hourlyPrice, larger.name).toBeGreaterThan(smaller.hourlyPrice);
      expect(larger.memoryBytes, larger.name).toBeGreaterThan(smaller.memoryBytes);
      expect(larger.networkBaselineBitsPerSecond).toBeGreaterThan(
        smaller.networkBaselineBitsPerSecond,
      );
    }
  });

  it('of a series cost managed about twice what they cost bare', () => {
    for (const managed of instances.filter(({ provider }) => provider === 'rds')) {
      const ratio = managed.hourlyPrice / findInstance(managed.name.slice(3))!.hourlyPrice;
      expect(ratio, managed.name).toBeGreaterThan(1.8);
      expect(ratio, managed.name).toBeLessThan(2.5);
    }
  });
});

describe('disks', () => {
  // published ranges in ms: 8 KiB read, then write made durable
  it.each([
    ['nvme', 0.06, 0.12, 0.015, 0.05],
    ['gp3', 0.5, 1, 0.7, 2],
    ['io2', 0.25, 0.5, 0.3, 0.5],
    ['hdd', 5, 10, 5, 15],
  ])('%s has its medians inside what is published', (name, ...ranges) => {
    const { read, fsync } = findDisk(name)!;
    const [readLow, readHigh, syncLow, syncHigh] = ranges;
    expect(read.median / MS).toBeGreaterThanOrEqual(readLow!);
    expect(read.median / MS).toBeLessThanOrEqual(readHigh!);
    expect(fsync.median / MS).toBeGreaterThanOrEqual(syncLow!);
    expect(fsync.median / MS).toBeLessThanOrEqual(syncHigh!);
  });

  it('io2 exceeds 0.8 ms at least ten times as rarely as gp3', () => {
    const random = new Random('tail');
    const above = (name: string) => {
      const law = distributionOf(findDisk(name)!.read);
      let count = 0;
      for (let i = 0; i < 100_000; i++) if (law.draw(random) > 0.8 * MS) count++;
      return count;
    };
    expect(above('gp3')).toBeGreaterThan(10 * above('io2'));
  });

  // EBS User Guide: baseline = 3 a GiB, at least 100, at most 16,000; 128 or 250 MiB/s
  it.each([
    [1, 100, 3000, 128],
    [33, 100, 3000, 128],
    [100, 300, 3000, 128],
    [170, 510, 3000, 128],
    [500, 1500, 3000, 250],
    [1000, 3000, null, 250],
    [5334, 16_000, null, 250],
    [16_384, 16_000, null, 250],
  ])('gp2 of %d GiB: %d IOPS, bursts to %s, %d MiB/s', (gib, iops, burst, mib) => {
    const allowance = findDisk('gp2')!.allowance(gib * GIB);
    expect(allowance.iops).toBe(iops);
    expect(allowance.burst?.iops ?? null).toBe(burst);
    expect(allowance.throughputBytesPerSecond).toBe(mib * MIB);
  });

  it('gp3 refuses what AWS refuses', () => {
    expect(gp3.refusals(volume(100, 12_000, 500))).toEqual([]);
    expect(gp3.refusals(volume(160, 80_000, 2000))).toEqual([]);
    expect(gp3.refusals(volume(10, 6000))).toEqual(['gp3 allows at most 500 IOPS a GiB']);
    expect(gp3.refusals(volume(500, 3000, 1000))).toEqual([
      'gp3 allows at most 0.25 MiB/s an IOPS',
    ]);
    expect(gp3.refusals(volume(100, 100_000, 2001))).toHaveLength(3);
    expect(findDisk('gp2')!.refusals(volume(100, 500))).toHaveLength(1);
    expect(findDisk('io2')!.refusals(volume(100, 100_001))).toHaveLength(1);
  });

  it('cost what the price list says', () => {
    // 500 GiB * 0.08 + 9,000 * 0.005 + 375 * 0.04
    expect(volumeMonthlyPrice(gp3, volume(500, 12_000, 500))).toBeCloseTo(40 + 45 + 15, 9);
    expect(volumeMonthlyPrice(gp3, volume(500))).toBeCloseTo(40, 9);
    // managed: 500 * 0.115 + 9,000 * 0.02
    expect(volumeMonthlyPrice(gp3, volume(500, 12_000), true)).toBeCloseTo(57.5 + 180, 9);
    // io2 tiers: 32,000 * 0.065 + 32,000 * 0.0455 + 6,000 * 0.03185
    const io2 = findDisk('io2')!;
    expect(volumeMonthlyPrice(io2, volume(1000, 70_000))).toBeCloseTo(125 + 2080 + 1456 + 191.1, 9);
    expect(volumeMonthlyPrice(findDisk('nvme')!, volume(1000))).toBe(0);
  });

  it('take from a scenario what it says and from their kind the rest', () => {
    const read = logNormalLaw(0.1 * MS, 0.3 * MS);
    const made = diskSpec(gp3, { read, iops: 12_000, throughputBytesPerSecond: 500 * MIB });
    expect([made.read, made.write]).toEqual([read, gp3.write]);
    expect(made.limits.map((each) => [each.name, each.perSecond])).toEqual([
      ['iops', 12_000],
      ['throughput', 500 * MIB],
    ]);
  });

  it('hang on the limits of their instance when they are across the network', () => {
    const machine = findInstance('r6g.xlarge')!;
    const limits = new Map(diskSpec(gp3, {}, machine).limits.map((each) => [each.name, each]));
    expect(limits.get('instance iops credits')).toMatchObject({
      perSecond: 6000,
      capacity: 14_000 * 1800, // half an hour of the difference
    });
    expect(limits.get('instance throughput')!.perSecond).toBe(4750e6 / 8);
    const large = diskSpec(gp3, {}, findInstance('r6g.16xlarge')!);
    expect(large.limits.map((each) => each.name)).not.toContain('instance iops credits');
  });
});

describe('drives in the machine', () => {
  it('are what an i4i has, and what a scenario says before that', () => {
    const nvme = findDisk('nvme')!;
    const i4i = findInstance('i4i.xlarge')!;
    const made = diskSpec(nvme, { iops: 50_000 }, i4i);
    expect(made.sizeBytes).toBe(937e9);
    expect(made.limits.map((each) => each.perSecond)).toEqual([50_000, 707e6]);
    expect(diskSpec(nvme, {}, i4i).limits[0]!.perSecond).toBe(100_000);
    expect(diskSpec(nvme, {}, findInstance('r6g.large')!)).toEqual(diskSpec(nvme));
  });
});

describe('laws as data', () => {
  it('become the laws that they name', () => {
    const quartiles = (law: Parameters<typeof distributionOf>[0]) =>
      [0.25, 0.5, 0.99].map((p) => Math.round(distributionOf(law).quantile(p)));
    expect(quartiles({ kind: 'constant', value: 7 })).toEqual([7, 7, 7]);
    expect(quartiles({ kind: 'uniform', min: 0, max: 100 })).toEqual([25, 50, 99]);
    expect(quartiles({ kind: 'exponential', mean: 1000 })).toEqual([288, 693, 4605]);
    expect(quartiles(logNormalLaw(1000, 3000)).slice(1)).toEqual([1000, 3000]);
    const samples = Array.from({ length: 100 }, (_, i) => 99 - i);
    expect(quartiles({ kind: 'empirical', samples })).toEqual([25, 50, 99]);
  });
});
