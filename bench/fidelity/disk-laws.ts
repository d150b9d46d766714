/** The disk's laws and the CPU time of what is asked of it, from C1's loops and C2b's commits. */
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { type CalibrationData, type LatencyTest, missingFrom } from './calibration-data.ts';
import { us, value } from './derived.ts';
import { samplesOf } from './latency-law.ts';
import { amongOthers, cooled, flushCpu, goingOn, onIdleCore, pinned, wakeup } from './pinned.ts';
import { mean } from './statistics.ts';

function testsOf({ c1 }: CalibrationData, name: string): LatencyTest[] {
  return c1.tests.filter(({ test }) => test === name);
}

/** Means of a loop's repeats; the default if it was not measured. */
export function meansOf(data: CalibrationData, name: string): number[] {
  const means = testsOf(data, name).flatMap(({ mean_us }) =>
    mean_us === undefined ? [] : mean_us,
  );
  return means.length > 0 ? means : [DEFAULT_COSTS.pageRead / 1000];
}

/** What a profile says of the disk, and the CPU time of a read; null: part of the device's. */
export function diskLaws(data: CalibrationData) {
  const fsync = fsyncLaw(data);
  const read = readLaw(data);
  const stream = streamRate(data, read.wholeMicroseconds);
  return {
    diskRead: read.cpu,
    disk: {
      fsync: { samples: fsync.samples.map(us) },
      ...read.disk,
      ...(stream === null ? {} : { stream: `${Math.round(stream / 1024 / 1024)}MB/s` }),
    },
    derived: [...fsync.derived, ...read.derived],
  };
}

/**
 * A commit's wait in Postgres is the leader's system calls, the device, and the wake-up of a core
 * that has gone idle. C1's loop has its own system calls in it; what C2b measures of the whole
 * shifts its law to what is left for the device.
 */
function fsyncLaw(data: CalibrationData) {
  const longer = (workload: string) =>
    pinned(data, workload, 'p50', 'same', 'on') - pinned(data, workload, 'p50');
  const measured = mean(
    ['simple-update', 'tpcb-like'].map((workload) => {
      const { server, client } = cooled(data, workload);
      return longer(workload) - server - client;
    }),
  );
  const loops = testsOf(data, 'overwrite8k_fdatasync');
  if (loops.length === 0) throw missingFrom(data, 'C1', 'no test is overwrite8k_fdatasync');
  const loop = samplesOf(loops);
  const shift = measured - loop[loop.length >> 1]! - flushCpu(data) - goingOn(data);
  return {
    samples: loop.map((each) => Math.max(0, each + shift)),
    derived: [
      value('disk.fsync, mean of C1', mean(loop), 'C1: overwrite8k_fdatasync, all repeats'),
      value(
        'disk.fsync, longer than in C1',
        shift,
        'C2b same core: median latency with synchronous_commit on less off, less C1’s median, ' +
          'costs.flush and the wake-up; C1’s loop has its own system calls in it',
      ),
    ],
  };
}

/** The device's part of a read, and how many it works on at a time if it was what bounded them. */
function readLaw(data: CalibrationData) {
  const reads = testsOf(data, 'randread8k_odirect_qd1');
  const whole = reads.length > 0 ? samplesOf(reads) : [0];
  const cpu = readCpu(data);
  const alone = cpu === null ? 0 : onIdleCore(data, cpu) + wakeup(data);
  const read = whole.map((each) => Math.max(0, each - alone));
  const law = reads.length > 0 ? { read: { samples: read.map(us) } } : {};
  const how = 'C1: randread8k_odirect_qd1';
  const wholeMicroseconds = mean(whole);
  if (cpu !== null) {
    const less = `${how} less costs.disk_read on an idle core and the wake-up of that`;
    const bound = 'C1: cores by the highest IOPS, which they bounded, less cold caches';
    const derived = [
      value('costs.disk_read', cpu, bound),
      value('disk.read, mean', mean(read), less),
    ];
    return { cpu, disk: law, derived, wholeMicroseconds };
  }
  const most = Math.max(0, ...data.c1.tests.map(({ iops }) => iops ?? 0));
  const depth = Math.max(1, Math.round((most * wholeMicroseconds) / 1e6));
  const derived = [
    value('disk.read, mean', wholeMicroseconds, how),
    { name: 'disk.queue_depth', value: depth, unit: '', how: 'C1: highest IOPS x one read' },
  ];
  const disk = { ...law, ...(most > 0 ? { queue_depth: depth } : {}) };
  return { cpu, disk, derived, wholeMicroseconds };
}

/** No kernel spends more on a read; with more than that for each, the device was the limit. */
const LONGEST_READ_CPU = 50;

/**
 * CPU time of a read with warm caches, if it was the cores that bounded the highest rate of reads:
 * what all of them had for each, of which the other threads' reads in turn cooled a part. The
 * device alone would bound it at so low a number of requests at a time that it would be a disk
 * with arms.
 */
function readCpu(data: CalibrationData): number | null {
  const tests = data.c1.tests.filter(({ iops }) => iops !== undefined);
  const [fastest] = tests.sort((a, b) => b.iops! - a.iops!);
  const cores = Number(/(\d+) vCPU/.exec(data.c1.meta.hardware ?? '')?.[1] ?? 0);
  const threads = Number(/(\d+)threads/.exec(fastest?.test ?? '')?.[1] ?? 0);
  if (!fastest || threads < 2 * cores || cores === 0) return null;
  const each = (cores * 1e6) / fastest.iops!;
  return each <= LONGEST_READ_CPU ? amongOthers(data, each, (threads / cores - 1) * each) : null;
}

/** Bytes a second of a read of 1 MiB beyond its first 8 KiB. */
function streamRate(data: CalibrationData, readMicroseconds: number): number | null {
  const rates = testsOf(data, 'seqread_1M_odirect').flatMap(({ MB_per_s }) =>
    MB_per_s === undefined ? [] : [MB_per_s * 1e6],
  );
  if (rates.length === 0) return null;
  const seconds = 1_048_576 / mean(rates) - readMicroseconds / 1e6;
  return seconds > 0 ? (1_048_576 - 8192) / seconds : null;
}
