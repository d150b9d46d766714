import { describe, expect, it } from 'vitest';
import { Disk, type DiskDegradation, type DiskSpec } from '../../src/hardware/disk.ts';
import { diskSpec, findDisk, findInstance } from '../../src/hardware/presets/index.ts';
import {
  type Nanoseconds,
  type Process,
  type Random,
  SECOND,
  Simulation,
} from '../../src/kernel/index.ts';

const MS = 1_000_000;
const KIB = 1024;
const GIB = 1024 * 1024 * 1024;
const constant = (value: Nanoseconds) => ({ kind: 'constant', value }) as const;

function spec(parts: Partial<DiskSpec> = {}): DiskSpec {
  return {
    kind: 'test',
    read: constant(MS),
    write: constant(2 * MS),
    fsync: constant(3 * MS),
    queueDepth: 1,
    streamBytesPerSecond: 1e9,
    mergeBytes: 256 * KIB,
    sizeBytes: GIB,
    limits: [],
    ...parts,
  };
}

function disk(parts: Partial<DiskSpec> = {}, sim = new Simulation(1)): Disk {
  return new Disk(sim, sim.random('disk'), spec(parts));
}

const kind = (name: string) => findDisk(name)!;
const iops = (perSecond: number, capacity: number) =>
  ({ name: 'iops', counts: 'operations', perSecond, capacity }) as const;

/** A degradation that changes only what is named. */
function by(parts: Partial<DiskDegradation>): DiskDegradation {
  return { factor: 1, read: null, write: null, fsync: null, limits: [], ...parts };
}

function* loop(of: Disk): Process {
  for (;;) yield of.read(8192);
}

function* poisson(sim: Simulation, of: Disk, mean: Nanoseconds, random: Random): Process {
  for (;;) {
    yield sim.hold(random.exponential(mean));
    of.submit('read', 8192);
  }
}

