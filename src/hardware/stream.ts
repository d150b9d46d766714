/**
 * One direction of a TCP connection. As long as all goes well a message is one letter in the
 * receiver's inbox and nothing else. When a packet is lost, by chance or because a path is closed,
 * it and all behind it wait for the retransmission timer, which is a process of its own that lives
 * until everything has got through or the kernel gives up.
 *
 * Source: Linux net/ipv4/tcp_timer.c: tcp_retransmit_timer, tcp_write_timeout, tcp_keepalive_timer.
 */
import {
  MILLISECOND,
  type Nanoseconds,
  NEVER,
  type Process,
  SECOND,
  type Simulation,
} from '../kernel/index.ts';
import type { Network, Path, Traffic } from './network.ts';
import type { Ending, Endpoint, Packet } from './tcp.ts';

const RTO_MIN = 200 * MILLISECOND;
const RTO_MAX = 120 * SECOND;
const RETRIES = 15; // net.ipv4.tcp_retries2

/** A packet as a stream handles it. */
type Moving<M> = { -readonly [Field in keyof Packet<M>]: Packet<M>[Field] };

export class Stream<M> implements Traffic {
  private readonly sim: Simulation;
  private readonly path: Path;
  private readonly reverse: Path;
  private readonly sender: Endpoint<M>;
  private readonly receiver: Endpoint<M>;
  private lastLeft: Nanoseconds = 0;
  private lastArrival: Nanoseconds;
  /** What waits for a retransmission: the first is lost, the others are behind it. */
  private backlog: Packet<M>[] = [];
  /** The retransmission timer runs: something sent is not acknowledged. */
  private stalled = false;
  /** The first unacknowledged packet has arrived; its acknowledgements do not come back. */
  private firstArrived = false;
  private probing = false;
  private over = false;

  constructor(network: Network, sender: Endpoint<M>, receiver: Endpoint<M>) {
    this.sim = network.sim;
    this.path = network.path(sender.host, receiver.host);
    this.reverse = network.path(receiver.host, sender.host);
    this.sender = sender;
    this.receiver = receiver;
    this.lastArrival = network.sim.now;
    this.path.traffic.add(this);
    this.reverse.traffic.add(this);
  }

  get now(): Nanoseconds {
    return this.sim.now;
  }

  send(message: M | null, ending: Ending | null, bytes: number): void {
    const { path } = this;
    const leaves = path.leave(bytes);
    const packet: Packet<M> = {
      endpoint: this.receiver,
      message,
      ending,
      leaves,
      bytes,
      via: null,
    };
    if (this.stalled) this.backlog.push(packet);
    else if (!path.open || path.loses()) {
      this.backlog.push(packet);
      this.stall(leaves);
    } else if (this.receiver.gone) this.reset(leaves);
    else {
      this.lastLeft = leaves;
      this.deliver(packet, leaves + path.draw());
      if (!this.reverse.open) {
        this.stall(leaves);
        this.firstArrived = true;
      }
    }
  }

  /** When what has been sent so far has left the network card. */
  get drainedAt(): Nanoseconds {
    return this.lastLeft;
  }

  /** What is on the way is dropped, and acknowledgements on their way back are too. */
  pathClosed(): void {
    if (this.sender.host.state === 'off') this.senderLost();
    else if (!this.path.open || !this.reverse.open) {
      if (!this.path.open) this.withdraw();
      if (!this.reverse.open && this.lastArrival + this.reverse.meanDelay > this.sim.now) {
        this.stall(this.lastLeft);
      }
      if (!this.probing && !this.sender.closed) this.sim.spawn(this.keepalive());
    }
  }

  /** Nothing of this stream is wanted any more. */
  drop(): void {
    this.over = true;
    this.backlog = [];
    this.unregister();
  }

  /** The sender is done with it; the other direction too if the other end has closed. */
  forget(): void {
    this.unregister();
    if (this.receiver.closed) this.receiver.stream.unregister();
  }

