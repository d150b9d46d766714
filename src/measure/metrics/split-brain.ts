import { type Nanoseconds, toSeconds } from '../../kernel/time.ts';
import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import type { Observed, ObservedServer } from '../observed.ts';

const DEFINITIONS: readonly MetricDefinition[] = [
  {
    name: 'split_brain.duration',
    kind: 'number',
    unit: 'seconds',
    doc:
      'Time in which two or more servers of one cluster stood ready to accept writes: running ' +
      'as primary, neither they nor their host paused, whether or not a client could reach them.',
  },
  {
    name: 'split_brain.commits',
    kind: 'number',
    unit: 'count',
    doc: 'Commits that clients were told of during that time, on either side.',
  },
];

class SplitBrainMeter {
  private readonly run: Observed;
  private readonly ready: boolean[];
  private readonly readyIn: number[];
  private readonly clusterOfBranch: number[] = [];
  /** Clusters that have two primaries at the moment, and since when there is one. */
  private split = 0;
  private splitSince: Nanoseconds = 0;
  private duration: Nanoseconds = 0;
  private commits = 0;
  private counting = false;

  constructor(run: Observed) {
    this.run = run;
    this.ready = run.instances.map(() => false);
    this.readyIn = new Array<number>(Math.max(0, ...run.clusterOf) + 1).fill(0);
    const lookAtAll = () => {
      for (const { server } of run.instances) this.look(server);
    };
    lookAtAll();
    run.postgres.state.observe((_, server) => this.look(run.instances[server]!.server));
    run.faults.began.observe(lookAtAll);
    run.faults.ended.observe(lookAtAll);
    for (const { server } of run.instances) server.host.onReachabilityChange(lookAtAll);
  }

  restart(): void {
    this.duration = this.commits = 0;
    this.splitSince = this.run.clock.now;
  }

  report(sheet: MetricSheet): void {
    const current = this.split > 0 ? this.run.clock.now - this.splitSince : 0;
    sheet.put('split_brain.duration', toSeconds(this.duration + current));
    sheet.put('split_brain.commits', this.commits);
  }

  private look(server: ObservedServer): void {
    const ready = server.state === 'primary' && !server.group.frozen;
    if (ready === this.ready[server.index]) return;
    this.ready[server.index] = ready;
    const cluster = this.run.clusterOf[server.index]!;
    const before = this.readyIn[cluster]!;
    this.readyIn[cluster] = before + (ready ? 1 : -1);
    if (ready && before === 1) this.change(1);
    if (!ready && before === 2) this.change(-1);
  }

  private change(by: number): void {
    const { now } = this.run.clock;
    if (!this.counting) this.countCommits();
    if (this.split > 0) this.duration += now - this.splitSince;
    this.splitSince = now;
    this.split += by;
  }

  /** From the first split on; before it there is nothing to count, and commits are many. */
  private countCommits(): void {
    this.counting = true;
    this.run.workload.commitAcknowledged.observe((_, __, branch) => {
      if (this.split > 0 && this.readyIn[this.clusterOf(branch)]! > 1) this.commits++;
    });
  }

  /** That of the server that began the branch, which is named by it. */
  private clusterOf(branch: number): number {
    const known = this.clusterOfBranch[branch];
    if (known !== undefined) return known;
    const { server: name } = this.run.branches[branch]!;
    const server = this.run.instances.findIndex((instance) => instance.server.name === name);
    const cluster = this.run.clusterOf[server] ?? 0;
    this.clusterOfBranch[branch] = cluster;
    return cluster;
  }
}

/** Two primaries at once. */
export const splitBrainFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => new SplitBrainMeter(run),
};
