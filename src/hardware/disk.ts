import {
  type Distribution,
  type Nanoseconds,
  type Random,
  SECOND,
  type Simulation,
  Station,
} from '../kernel/index.ts';
import { TokenBucket } from './limits.ts';
import { Outstanding } from './outstanding.ts';
import { type DurationLaw, distributionOf } from './presets/laws.ts';

/*
 * A block device: a drive in the machine or a volume across the provider's network.
 *
 * A real device works on many requests at a time, each of which takes a time of its own; providers
 * admit requests at a rate that was paid for. Kept: the law of each kind of request (8 KiB, as
 * Postgres reads and writes), the time that longer requests stream, how many are worked on at a
 * time (first come first served), and limits on operations and bytes a second, of the volume and of
 * the instance it hangs on, with their burst credits. A request is contiguous, so one up to
 * `mergeBytes` counts as one operation (Amazon EBS User Guide, "I/O characteristics").
 * All of it is arithmetic: a request costs one wake-up.
 *
 * Left out: the elevator and native command queueing (a hard disk's requests do not get cheaper in
 * company), garbage collection inside SSDs beyond the tail of the laws, reads that disturb writes,
 * a flush that stops a consumer drive for all, and first-touch penalties of restored volumes.
 */

/** The three things that Postgres asks of a disk. */
export type DiskRequest = 'read' | 'write' | 'fsync';

/** A ceiling as a token bucket of operations or bytes. */
export interface DiskLimit {
  readonly name: string;
  readonly counts: 'operations' | 'bytes';
  readonly perSecond: number;
  /** How much may be taken at once after a rest: credits, where the kind has them. */
  readonly capacity: number;
}

/** Everything a disk is, as plain data; `presets/disks.ts` makes it from a kind and a size. */
export interface DiskSpec {
  readonly kind: string;
  readonly read: DurationLaw;
  readonly write: DurationLaw;
  readonly fsync: DurationLaw;
  /** Requests worked on at a time. */
  readonly queueDepth: number;
  /** How fast one request streams what it has beyond the first 8 KiB. */
  readonly streamBytesPerSecond: number;
  /** An operation of up to this size counts as one. */
  readonly mergeBytes: number;
  readonly sizeBytes: number;
  readonly limits: readonly DiskLimit[];
  /** Share of the burst credits at the start, 1 if not given; AWS's metric `BurstBalance`. */
  readonly burstBalance?: number;
}

/** What a disk has done up to an instant; two of them make a window. */
export interface DiskUsage {
  readonly at: Nanoseconds;
  readonly reads: number;
  readonly writes: number;
  readonly fsyncs: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Time in which at least one request was outstanding. */
  readonly busyTime: Nanoseconds;
  /** Service received from the device, summed over its parallel requests. */
  readonly served: Nanoseconds;
  /** Time that requests waited, for a limit or for the device, before being worked on. */
  readonly waitTime: Nanoseconds;
  /** Per limit, in the order of the specification. */
  readonly taken: readonly number[];
  readonly balances: readonly number[];
}

/** How a disk is worse for a while. */
export interface DiskDegradation {
  /** Every request takes so many times as long. */
  readonly factor: number;
  /** Laws instead of its own; null: its own. */
  readonly read: DurationLaw | null;
  readonly write: DurationLaw | null;
  readonly fsync: DurationLaw | null;
  readonly limits: readonly DiskLimit[];
}

interface Degraded {
  readonly factor: number;
  readonly laws: { [request in DiskRequest]?: Distribution };
  readonly limits: readonly Ceiling[];
}

const PAGE_BYTES = 8192;

class Ceiling extends TokenBucket {
  readonly counts: 'operations' | 'bytes';
  taken = 0;

  constructor(limit: DiskLimit, at: Nanoseconds, share: number) {
    super(limit.perSecond, limit.capacity, at, share);
    this.counts = limit.counts;
  }
}