  private unregister(): void {
    this.path.traffic.delete(this);
    this.reverse.traffic.delete(this);
  }

  private get rto(): Nanoseconds {
    return RTO_MIN + Math.round(this.path.meanDelay + this.reverse.meanDelay);
  }

  /** Streams deliver in order: nothing overtakes what was sent before. */
  private deliver(packet: Packet<M>, at: Nanoseconds): void {
    if (at > this.lastArrival) this.lastArrival = at;
    const { splice } = this.receiver;
    if (splice !== null && packet.ending === null && !splice.process.frozen) {
      if (splice.to.stream.passOn(packet, this.lastArrival)) return;
    }
    this.receiver.inbox.send(packet, this.lastArrival);
  }

  /** Takes over what will reach the middle host at the given instant; false if it cannot. */
  private passOn(packet: Moving<M>, at: Nanoseconds): boolean {
    const { path, receiver } = this;
    if (this.stalled || !path.isFree || !this.reverse.open || receiver.gone) return false;
    packet.via = packet.endpoint;
    packet.endpoint = receiver;
    packet.leaves = at;
    this.lastLeft = at;
    this.deliver(packet, at + path.draw());
    return true;
  }

  /** What is still on its way here, though a splice has already handed it on; in order. */
  private recall(isLost: (packet: Packet<M>) => boolean): Packet<M>[] {
    const { splice } = this.receiver;
    if (splice === null) return [];
    const { now } = this.sim;
    const next = splice.to.stream;
    const firstLeg = Math.round(this.path.meanDelay);
    const before = (packet: Packet<M>): Packet<M> => ({
      ...packet,
      endpoint: this.receiver,
      leaves: packet.leaves - firstLeg,
      via: null,
    });
    const handed = next.receiver.inbox.withdraw(
      (packet) => packet.via === this.receiver && packet.leaves > now && isLost(before(packet)),
    );
    if (handed.length > 0) next.neverSent();
    return handed.map(before);
  }

  /** What was to leave from now on does not: nothing of it is acknowledged or kept in order. */
  private neverSent(): void {
    this.lastLeft = Math.min(this.lastLeft, this.sim.now);
    this.lastArrival = Math.min(this.lastArrival, this.sim.now);
  }

  private reset(at: Nanoseconds): void {
    if (this.reverse.open) this.sender.end('reset', at + this.path.draw() + this.reverse.draw());
    else this.stall(at);
  }

  /** Packets that have left arrive; what was still in the host's buffers does not. */
  private senderLost(): void {
    const { now } = this.sim;
    const arrives = this.path.open;
    this.sender.abandon();
    const isLost = (packet: Packet<M>) => packet.leaves > now || !arrives;
    this.recall(isLost);
    this.receiver.inbox.withdraw((packet) => packet.endpoint === this.receiver && isLost(packet));
  }

  private withdraw(): void {
    const { receiver } = this;
    const lost = [
      ...this.recall(() => true),
      ...receiver.inbox.withdraw((packet) => packet.endpoint === receiver),
    ];
    if (lost.length === 0) return;
    const data = lost.filter((packet) => packet.ending !== 'reset');
    if (data.length < lost.length) this.receiver.stream.resetLost();
    if (data.length === 0) return;
    this.backlog.unshift(...data);
    this.firstArrived = false;
    this.stall(data[0]!.leaves);
  }

  private resetLost(): void {
    this.sender.resetLost();
    this.stall(this.sim.now);
  }

  private stall(since: Nanoseconds): void {
    if (this.stalled || this.over) return;
    this.stalled = true;
    this.sim.spawn(this.retransmissions(since));
  }