describe('one request', () => {
  it('takes its own law, one wake-up, and counts as what it is', () => {
    const sim = new Simulation(1);
    const device = disk({}, sim);
    const ends: number[] = [];
    sim.spawn(
      (function* () {
        yield device.read(8192);
        ends.push(sim.now);
        yield device.write(8192);
        ends.push(sim.now);
        yield device.fsync(4096);
        ends.push(sim.now);
      })(),
    );
    sim.run(SECOND);
    expect(ends).toEqual([MS, 3 * MS, 6 * MS]);
    expect(sim.steps).toBe(4); // the start and one a request
    const usage = device.usage();
    expect([usage.reads, usage.writes, usage.fsyncs]).toEqual([1, 1, 1]);
    expect([usage.bytesRead, usage.bytesWritten]).toEqual([8192, 12_288]);
    expect([usage.busyTime, usage.served, usage.waitTime]).toEqual([6 * MS, 6 * MS, 0]);
  });

  it('streams what it has beyond 8 KiB', () => {
    const device = disk({ streamBytesPerSecond: 1e9 });
    expect(device.submit('read', 8192 + 1_000_000)).toBe(2 * MS);
  });

  it('is drawn from the law that is given: median and p99', () => {
    const law = { kind: 'log-normal', median: 0.7 * MS, p99: 1.8 * MS } as const;
    const device = disk({ read: law, queueDepth: 1_000_000 });
    const n = 200_000;
    const drawn = Float64Array.from({ length: n }, () => device.submit('read', 8192)).sort();
    // the standard error of a quantile: sqrt(p(1-p)/n) / density; four of them
    const sigma = Math.log(1.8 / 0.7) / 2.3263479;
    const band = (p: number, z: number) => {
      const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
      return (4 * sigma * Math.sqrt((p * (1 - p)) / n)) / density;
    };
    expect(Math.abs(Math.log(drawn[n * 0.5]! / (0.7 * MS)))).toBeLessThan(band(0.5, 0));
    expect(Math.abs(Math.log(drawn[n * 0.99]! / (1.8 * MS)))).toBeLessThan(band(0.99, 2.3263479));
  });

  it('is slowed by a factor, with the same random numbers, and back to normal', () => {
    const law = { kind: 'log-normal', median: MS, p99: 3 * MS } as const;
    const healthy = disk({ read: law, queueDepth: 1000 });
    const slow = disk({ read: law, queueDepth: 1000 });
    const undo = slow.degrade(by({ factor: 20 }));
    for (let i = 0; i < 100; i++) {
      const ratio = slow.submit('read', 8192) / healthy.submit('read', 8192);
      expect(ratio).toBeCloseTo(20, 4);
    }
    undo();
    expect(slow.submit('read', 8192)).toBe(healthy.submit('read', 8192));
    expect(() => slow.degrade(by({ factor: 0 }))).toThrow(/positive/);
  });

  it('follows other laws for a while; of two the later one, multiplied by every factor', () => {
    const device = disk({ read: constant(MS), fsync: constant(3 * MS), queueDepth: 1000 });
    const first = device.degrade(by({ read: constant(20 * MS), factor: 2 }));
    expect([device.submit('read', 8192), device.submit('fsync', 0)]).toEqual([40 * MS, 6 * MS]);
    const second = device.degrade(by({ read: constant(5 * MS), factor: 3 }));
    expect(device.submit('read', 8192)).toBe(30 * MS);
    first();
    expect(device.submit('read', 8192)).toBe(15 * MS);
    second();
    expect(device.submit('read', 8192)).toBe(MS);
  });

  it('passes the limits of what degrades it as well as its own, and only for so long', () => {
    const device = disk({ read: constant(MS), queueDepth: 1000, limits: [iops(1000, 1)] });
    const done = (n: number) => Array.from({ length: n }, () => device.submit('read', 8192) / MS);
    const undo = device.degrade(by({ limits: [{ ...iops(100, 1), name: 'fault operations' }] }));
    expect(done(4)).toEqual([1, 11, 21, 31]); // 100 a second, and the first at once
    undo();
    expect(done(3)).toEqual([32, 33, 34]); // its own 1,000 a second, after those
  });

  it('never ends before its latency, whatever the limits', () => {
    const sim = new Simulation(3);
    const limited = [iops(500, 20), { ...iops(4e6, 1e5), counts: 'bytes' as const }];
    const device = disk({ queueDepth: 4, limits: limited }, sim);
    const random = sim.random('arrivals');
    let least = Number.POSITIVE_INFINITY;
    let last = 0;
    let waited = 0;
    sim.spawn(
      (function* () {
        for (let i = 0; i < 20_000; i++) {
          yield sim.hold(random.exponential(2 * MS));
          const done = device.submit('read', 8192);
          least = Math.min(least, done - sim.now);
          if (done - sim.now > MS) waited++;
          expect(done).toBeGreaterThanOrEqual(last); // equal latencies: first come first served
          last = done;
        }
      })(),
    );
    sim.run(60 * SECOND);
    expect(least).toBe(MS);
    expect(waited).toBeGreaterThan(1000);
  });
});