export class Disk {
  readonly spec: DiskSpec;
  reads = 0;
  writes = 0;
  fsyncs = 0;
  bytesRead = 0;
  bytesWritten = 0;
  waitTime: Nanoseconds = 0;
  /** Bytes in use by files; whoever keeps files counts them by `allocate` and `release`. */
  usedBytes = 0;
  private fillers = 0;
  private readonly sim: Simulation;
  private readonly random: Random;
  private readonly laws: Record<DiskRequest, Distribution>;
  private readonly ceilings: readonly Ceiling[];
  private readonly streamInterval: number; // nanoseconds a byte
  private device: Station;
  private readonly promises = new Outstanding();
  private promised: Nanoseconds = 0; // service, that in the future included
  private degradations: Degraded[] = [];
  private ceilingsNow: readonly Ceiling[]; // its own, and those of what degrades it
  private slowness = 1;
  private outstandingUntil: Nanoseconds = 0;
  private outstandingTime: Nanoseconds = 0;

  /** Draws its latencies from the given stream, `servers/pg1/disk` say, and from nothing else. */
  constructor(sim: Simulation, random: Random, spec: DiskSpec) {
    this.sim = sim;
    this.random = random;
    this.spec = spec;
    this.laws = {
      read: distributionOf(spec.read),
      write: distributionOf(spec.write),
      fsync: distributionOf(spec.fsync),
    };
    const share = spec.burstBalance ?? 1;
    this.ceilings = spec.limits.map((limit) => new Ceiling(limit, sim.now, share));
    this.ceilingsNow = this.ceilings;
    this.streamInterval = SECOND / spec.streamBytesPerSecond;
    this.device = new Station(sim, spec.queueDepth);
    this.outstandingUntil = sim.now;
  }

  /** `yield disk.read(8192)`: the running process goes on when it has the bytes. */
  read(bytes: number): undefined {
    this.sim.holdUntil(this.submit('read', bytes));
  }

  /** `yield disk.write(8192)`: a direct write, or the write-back of the system's cache. */
  write(bytes: number): undefined {
    this.sim.holdUntil(this.submit('write', bytes));
  }

  /** `yield disk.fsync(bytes)`: makes durable what was written to the system's cache before. */
  fsync(bytes: number = PAGE_BYTES): undefined {
    this.sim.holdUntil(this.submit('fsync', bytes));
  }

  /** A request that nobody need wait for; returns the instant at which it will be done. */
  submit(request: DiskRequest, bytes: number): Nanoseconds {
    const now = this.sim.now;
    this.count(request, bytes);
    const admitted = this.admit(bytes, now);
    const streamed = bytes > PAGE_BYTES ? (bytes - PAGE_BYTES) * this.streamInterval : 0;
    const latency = this.lawOf(request).draw(this.random) + streamed;
    const service = Math.round(latency * this.slowness);
    const done = this.device.occupy(service, admitted);
    this.waitTime += done - service - now;
    this.promised += service;
    this.promises.push(now, done, service);
    const from = Math.max(this.outstandingUntil, now);
    if (done > from) {
      this.outstandingTime += done - from;
      this.outstandingUntil = done;
    }
    return done;
  }

  /**
   * The disk is worse from now on, until the function returned is called. Factors of several
   * degradations multiply, of their laws the last one holds, limits come on top of its own.
   */
  degrade(how: DiskDegradation): () => void {
    if (!(how.factor > 0)) throw new Error('a disk is slowed by a factor that is positive');
    const limits = how.limits.map((limit) => new Ceiling(limit, this.sim.now, 1));
    const degraded: Degraded = { factor: how.factor, laws: {}, limits };
    for (const request of ['read', 'write', 'fsync'] as const) {
      const law = how[request];
      if (law) degraded.laws[request] = distributionOf(law);
    }
    this.setDegradations([...this.degradations, degraded]);
    return () => this.setDegradations(this.degradations.filter((each) => each !== degraded));
  }

  private setDegradations(degradations: Degraded[]): void {
    this.degradations = degradations;
    this.slowness = degradations.reduce((product, { factor }) => product * factor, 1);
    this.ceilingsNow = [...this.ceilings, ...degradations.flatMap(({ limits }) => limits)];
  }

  private lawOf(request: DiskRequest): Distribution {
    let law = this.laws[request];
    for (const { laws } of this.degradations) law = laws[request] ?? law;
    return law;
  }

  hasRoom(bytes: number): boolean {
    return this.fillers === 0 && this.usedBytes + bytes <= this.spec.sizeBytes;
  }

  /** Files grow by so many bytes; false, and nothing happens, if there is no room (ENOSPC). */
  allocate(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.usedBytes += bytes;
    return true;
  }