  /** The timer: doubled each time, until all is acknowledged or the patience is exhausted. */
  private *retransmissions(since: Nanoseconds): Process {
    const { sim, sender } = this;
    const { userTimeout } = sender.options;
    const limit = userTimeout > 0 ? since + userTimeout : NEVER;
    let at = since;
    let rto = this.rto;
    for (let retry = 0; retry <= RETRIES; retry++) {
      at += rto;
      rto = Math.min(2 * rto, RTO_MAX);
      yield sim.holdUntil(Math.min(at, limit));
      while (sender.host.state === 'paused') yield sender.host.changed.wait();
      if (this.over) return;
      if (sim.now >= limit) break;
      if (retry < RETRIES && this.retransmit()) return;
    }
    sender.end('timed out', sim.now);
    this.drop();
  }

  /** Sends what waits once more; false if the timer has to go on. */
  private retransmit(): boolean {
    const { path, backlog } = this;
    if (!path.open || path.loses()) return false;
    if (this.receiver.gone && this.reverse.open) {
      this.backlog = [];
      this.stalled = false;
      this.reset(this.sim.now);
      return true;
    }
    const delay = path.draw();
    if (!this.reverse.open) {
      if (!this.firstArrived && backlog.length > 0) this.deliverAgain(backlog.shift()!, delay);
      this.firstArrived = true;
      return false;
    }
    this.stalled = false;
    this.firstArrived = false;
    for (let sent = 0; sent < backlog.length; sent++) {
      if (sent > 0 && path.loses()) {
        this.backlog = backlog.slice(sent);
        this.stall(this.sim.now);
        return true;
      }
      this.deliverAgain(backlog[sent]!, delay);
    }
    this.backlog = [];
    return true;
  }

  private deliverAgain(packet: Packet<M>, delay: Nanoseconds): void {
    const leaves = this.path.leave(packet.bytes ?? 0);
    this.lastLeft = leaves;
    this.deliver({ ...packet, leaves }, leaves + delay);
  }

  /** When this side last heard from the other: data, an acknowledgement, or a probe's answer. */
  private heardAt(): Nanoseconds {
    const { now } = this.sim;
    const data = this.receiver.stream.lastArrival;
    const acknowledged = this.lastArrival + Math.round(this.reverse.meanDelay);
    const heard = Math.min(now, Math.max(data, acknowledged));
    const { keepaliveIdle } = this.sender.options;
    return heard + Math.floor((now - heard) / keepaliveIdle) * keepaliveIdle;
  }

  /** Keepalive, from the time that a path closed: a peer that stays silent is given up. */
  private *keepalive(): Process {
    const { sim, sender } = this;
    const { keepaliveIdle, keepaliveInterval } = sender.options;
    this.probing = true;
    let heard = this.heardAt();
    let at = heard + keepaliveIdle;
    for (let probes = 0; ; ) {
      yield sim.holdUntil(at);
      while (sender.host.state === 'paused') yield sender.host.changed.wait();
      if (sender.gone || this.answersProbe()) break;
      const latest = this.receiver.stream.lastArrival;
      if (this.stalled || (latest > heard && latest <= sim.now)) {
        heard = Math.max(heard, Math.min(latest, sim.now));
        probes = 0;
        at = (this.stalled ? sim.now : heard) + keepaliveIdle;
      } else if (this.patienceEnds(probes, sim.now - heard)) {
        sender.end('timed out', sim.now);
        this.drop();
        break;
      } else {
        probes++;
        at += keepaliveInterval;
      }
    }
    this.probing = false;
  }

  /** The paths are open again: the peer acknowledges a probe, or resets what it does not know. */
  private answersProbe(): boolean {
    if (!this.path.open || !this.reverse.open) return false;
    if (this.receiver.gone) this.reset(this.sim.now);
    return true;
  }

  /** With TCP_USER_TIMEOUT that decides, not the number of probes (tcp_keepalive_timer). */
  private patienceEnds(probes: number, silence: Nanoseconds): boolean {
    const { userTimeout, keepaliveCount } = this.sender.options;
    if (userTimeout > 0) return silence >= userTimeout && probes > 0;
    return probes >= keepaliveCount;
  }
}
