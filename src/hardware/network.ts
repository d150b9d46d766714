/**
 * The network between hosts: every ordered pair of hosts has a path with a one-way delay, a loss
 * rate and a bandwidth, and may be closed by partitions and cuts. What a path carries is the
 * business of `tcp.ts` (streams) and `service.ts` (requests).
 *
 * Kept: delays as distributions by zone and region, serialisation at the sender's network card and
 * at the path's own bandwidth, loss, one-way closures that also drop what is on the way, faults
 * that make a path slower or lossier. A paused machine is as unreachable as one without power.
 * Left out: routers, shared links between zones, congestion windows.
 */
import {
  constant,
  type Distribution,
  type Nanoseconds,
  type Random,
  SECOND,
  type Simulation,
} from '../kernel/index.ts';
import type { Host } from './host.ts';

/** What the network is like between two hosts, in one direction. */
export interface PathConditions {
  /** The time from the sender's network card to the receiver's. */
  readonly delay: Distribution;
  /** The probability that a packet is lost. */
  readonly loss: number;
  /** Infinite where only the network cards limit. */
  readonly bitsPerSecond: number;
}

/** What a fault does to a path on top of its own conditions; several of them add up. */
export interface Degradation {
  /** Added to the delay of each packet. */
  readonly delay: Distribution | null;
  /** The path's own delay, multiplied. */
  readonly factor: number;
  /** A further chance to be lost, independent of the others. */
  readonly loss: number;
  /** A further bottleneck; null: none. */
  readonly bitsPerSecond: number | null;
}

/** Something that a path carries and that must hear when the path closes. */
export interface Traffic {
  pathClosed(): void;
}

const UNLIMITED = Number.POSITIVE_INFINITY;

/** A host talks to itself through the loopback interface, or a Unix socket. */
function loopback(host: Host): PathConditions {
  return { delay: constant(host.loopbackDelay), loss: 0, bitsPerSecond: UNLIMITED };
}

/** Something that transmits one bit after the other: a network card, a limited path. */
class Line {
  private readonly nanosecondsPerByte: number;
  private freeAt: Nanoseconds = 0;

  constructor(bitsPerSecond: number) {
    this.nanosecondsPerByte = (8 * SECOND) / bitsPerSecond;
  }

  /** The instant at which a message has left that wants to leave at the given one. */
  transmit(bytes: number, instant: Nanoseconds): Nanoseconds {
    const start = this.freeAt > instant ? this.freeAt : instant;
    this.freeAt = start + Math.round(bytes * this.nanosecondsPerByte);
    return this.freeAt;
  }
}

/** One direction between two hosts. */
export class Path {
  readonly from: Host;
  readonly to: Host;
  readonly random: Random;
  readonly traffic = new Set<Traffic>();
  /** Whether a packet that leaves now gets there. */
  open = true;
  /** Whether messages leave at once and none is lost: nothing depends on when they are sent. */
  isFree = false;
  private isLossless = true;
  private degradations: { readonly how: Degradation; readonly line: Line | null }[] = [];
  private readonly conditions: PathConditions;
  private readonly sim: Simulation;
  private readonly card: Line;
  private readonly line: Line | null;
  private barriers = 0;
  private closedAt: Nanoseconds = -1;

  constructor(sim: Simulation, from: Host, to: Host, card: Line, conditions: PathConditions) {
    this.sim = sim;
    this.from = from;
    this.to = to;
    this.card = card;
    this.conditions = conditions;
    this.line = Number.isFinite(conditions.bitsPerSecond)
      ? new Line(conditions.bitsPerSecond)
      : null;
    this.random = sim.random(`network/${from.name}>${to.name}`);
    this.refresh();
  }

  /** Something has changed about the path or its receiver. */
  refresh(): void {
    const { degradations } = this;
    this.open = this.barriers === 0 && this.to.state === 'up';
    this.isLossless = this.conditions.loss <= 0 && degradations.every(({ how }) => how.loss <= 0);
    const unlimited = !this.line && this.from.nicBitsPerSecond === UNLIMITED;
    this.isFree = this.open && this.isLossless && unlimited && degradations.length === 0;
  }