  /**
   * Something else takes all the room that there is, and what becomes free, until the function
   * returned is called.
   */
  fill(): () => void {
    this.fillers++;
    return () => {
      this.fillers--;
    };
  }

  /** Bytes that are not free: of files, and of whatever fills the disk. */
  get occupiedBytes(): number {
    return this.fillers > 0 ? this.spec.sizeBytes : this.usedBytes;
  }

  release(bytes: number): void {
    this.usedBytes = Math.max(0, this.usedBytes - bytes);
  }

  /** Nobody waits any more: the queue is empty, but credits that were spent stay spent. */
  powerOff(): void {
    this.promised -= this.promises.future(this.sim.now);
    this.promises.clear();
    this.device = new Station(this.sim, this.spec.queueDepth);
    this.outstandingTime -= Math.max(0, this.outstandingUntil - this.sim.now);
    this.outstandingUntil = this.sim.now;
    for (const ceiling of this.ceilings) ceiling.forgive(this.sim.now);
  }

  /** Credits left of a limit, as a share of its capacity, by the limit's name. */
  burstBalance(name: string): number {
    const at = this.spec.limits.findIndex((limit) => limit.name === name);
    if (at < 0) throw new Error(`the disk has no limit named ${name}`);
    const bucket = this.ceilings[at]!;
    return Math.max(0, bucket.balance(this.sim.now) / bucket.capacity);
  }

  /** Requests that are waiting or being worked on: iostat's `aqu-sz` at this instant. */
  get outstanding(): number {
    return this.promises.count(this.sim.now);
  }

  usage(): DiskUsage {
    const now = this.sim.now;
    return {
      at: now,
      reads: this.reads,
      writes: this.writes,
      fsyncs: this.fsyncs,
      bytesRead: this.bytesRead,
      bytesWritten: this.bytesWritten,
      busyTime: this.outstandingTime - Math.max(0, this.outstandingUntil - now),
      served: this.promised - this.promises.future(now),
      waitTime: this.waitTime,
      taken: this.ceilings.map((ceiling) => ceiling.taken),
      balances: this.ceilings.map((ceiling) => ceiling.balance(now)),
    };
  }

  /** Share of the time since an earlier usage with a request outstanding: iostat's `%util`. */
  busyShare(since: DiskUsage): number {
    const window = this.sim.now - since.at;
    return window > 0 ? (this.usage().busyTime - since.busyTime) / window : 0;
  }

  /**
   * Share that was used since then of what could have been used: of the tightest of the device's
   * parallel requests and all limits, credits included. At 1 the disk is the bottleneck.
   */
  utilization(since: DiskUsage): number {
    const window = this.sim.now - since.at;
    if (window <= 0) return 0;
    const served = this.usage().served - since.served;
    let highest = served / (window * this.spec.queueDepth);
    for (let i = 0; i < this.ceilings.length; i++) {
      const ceiling = this.ceilings[i]!;
      const balance = since.balances[i]!;
      const wanted = ceiling.taken - since.taken[i]! + Math.max(0, -balance); // old debt first
      const available = Math.max(0, balance) + (window / SECOND) * ceiling.perSecond;
      highest = Math.max(highest, wanted / available);
    }
    return Math.min(1, highest);
  }

  private count(request: DiskRequest, bytes: number): void {
    if (request === 'read') {
      this.reads++;
      this.bytesRead += bytes;
    } else {
      if (request === 'write') this.writes++;
      else this.fsyncs++;
      this.bytesWritten += bytes;
    }
  }

  /** The instant at which all limits let a request through; it takes its tokens there. */
  private admit(bytes: number, now: Nanoseconds): Nanoseconds {
    const { mergeBytes } = this.spec;
    const operations = bytes > mergeBytes ? Math.ceil(bytes / mergeBytes) : 1;
    let at = now;
    for (const ceiling of this.ceilingsNow) {
      at = ceiling.earliest(ceiling.counts === 'bytes' ? bytes : operations, at);
    }
    for (const ceiling of this.ceilingsNow) {
      const tokens = ceiling.counts === 'bytes' ? bytes : operations;
      ceiling.take(tokens, at);
      ceiling.taken += tokens;
    }
    return at;
  }
}
