import { MILLISECOND, type Nanoseconds, Simulation } from '../../kernel/index.ts';
import { type Entry, type Message, NONE, type NodeId } from './messages.ts';
import { type NodePorts, RaftNode } from './node.ts';
import type { Ready } from './raft.ts';
import type { Persisted } from './state.ts';

/** How a cluster of raft nodes is set up; all instants and durations in nanoseconds. */
export interface ClusterOptions<Data> {
  readonly seed: string | number;
  readonly nodes: number;
  readonly electionTicks?: number;
  readonly heartbeatTicks?: number;
  readonly preVote?: boolean;
  readonly checkQuorum?: boolean;
  readonly keepTimerOnHigherTerm?: boolean;
  readonly tickInterval?: Nanoseconds;
  /** When each node ticks first; drawn from (0, tick interval] if not given. */
  readonly phase?: (node: NodeId) => Nanoseconds;
  /** How long each message travels; negative: it is lost. */
  readonly delay: (message: Message<Data>) => Nanoseconds;
  readonly fsync: (node: NodeId) => Nanoseconds;
  /** Election timeouts; drawn from the seed if not given. */
  readonly draw?: (node: NodeId, low: number, high: number) => number;
  /** What is on each disk at the start; nothing if not given. */
  readonly persisted?: (node: NodeId) => Persisted<Data>;
}

/** Sees what happens in a cluster. */
export interface ClusterObserver<Data> {
  sent?(message: Message<Data>, arrival: Nanoseconds | null): void;
  ready?(node: NodeId, ready: Ready<Data>): void;
  committed?(node: NodeId, entry: Entry<Data>): void;
  dropped?(node: NodeId, data: Data): void;
}

/**
 * A cluster of raft nodes with nothing above it, for tests, transcripts and benchmarks: nodes are
 * numbered from 1, links can be cut, nodes crash and start again.
 */
export class RaftCluster<Data> {
  readonly sim: Simulation;
  readonly nodes: readonly RaftNode<Data>[];
  private readonly options: ClusterOptions<Data>;
  private readonly observer: ClusterObserver<Data>;
  private readonly cutLinks = new Set<string>();

  constructor(options: ClusterOptions<Data>, observer: ClusterObserver<Data> = {}) {
    this.sim = new Simulation(options.seed);
    this.options = options;
    this.observer = observer;
    const ids = Array.from({ length: options.nodes }, (_, i) => i + 1);
    this.nodes = ids.map((id) => this.build(id, ids));
    for (const node of this.nodes) node.start();
  }

  private build(id: NodeId, voters: readonly NodeId[]): RaftNode<Data> {
    const { options, sim } = this;
    const random = sim.random(`raft/${id}`);
    const tickInterval = options.tickInterval ?? 100 * MILLISECOND;
    const draw = options.draw;
    const config = {
      id,
      voters,
      electionTicks: options.electionTicks ?? 10,
      heartbeatTicks: options.heartbeatTicks ?? 1,
      preVote: options.preVote ?? true,
      checkQuorum: options.checkQuorum ?? true,
      keepTimerOnHigherTerm: options.keepTimerOnHigherTerm ?? false,
      draw: (low: number, high: number) => (draw ? draw(id, low, high) : random.integer(low, high)),
    };
    const phase = options.phase ? options.phase(id) : random.integer(1, tickInterval);
    const persisted = options.persisted?.(id) ?? null;
    return new RaftNode(sim, config, tickInterval, phase, this.portsOf(id), persisted);
  }

  private portsOf(id: NodeId): NodePorts<Data> {
    const { options, observer, sim } = this;
    return {
      send: (message) => this.send(message),
      fsync: () => sim.hold(options.fsync(id)),
      handle: (ready) => {
        observer.ready?.(id, ready);
        if (observer.committed) for (const entry of ready.committed) observer.committed(id, entry);
      },
      dropped: (data) => observer.dropped?.(id, data),
    };
  }

  node(id: NodeId): RaftNode<Data> {
    return this.nodes[id - 1]!;
  }

  run(until: Nanoseconds): void {
    this.sim.run(until);
  }

  propose(node: NodeId, data: Data): void {
    this.node(node).deliver({ kind: 'propose', data });
  }

  readIndex(node: NodeId, context: number): void {
    this.node(node).deliver({ kind: 'read', context });
  }

  crash(node: NodeId): void {
    this.node(node).crash();
  }

  restart(node: NodeId): void {
    this.node(node).start();
  }

  /** Messages sent from one node to the other are lost from now on. */
  cut(from: NodeId, to: NodeId): void {
    this.cutLinks.add(`${from} ${to}`);
  }

  /** Cuts a node off from all others, both ways. */
  isolate(node: NodeId): void {
    for (const { host } of this.nodes) {
      if (host.config.id === node) continue;
      this.cut(node, host.config.id);
      this.cut(host.config.id, node);
    }
  }

  heal(): void {
    this.cutLinks.clear();
  }

  /** The running leader of the highest term, if there is one. */
  get leader(): NodeId {
    let leader = NONE;
    let term = 0;
    for (const { host, isUp } of this.nodes) {
      const { view } = host.raft;
      if (isUp && view.role === 'leader' && view.term > term) {
        term = view.term;
        leader = view.id;
      }
    }
    return leader;
  }

  private isCut(message: Message<Data>): boolean {
    return this.cutLinks.size > 0 && this.cutLinks.has(`${message.from} ${message.to}`);
  }

  private send(message: Message<Data>): void {
    const delay = this.options.delay(message);
    const lost = delay < 0 || this.isCut(message);
    this.observer.sent?.(message, lost ? null : this.sim.now + delay);
    if (lost) return;
    this.node(message.to).deliver({ kind: 'message', message }, this.sim.now + delay);
  }
}