  /** Whether a packet that left at the given instant has not been dropped on its way. */
  openSince(instant: Nanoseconds): boolean {
    return this.open && this.closedAt < instant;
  }

  /** The time that a packet takes, from leaving the network card to arrival. */
  draw(): Nanoseconds {
    const delay = this.conditions.delay.draw(this.random);
    return this.degradations.length === 0 ? delay : this.degraded(delay);
  }

  get meanDelay(): Nanoseconds {
    let mean = this.conditions.delay.mean;
    for (const { how } of this.degradations) mean = mean * how.factor + (how.delay?.mean ?? 0);
    return mean;
  }

  /** Whether a packet is lost. Draws nothing where nothing can be lost. */
  loses(): boolean {
    if (this.isLossless) return false;
    if (this.random.chance(this.conditions.loss)) return true;
    for (const { how } of this.degradations) if (this.random.chance(how.loss)) return true;
    return false;
  }

  /** The instant at which a message sent now has left: behind what was sent before it. */
  leave(bytes: number): Nanoseconds {
    let leaves = this.from === this.to ? this.sim.now : this.card.transmit(bytes, this.sim.now);
    if (this.line) leaves = this.line.transmit(bytes, leaves);
    for (const { line } of this.degradations) if (line) leaves = line.transmit(bytes, leaves);
    return leaves;
  }

  /** The path is worse from now on, until the function returned is called. */
  degrade(how: Degradation): () => void {
    const line = how.bitsPerSecond === null ? null : new Line(how.bitsPerSecond);
    const degradation = { how, line };
    this.degradations.push(degradation);
    this.refresh();
    return () => {
      this.degradations = this.degradations.filter((each) => each !== degradation);
      this.refresh();
    };
  }

  private degraded(delay: Nanoseconds): Nanoseconds {
    let total = delay;
    for (const { how } of this.degradations) {
      total = total * how.factor + (how.delay?.draw(this.random) ?? 0);
    }
    return Math.round(total);
  }

  /** One more partition or cut lies across the path. */
  close(): void {
    this.barriers++;
    this.refresh();
    if (this.barriers === 1) this.receiverLost();
  }

  /** One less. */
  reopen(): void {
    this.barriers--;
    this.refresh();
  }

  /** The receiving host does not answer any more, or the path has been closed. */
  receiverLost(): void {
    this.closedAt = this.sim.now;
    for (const traffic of [...this.traffic]) traffic.pathClosed();
  }
}

/** All hosts and the paths between them. */
export class Network {
  readonly sim: Simulation;
  readonly hosts: readonly Host[];
  private readonly conditions: (from: Host, to: Host) => PathConditions;
  private readonly cards: readonly Line[];
  private readonly paths: (Path | undefined)[] = [];

  /** `conditions` tells what the network is like between two different hosts. */
  constructor(
    sim: Simulation,
    hosts: readonly Host[],
    conditions: (from: Host, to: Host) => PathConditions,
  ) {
    this.sim = sim;
    this.hosts = hosts;
    this.conditions = conditions;
    this.cards = hosts.map((host) => new Line(host.nicBitsPerSecond));
    for (const host of hosts) {
      host.onReachabilityChange((reachable) => this.hostChanged(host, reachable));
    }
  }

  path(from: Host, to: Host): Path {
    const key = from.index * this.hosts.length + to.index;
    let path = this.paths[key];
    if (!path) {
      const conditions = from === to ? loopback(from) : this.conditions(from, to);
      path = new Path(this.sim, from, to, this.cards[from.index]!, conditions);
      this.paths[key] = path;
    }
    return path;
  }

  /** Every path from one of these hosts to one of those. */
  pathsBetween(senders: readonly Host[], receivers: readonly Host[]): Path[] {
    return senders.flatMap((from) =>
      receivers.filter((to) => to !== from).map((to) => this.path(from, to)),
    );
  }

  private hostChanged(host: Host, reachable: boolean): void {
    const paths = this.hosts.map(({ index }) => this.paths[index * this.hosts.length + host.index]);
    for (const path of paths) path?.refresh();
    if (!reachable) for (const path of paths) path?.receiverLost();
  }
}