describe('many requests', () => {
  it('wait as in M/D/1: rho S / (2 (1 - rho))', () => {
    const sim = new Simulation(5);
    const device = disk({}, sim);
    sim.spawn(poisson(sim, device, MS / 0.7, sim.random('arrivals')));
    sim.run(2000 * SECOND);
    const { waitTime, reads } = device.usage();
    expect(Math.abs(waitTime / reads / ((0.7 * MS) / (2 * 0.3)) - 1)).toBeLessThan(0.02);
  });

  it('wait as in M/M/c, the formula of Erlang C', () => {
    const sim = new Simulation(6);
    const exponential = { kind: 'exponential', mean: MS } as const;
    const device = disk({ read: exponential, queueDepth: 4 }, sim);
    const load = 3.2;
    sim.spawn(poisson(sim, device, MS / load, sim.random('arrivals')));
    sim.run(1000 * SECOND);
    const term = (n: number) => Array.from({ length: n }, (_, i) => load / (i + 1));
    const power = (n: number) => term(n).reduce((product, factor) => product * factor, 1);
    const last = power(4) / (1 - load / 4);
    const mustWait = last / (1 + power(1) + power(2) + power(3) + last);
    const { waitTime, reads, served } = device.usage();
    expect(Math.abs(waitTime / reads / ((mustWait * MS) / (4 - load)) - 1)).toBeLessThan(0.02);
    expect(served / (sim.now * load)).toBeCloseTo(1, 2);
  });

  it('go at the limit exactly when they want more, the allowance once on top', () => {
    const sim = new Simulation(7);
    const device = new Disk(sim, sim.random('disk'), diskSpec(kind('gp3')));
    for (let i = 0; i < 64; i++) sim.spawn(loop(device));
    sim.run(30 * SECOND);
    const start = device.usage();
    sim.run(90 * SECOND);
    expect(device.usage().reads - start.reads).toBe(60 * 3000);
    const finished = start.reads - 64; // a few are admitted and not finished: 3,000/s * 0.7 ms
    expect(device.outstanding).toBe(64);
    expect(30 * 3000 + 300 - finished).toBeGreaterThanOrEqual(0);
    expect(30 * 3000 + 300 - finished).toBeLessThan(12);
    expect(device.utilization(start)).toBe(1);
    expect(device.busyShare(start)).toBe(1);
    // Little: 64 requests in the house, 3000 leave a second
    const inside = 64 / 3000;
    const waited = (device.usage().waitTime - start.waitTime) / 180_000 / SECOND;
    const served = (device.usage().served - start.served) / 180_000 / SECOND;
    expect((waited + served) / inside).toBeCloseTo(1, 2);
  });

  it('take as long as a real disk at its limit: 16 readers, 57,080 a second, 279.7 us each', () => {
    // fio, 8 KiB random direct reads by 16 threads on a virtual machine's disk
    const sim = new Simulation(11);
    const read = { kind: 'log-normal', median: 59_000, p99: 94_000 } as const;
    const real = diskSpec(kind('nvme'), { read, iops: 57_080 });
    const device = new Disk(sim, sim.random('disk'), real);
    for (let i = 0; i < 16; i++) sim.spawn(loop(device));
    sim.run(SECOND);
    const start = device.usage();
    sim.run(4 * SECOND);
    const { reads, waitTime, served } = device.usage();
    const mean = (waitTime + served - start.waitTime - start.served) / (reads - start.reads);
    expect(Math.abs(mean / 279_700 - 1)).toBeLessThan(0.01);
  });

  it('use half of a limit when they want half of it', () => {
    const sim = new Simulation(8);
    const device = disk({ queueDepth: 64, limits: [iops(1000, 1)] }, sim);
    sim.spawn(poisson(sim, device, 2 * MS, sim.random('arrivals')));
    const start = device.usage();
    sim.run(1000 * SECOND);
    expect(device.utilization(start)).toBeCloseTo(0.5, 2);
  });

  it('are outstanding for the share of time that one worker waits for them', () => {
    const sim = new Simulation(9);
    const device = disk({}, sim);
    const start = device.usage();
    sim.spawn(
      (function* () {
        for (;;) {
          yield device.read(8192);
          yield sim.hold(3 * MS);
        }
      })(),
    );
    sim.run(10 * SECOND);
    expect(device.busyShare(start)).toBe(0.25);
    expect(device.utilization(start)).toBe(0.25); // of one server
  });
});

