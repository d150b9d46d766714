/**
 * Parallel workers (nodeGather.c, execParallel.c, tableam.c: table_block_parallelscan_nextpage).
 * A leader asks for workers as its plan does, gets as many as max_parallel_workers and
 * max_worker_processes leave, does its own share and takes in what they send. All run the plan
 * below and share its parallel scans, whose pages go to who asks next, in chunks.
 *
 * Left out: tuple queues of 64 kB that fill up; Parallel Hash's shared table is one for each
 * process; the order of Gather Merge, and a LIMIT's end reaches workers with their next row.
 */
import { type Process, Signal } from '../../kernel/index.ts';
import type { PostgresSettings } from '../settings.ts';
import { CPU, EXECUTE_GATHER, WaitTimes } from '../waits.ts';
import { PlanRunner, type Running, type Sink } from './plan-runner.ts';
import type { GatherNode } from './plan-work.ts';
import { Store } from './store.ts';

/** PARALLEL_SEQSCAN_NCHUNKS and PARALLEL_SEQSCAN_MAX_CHUNK_SIZE. */
const CHUNKS = 2048;
const MOST_PAGES = 8192;

/** What one process of a parallel plan shares with the others: how far each scan has come. */
export class SharedScans {
  /** 0: the leader. */
  readonly participant: number;
  readonly participants: number;
  private readonly next: Map<number, number>;

  constructor(participant: number, participants: number, next = new Map<number, number>()) {
    this.participant = participant;
    this.participants = participants;
    this.next = next;
  }

  forWorker(participant: number): SharedScans {
    return new SharedScans(participant, this.participants, this.next);
  }

  /** The next blocks of a scan of so many pages, from one up to another; null: it is over. */
  blocksOf(node: number, pages: number): () => readonly [number, number] | null {
    let chunk = 1;
    while (chunk < Math.min(pages / CHUNKS, MOST_PAGES)) chunk *= 2;
    return () => {
      const from = this.next.get(node) ?? 0;
      if (from >= pages) return null;
      const to = Math.min(pages, from + chunk);
      this.next.set(node, to);
      return [from, to];
    };
  }
}

export function runGather(run: PlanRunner, node: GatherNode, sink: Sink): Running {
  return new Gather(run, node, sink).run();
}

class Gather {
  private readonly leader: PlanRunner;
  private readonly node: GatherNode;
  private readonly sink: Sink;
  private readonly sent: Signal;
  /** Rows that workers have sent and the leader has not taken yet. */
  private queue: Store;
  private taken = 0;
  private running = 0;
  private isWanted = true;

  constructor(leader: PlanRunner, node: GatherNode, sink: Sink) {
    this.leader = leader;
    this.node = node;
    this.sink = sink;
    this.sent = new Signal(leader.server.context.sim);
    this.queue = new Store(leader.slots, node.named);
  }

  *run(): Running {
    const { leader, node } = this;
    const { server } = leader;
    const workers = server.parallel.take(node.workers);
    const usage = leader.usage?.nodes[node.number];
    if (usage) usage.workersLaunched = workers;
    const shared = new SharedScans(0, workers + 1);
    for (let i = 1; i <= workers; i++) {
      this.running++;
      server.host.spawn(this.worker(shared.forWorker(i)), server.group);
    }
    try {
      const participates = server.settings['parallel_leader_participation'] !== false;
      if (participates || workers === 0) yield* this.ownShare(shared);
      while (this.running > 0 || this.taken < this.queue.count) {
        if (!(yield* this.drain()) || this.running === 0) continue;
        leader.wait.now(EXECUTE_GATHER);
        yield this.sent.wait();
        leader.wait.now(CPU);
      }
    } finally {
      this.isWanted = false;
    }
    return !leader.isOver && this.wasWanted;
  }

  private wasWanted = true;

  /** The leader runs the plan as well, with an eye on what has come. */
  private *ownShare(shared: SharedScans): Generator<undefined, void> {
    const { leader, node } = this;
    const own = leader.sharing(shared);
    const gather = this;
    yield* own.run(node.below, function* (rows) {
      leader.slots.set(own.slots);
      if (gather.isWanted) gather.want(yield* gather.sink(rows));
      if (gather.isWanted) yield* gather.drain();
      return gather.isWanted;
    });
    leader.error ??= own.error;
    leader.partitions = Math.max(leader.partitions, own.partitions);
  }

  /** Takes what has come; true once there is nothing more. */
  private *drain(): Running {
    const { leader, queue } = this;
    const rows = queue.count - this.taken;
    if (rows === 0) return true;
    leader.owe('sent', rows);
    const first = this.taken;
    this.taken = queue.count;
    yield* leader.pay();
    if (!this.isWanted) return true;
    if (!queue.isNamed) this.want(yield* this.sink(rows));
    for (let place = first; queue.isNamed && place < first + rows && this.isWanted; place++) {
      queue.restore(place);
      this.want(yield* this.sink(1));
    }
    return this.taken === queue.count;
  }

  private want(isWanted: boolean): void {
    if (isWanted) return;
    this.isWanted = false;
    this.wasWanted = false;
  }

  private *worker(shared: SharedScans): Process {
    const { leader, node, queue } = this;
    const { server } = leader;
    const wait = new WaitTimes(server.context.sim).enter(CPU);
    try {
      yield server.host.cpu.serve(server.costs.furtherRow('worker'), server.group);
      const gather = this;
      const transaction = {
        critical: false,
        pinned: -1,
        endCritical: () => {},
        get cancellation() {
          return leader.transaction.cancellation;
        },
      };
      const { memory } = leader.host;
      const lockTable = leader.host.lockTable.bind(leader.host);
      const change = leader.host.change.bind(leader.host);
      const host = { server, wait, transaction, memory, lockTable, change };
      const own = new PlanRunner(host, leader.plan, true, leader.usage !== null, shared);
      own.slots.set(leader.slots);
      yield* own.run(node.below, function* (rows) {
        const mine = leader.slots.slice();
        leader.slots.set(own.slots);
        queue.put(rows);
        leader.slots.set(mine);
        gather.sent.fire();
        return gather.isWanted;
      });
      yield* own.pay(1);
      this.settle(own);
    } finally {
      this.running--;
      server.parallel.release();
      this.sent.fire();
    }
  }

  private settle(own: PlanRunner): void {
    const { leader } = this;
    leader.error ??= own.error;
    leader.partitions = Math.max(leader.partitions, own.partitions);
    own.dropFiles();
    if (own.usage) leader.usage?.add(own.usage);
    leader.ofWorkers.accesses += own.wait.buffers.accesses;
    leader.ofWorkers.reads += own.wait.buffers.reads;
  }
}

/** The workers that a server may run at a time (max_parallel_workers, max_worker_processes). */
export class ParallelWorkers {
  private active = 0;
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  /** As many as there are, up to so many. */
  take(wanted: number): number {
    const granted = Math.max(0, Math.min(wanted, this.most - this.active));
    this.active += granted;
    return granted;
  }

  release(): void {
    this.active--;
  }
}

/** max_parallel_workers of those that max_worker_processes leaves. */
export function workersOf(settings: PostgresSettings): number {
  const most = Number(settings['max_parallel_workers'] ?? settings.max_worker_processes);
  return Math.min(most, settings.max_worker_processes);
}
