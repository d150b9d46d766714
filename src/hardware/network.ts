/**
 * The network between hosts: every ordered pair of hosts has a path with a one-way delay, a loss
 * rate and a bandwidth, and may be closed by partitions and cuts. What a path carries is the
 * business of `tcp.ts` (streams) and `service.ts` (requests).
 *
 * Kept: delays as distributions by zone and region, serialisation at the sender's network card and
 * at the path's own bandwidth, loss, one-way closures that also drop what is on the way.
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

/** Something that a path carries and that must hear when the path closes and opens. */
export interface Traffic {
  pathClosed(): void;
  pathOpened(): void;
}

/** A host talks to itself through the loopback interface: 20 to 50 us for a round trip. */
const LOOPBACK: PathConditions = {
  delay: constant(15_000),
  loss: 0,
  bitsPerSecond: Number.POSITIVE_INFINITY,
};

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
  /** Further delay and loss while a fault slows the network. */
  extra: PathConditions | null = null;
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
  }

  /** Whether a packet that leaves now gets there. */
  get open(): boolean {
    return this.barriers === 0 && this.to.state === 'up';
  }

  /** Whether a packet that left at the given instant has not been dropped on its way. */
  openSince(instant: Nanoseconds): boolean {
    return this.open && this.closedAt < instant;
  }

  /** The time that a packet takes, from leaving the network card to arrival. */
  draw(): Nanoseconds {
    const delay = this.conditions.delay.draw(this.random);
    return this.extra ? delay + this.extra.delay.draw(this.random) : delay;
  }

  get meanDelay(): Nanoseconds {
    return this.conditions.delay.mean + (this.extra?.delay.mean ?? 0);
  }

  /** Whether a packet is lost. Draws nothing where nothing can be lost. */
  loses(): boolean {
    const loss = this.conditions.loss + (this.extra?.loss ?? 0);
    return this.random.chance(loss);
  }

  /** The instant at which a message sent now has left: behind what was sent before it. */
  leave(bytes: number): Nanoseconds {
    const leaves = this.from === this.to ? this.sim.now : this.card.transmit(bytes, this.sim.now);
    return this.line ? this.line.transmit(bytes, leaves) : leaves;
  }

  /** One more partition or cut lies across the path. */
  close(): void {
    this.barriers++;
    if (this.barriers === 1) this.receiverLost();
  }

  /** One less. */
  reopen(): void {
    this.barriers--;
    if (this.open) this.receiverBack();
  }

  /** The receiving host does not answer any more, or the path has been closed. */
  receiverLost(): void {
    this.closedAt = this.sim.now;
    for (const traffic of [...this.traffic]) traffic.pathClosed();
  }

  receiverBack(): void {
    if (this.open) for (const traffic of [...this.traffic]) traffic.pathOpened();
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
      const conditions = from === to ? LOOPBACK : this.conditions(from, to);
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
    for (const other of this.hosts) {
      const path = this.paths[other.index * this.hosts.length + host.index];
      if (!path) continue;
      if (reachable) path.receiverBack();
      else path.receiverLost();
    }
  }
}
