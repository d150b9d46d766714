/** What each node of a plan has really done, as EXPLAIN (ANALYZE, BUFFERS) tells it. */
import type { Nanoseconds } from '../../kernel/index.ts';
import type { BufferUsage } from '../waits.ts';

export interface NodeUsage {
  loops: number;
  rows: number;
  /** Of the leader, without the nodes below it; and that of all its workers together. */
  time: Nanoseconds;
  workerTime: Nanoseconds;
  accesses: number;
  reads: number;
  /** From the beginning of the first loop to its first row, nodes below included; -1: no row. */
  startup: Nanoseconds;
  /** What a sort or a hash took, and pages of its temporary files. */
  memoryBytes: number;
  temporaryPages: number;
  batches: number;
  workersLaunched: number;
}

function nothing(): NodeUsage {
  return {
    loops: 0,
    rows: 0,
    time: 0,
    workerTime: 0,
    accesses: 0,
    reads: 0,
    startup: -1,
    memoryBytes: 0,
    temporaryPages: 0,
    batches: 0,
    workersLaunched: 0,
  };
}

/** The accounts of one process, of which one node at a time is running. */
export class Instrumentation {
  readonly nodes: NodeUsage[];
  private current = -1;
  private since: Nanoseconds = 0;
  private accesses = 0;
  private reads = 0;
  private readonly clock: () => Nanoseconds;
  private readonly buffers: BufferUsage;

  constructor(count: number, clock: () => Nanoseconds, buffers: BufferUsage) {
    this.nodes = Array.from({ length: count }, nothing);
    this.clock = clock;
    this.buffers = buffers;
  }

  /** Another node runs from now on; the one that ran before. */
  switchTo(node: number): number {
    const { buffers, current } = this;
    const now = this.clock();
    const usage = this.nodes[current];
    if (usage !== undefined) {
      usage.time += now - this.since;
      usage.accesses += buffers.accesses - this.accesses;
      usage.reads += buffers.reads - this.reads;
    }
    this.since = now;
    this.accesses = buffers.accesses;
    this.reads = buffers.reads;
    this.current = node;
    return current;
  }

  get now(): Nanoseconds {
    return this.clock();
  }

  /** What a worker has done is added to what its leader has. */
  add(other: Instrumentation): void {
    other.nodes.forEach((from, i) => {
      const to = this.nodes[i]!;
      to.loops += from.loops;
      to.rows += from.rows;
      to.workerTime += from.time;
      to.accesses += from.accesses;
      to.reads += from.reads;
      if (to.startup < 0) to.startup = from.startup;
    });
  }
}