describe('limits', () => {
  it('count up to 256 KiB as one operation, and the next byte as two', () => {
    const limits = [iops(1000, 1)];
    const merged = disk({ queueDepth: 100, streamBytesPerSecond: 1e15, limits });
    merged.submit('write', 256 * KIB);
    expect(merged.submit('write', 8192)).toBe(3 * MS); // admitted 1 ms later
    const split = disk({ queueDepth: 100, streamBytesPerSecond: 1e15, limits });
    split.submit('write', 256 * KIB + 1);
    expect(split.submit('write', 8192)).toBe(4 * MS);
  });

  it('let an fsync take one operation, and no bytes if there is nothing new', () => {
    const bytes = { name: 'throughput', counts: 'bytes', perSecond: 1000, capacity: 1 } as const;
    const device = disk({ queueDepth: 100, limits: [iops(1000, 1), bytes] });
    expect(device.submit('fsync', 0)).toBe(3 * MS);
    expect(device.submit('fsync', 0)).toBe(4 * MS);
  });

  it('of a gp2 volume of 100 GiB: 3,000 a second for 2,000 seconds, then 300', () => {
    const sim = new Simulation(1);
    const small = diskSpec(kind('gp2'), { sizeBytes: 100 * GIB, write: constant(0) });
    const device = new Disk(sim, sim.random('disk'), small);
    const admittedAt: number[] = [0];
    let at = 0;
    while (at < 2200 * SECOND) {
      at = device.submit('write', 8192);
      if (at >= admittedAt.length * 100 * SECOND) admittedAt.push(device.writes);
    }
    const rates = admittedAt.slice(1).map((n, i) => (n - admittedAt[i]!) / 100);
    for (const rate of rates.slice(0, 19)) expect(rate).toBeCloseTo(3000, -1);
    expect(rates.slice(20)).toEqual([300, 300]);
    // the credits are gone after 5.4e6 / (3000 - 300) seconds
    expect((admittedAt[20]! - 5_400_000) / 300).toBeCloseTo(2000, -0.5);
  });

  it('of a gp2 volume whose credits are spent: 300 from the start', () => {
    const sim = new Simulation(1);
    const options = { sizeBytes: 100 * GIB, write: constant(0), burstBalance: 0 };
    const device = new Disk(sim, sim.random('disk'), diskSpec(kind('gp2'), options));
    let at = 0;
    while (at < 100 * SECOND) at = device.submit('write', 8192);
    expect(device.writes).toBe(300 * 100);
    expect(device.burstBalance('iops credits')).toBe(0);
    expect(() => device.burstBalance('luck')).toThrow(/luck/);
  });

  it('of an r6g.large: 4,750 Mbit/s to its volumes for half an hour, then 630', () => {
    const sim = new Simulation(1);
    const link = findInstance('r6g.large')!;
    const fast = diskSpec(kind('io2'), { read: constant(0), iops: 64_000 }, link);
    const device = new Disk(sim, sim.random('disk'), { ...fast, streamBytesPerSecond: 1e18 });
    const megabits: number[] = [];
    let sent = 0;
    for (let minute = 1; minute <= 40; ) {
      const at = device.submit('read', 1024 * KIB);
      if (at >= minute * 60 * SECOND) {
        megabits.push(((device.bytesRead - sent) * 8) / 60 / 1e6);
        sent = device.bytesRead;
        minute++;
      }
    }
    for (const rate of megabits.slice(1, 29)) expect(rate / 4750).toBeCloseTo(1, 3);
    for (const rate of megabits.slice(31)) expect(rate / 630).toBeCloseTo(1, 2);
  });

  it('of the instance do not apply to drives in the machine', () => {
    const link = findInstance('r6g.large')!;
    expect(diskSpec(kind('nvme'), {}, link).limits.map((each) => each.name)).toEqual([
      'iops',
      'throughput',
    ]);
  });
});

describe('room and power', () => {
  it('is full when it is full', () => {
    const device = disk({ sizeBytes: 100 });
    expect([device.allocate(60), device.allocate(50), device.usedBytes]).toEqual([true, false, 60]);
    device.release(20);
    expect([device.allocate(60), device.usedBytes]).toEqual([true, 100]);
  });

  it('forgets its queue with the power, not the credits that were spent', () => {
    const sim = new Simulation(1);
    const limits = [iops(10, 5), { ...iops(1, 1000), name: 'credits' }];
    const device = disk({ queueDepth: 2, limits }, sim);
    for (let i = 0; i < 100; i++) device.submit('read', 8192);
    expect(device.submit('read', 8192)).toBeGreaterThan(9 * SECOND);
    device.powerOff();
    expect(device.submit('read', 8192)).toBe(SECOND / 10 + MS);
    expect(device.burstBalance('credits')).toBeCloseTo(0.898, 3);
    expect(device.usage().served).toBe(0); // nothing that it had promised was done
  });

  it('keeps the service that was received before the power went', () => {
    const sim = new Simulation(1);
    const device = disk({}, sim);
    for (let i = 0; i < 10; i++) device.submit('read', 8192);
    sim.run(4 * MS);
    device.powerOff();
    sim.run(20 * MS);
    const usage = device.usage();
    expect([usage.served, usage.busyTime]).toEqual([4 * MS, 4 * MS]);
  });
});
