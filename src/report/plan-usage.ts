/** What EXPLAIN (ANALYZE, BUFFERS) adds to a plan (explain.c: show_buffer_usage), of version 18. */
import type { NodeUsage } from '../postgres/plan/node-usage.ts';
import { nodesOf, type PlanNode } from '../workload/planner/plan.ts';

const MILLISECONDS = 1e-6;

export class ActualUsage {
  private readonly usage: ReadonlyMap<PlanNode, NodeUsage>;
  /** Nodes that workers run too. */
  private readonly shared: ReadonlySet<PlanNode>;

  /** Of each node in the order of EXPLAIN. */
  constructor(plan: PlanNode, usage: readonly NodeUsage[]) {
    const nodes = nodesOf(plan);
    this.usage = new Map(nodes.map((node, i) => [node, usage[i]!]));
    const gathers = nodes.filter((node) => node['Node Type'].startsWith('Gather'));
    this.shared = new Set(gathers.flatMap((node) => nodesOf(node).slice(1)));
  }

  /** Times and rows are means of the loops; times with the nodes below. */
  timesOf(node: PlanNode): string {
    const own = this.usage.get(node)!;
    if (own.loops === 0) return ' (never executed)';
    const total = this.sumOf(node, (each) => this.timeOf(node, each)) / own.loops;
    const startup = own.startup < 0 ? total : Math.min(own.startup, total);
    const milliseconds = (time: number) => (time * MILLISECONDS).toFixed(3);
    const times = `${milliseconds(startup)}..${milliseconds(total)}`;
    const rows = (own.rows / own.loops).toFixed(2);
    return ` (actual time=${times} rows=${rows} loops=${own.loops})`;
  }

  /** Buffers, and what a sort, a hash or a Gather tells. */
  linesOf(node: PlanNode): string[] {
    const own = this.usage.get(node)!;
    if (own.loops === 0) return [];
    const reads = this.sumOf(node, (each) => each.reads);
    const hits = this.sumOf(node, (each) => each.accesses) - reads;
    const temporary = this.sumOf(node, (each) => each.temporaryPages);
    const shared = [hits > 0 ? `hit=${hits}` : '', reads > 0 ? `read=${reads}` : ''];
    const parts = [
      hits + reads > 0 ? `shared ${shared.filter(Boolean).join(' ')}` : '',
      temporary > 0 ? `temp read=${temporary} written=${temporary}` : '',
    ].filter(Boolean);
    const memory = Math.ceil(own.memoryBytes / 1024);
    return [
      ...(own.workersLaunched > 0 ? [`Workers Launched: ${own.workersLaunched}`] : []),
      ...(own.batches > 1 ? [`Batches: ${own.batches}`] : []),
      ...(memory > 0 ? [`Memory: ${memory}kB`] : []),
      ...(parts.length > 0 ? [`Buffers: ${parts.join(', ')}`] : []),
    ];
  }

  private timeOf(of: PlanNode, each: NodeUsage): number {
    return this.shared.has(of) ? each.time + each.workerTime : each.time;
  }

  private sumOf(node: PlanNode, what: (usage: NodeUsage) => number): number {
    return nodesOf(node).reduce((sum, each) => sum + what(this.usage.get(each)!), 0);
  }
}
