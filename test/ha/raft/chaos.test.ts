import { expect, test } from 'vitest';
import { type Entry, type NodeId, RaftCluster } from '../../../src/ha/raft/index.ts';
import { MILLISECOND, type Process, Random, SECOND } from '../../../src/kernel/index.ts';

/**
 * Random clusters under loss, reordering, partitions and crashes, checked against the five
 * guarantees of the paper's figure 3. After the storm everything heals and must make progress.
 */
interface Tally {
  terms: number;
  committed: number;
  reads: number;
  crashes: number;
  overwritten: number;
}

class Storm {
  readonly tally: Tally = { terms: 0, committed: 0, reads: 0, crashes: 0, overwritten: 0 };
  private readonly random: Random;
  private readonly nodes: number;
  private readonly cluster: RaftCluster<number>;
  private readonly leaders = new Map<number, NodeId>();
  private readonly agreed: Entry<number>[] = [];
  private readonly applied: number[];
  private readonly committedBy: number[]; // highest commit seen when a read was asked for
  private stormy = true;
  private loss = 0;

  constructor(seed: number) {
    this.random = new Random(`storm/${seed}`);
    this.nodes = [3, 3, 5, 5, 7][this.random.integer(0, 4)]!;
    this.loss = [0, 0.02, 0.2][this.random.integer(0, 2)]!;
    this.applied = new Array<number>(this.nodes + 1).fill(0);
    this.committedBy = [0];
    const slow = this.random.integer(1, 150);
    this.cluster = new RaftCluster<number>(
      {
        seed,
        nodes: this.nodes,
        preVote: this.random.chance(0.7),
        checkQuorum: this.random.chance(0.7),
        electionTicks: 10,
        delay: () => {
          if (this.stormy && this.random.chance(this.loss)) return -1;
          return this.random.integer(0, slow) * MILLISECOND;
        },
        fsync: () => this.random.integer(0, 30) * MILLISECOND,
      },
      {
        ready: (node, ready) => {
          if (ready.softState?.role === 'leader') this.lead(node);
          for (const { context, index } of ready.readStates) {
            this.tally.reads++;
            expect(
              index,
              'a read index is not below what was committed when it was asked',
            ).toBeGreaterThanOrEqual(this.committedBy[context]!);
          }
        },
        committed: (node, entry) => this.commit(node, entry),
      },
    );
  }

  /** Election safety: at most one leader in a term. Leader completeness: it has all committed. */
  private lead(node: NodeId): void {
    const { view } = this.cluster.node(node).host.raft;
    expect(this.leaders.get(view.term) ?? node, `term ${view.term} has one leader`).toBe(node);
    this.leaders.set(view.term, node);
    const missing = this.agreed.filter((entry) => view.log.termAt(entry.index) !== entry.term);
    expect(missing, 'a leader has every committed entry').toEqual([]);
  }

  /** State machine safety: nobody applies another entry at an index, and none is left out. */
  private commit(node: NodeId, entry: Entry<number>): void {
    const { view } = this.cluster.node(node).host.raft;
    if (entry.index !== this.applied[node]! + 1) expect(entry.index).toBe(this.applied[node]! + 1);
    this.applied[node] = entry.index;
    const known = this.agreed[entry.index - 1];
    if (!known) this.agreed.push(entry);
    else if (entry !== known) expect(entry, `${entry.index} is the same everywhere`).toEqual(known);
    expect(view.log.committed).toBeGreaterThanOrEqual(entry.index);
  }

  /** Log matching: logs that agree on a term at an index agree on everything before it. */
  private matchLogs(): void {
    const logs = this.cluster.nodes.map(({ host }) => host.raft.view.log.from(1));
    for (const [i, a] of logs.entries()) {
      for (const b of logs.slice(i + 1)) {
        const shorter = Math.min(a.length, b.length);
        let common = shorter;
        while (common > 0 && a[common - 1]!.term !== b[common - 1]!.term) common--;
        for (let k = 0; k < common; k++) if (a[k] !== b[k]) expect(a[k]).toEqual(b[k]);
        if (common < shorter) this.tally.overwritten++;
      }
    }
  }

  private *nemesis(): Process {
    const { random, cluster } = this;
    for (let step = 1; ; step++) {
      yield cluster.sim.hold(random.integer(1, 400) * MILLISECOND);
      if (!this.stormy) return;
      const node = random.integer(1, this.nodes);
      const up = cluster.node(node).isUp;
      const dice = random.integer(1, 20);
      if (dice <= 9) cluster.propose(node, step);
      else if (dice <= 12) this.read(node);
      else if (dice <= 14) cluster.isolate(node);
      else if (dice <= 15) cluster.cut(node, random.integer(1, this.nodes));
      else if (dice <= 17) cluster.heal();
      else if (up) this.crash(node);
      else cluster.restart(node);
      this.matchLogs();
    }
  }

  private read(node: NodeId): void {
    this.committedBy.push(this.agreed.length);
    this.cluster.readIndex(node, this.committedBy.length - 1);
  }

  private crash(node: NodeId): void {
    this.tally.crashes++;
    this.cluster.crash(node);
    this.applied[node] = 0;
  }

  run(): Tally {
    const { cluster } = this;
    cluster.sim.spawn(this.nemesis());
    cluster.run(40 * SECOND);
    this.stormy = false;
    cluster.heal();
    for (const node of cluster.nodes) if (!node.isUp) node.start();
    cluster.run(60 * SECOND);
    const before = this.agreed.length;
    expect(cluster.leader, 'a leader after the storm').not.toBe(0);
    cluster.propose(cluster.leader, -1);
    cluster.run(63 * SECOND);
    expect(this.agreed.length, 'progress after the storm').toBeGreaterThan(before);
    for (let node = 1; node <= this.nodes; node++) {
      expect(this.applied[node], 'all state machines are equal').toBe(this.agreed.length);
    }
    this.tally.terms = this.leaders.size;
    this.tally.committed = this.agreed.length;
    return this.tally;
  }
}

test('the guarantees of figure 3 hold in 150 storms, and progress returns after each', () => {
  const total: Tally = { terms: 0, committed: 0, reads: 0, crashes: 0, overwritten: 0 };
  for (let seed = 1; seed <= 150; seed++) {
    const tally = new Storm(seed).run();
    for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
  }
  // The storms were storms: there were many terms, crashes, conflicting logs and reads.
  expect(total.terms).toBeGreaterThan(450);
  expect(total.committed).toBeGreaterThan(3000);
  expect(total.reads).toBeGreaterThan(500);
  expect(total.crashes).toBeGreaterThan(500);
  expect(total.overwritten).toBeGreaterThan(50);
});

test('a run is determined by its seed', () => {
  expect(new Storm(7).run()).toEqual(new Storm(7).run());
});
