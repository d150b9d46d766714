import type {
  Nanoseconds,
  Process,
  ProcessGroup,
  ProcessId,
  Simulation,
} from '../../kernel/index.ts';
import { Mailbox } from '../../kernel/index.ts';
import { RaftHost } from './host.ts';
import type { Message, NodeId } from './messages.ts';
import type { Ready } from './raft.ts';
import type { Persisted, RaftConfig } from './state.ts';

/** What a node's process finds in its inbox. */
export type Letter<Data> =
  | { readonly kind: 'message'; readonly message: Message<Data> }
  | { readonly kind: 'propose'; readonly data: Data }
  | { readonly kind: 'read'; readonly context: number }
  | { readonly kind: 'unreachable'; readonly node: NodeId }
  /** The clock is put forward by whole ticks. */
  | { readonly kind: 'ticks'; readonly ticks: number };

/** What the surroundings do for a node. */
export interface NodePorts<Data> {
  send(message: Message<Data>): void;
  /** Arranges the wake-up of the running process for when all that was written is durable. */
  fsync(ready: Ready<Data>): undefined;
  /** Leader changes, committed entries and read states; called before the disk is waited for. */
  handle(ready: Ready<Data>): void;
  /** A proposal found no leader. */
  dropped(data: Data): void;
}

/**
 * A raft node as a process: etcd's raftNode.start loop. It is one thread of control, so while it
 * waits for its disk it neither answers messages nor ticks: a leader whose fsync takes longer than
 * the heartbeat interval sends its heartbeats late. Of the ticks it missed one is made up for (Go's
 * Ticker keeps one). Messages are taken before a tick that is due at the same instant.
 */
export class RaftNode<Data> {
  readonly host: RaftHost<Data>;
  /** The instant of the last tick. */
  lastTick: Nanoseconds;
  private inbox: Mailbox<Letter<Data>>;
  private process: ProcessId | null = null;
  private readonly sim: Simulation;
  private readonly ports: NodePorts<Data>;
  private readonly tickInterval: Nanoseconds;
  private nextTick: Nanoseconds;

  /** The first tick comes after `phase`, the others at the interval; the disk may hold a log. */
  constructor(
    sim: Simulation,
    config: RaftConfig,
    tickInterval: Nanoseconds,
    phase: Nanoseconds,
    ports: NodePorts<Data>,
    persisted: Persisted<Data> | null = null,
  ) {
    this.sim = sim;
    this.ports = ports;
    this.tickInterval = tickInterval;
    this.nextTick = sim.now + phase;
    this.lastTick = sim.now;
    this.host = new RaftHost<Data>(config, persisted);
    this.inbox = new Mailbox(sim);
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  /** Starts the process, from what is durable. Ticks keep their phase. */
  start(group: ProcessGroup | null = null): void {
    this.host.restart();
    this.inbox = new Mailbox(this.sim);
    this.skipMissedTicks();
    this.lastTick = this.sim.now;
    this.process = this.sim.spawn(this.run(this.inbox), group);
  }

  /** The process is gone with its memory; what was not yet durable is lost. */
  crash(): void {
    if (this.process !== null) this.sim.kill(this.process);
    this.process = null;
  }

  /** A letter arrives at an instant, if the process then is still the one it was sent to. */
  deliver(letter: Letter<Data>, at: Nanoseconds = this.sim.now): void {
    if (this.isUp) this.inbox.send(letter, at);
  }

  private *run(inbox: Mailbox<Letter<Data>>): Process {
    for (;;) {
      for (let letter = inbox.take(); letter !== undefined; letter = inbox.take())
        this.read(letter);
      this.tickIfDue();
      const round = this.host.begin();
      if (round === null) yield inbox.receive(this.nextTick);
      else {
        this.ports.handle(round.ready);
        for (const message of round.before) this.ports.send(message);
        if (round.ready.mustSync) yield this.ports.fsync(round.ready);
        this.host.finish();
        for (const message of round.after) this.ports.send(message);
      }
    }
  }

  private read(letter: Letter<Data>): void {
    const { raft } = this.host;
    if (letter.kind === 'message') raft.step(letter.message);
    else if (letter.kind === 'propose') {
      if (!raft.propose(letter.data)) this.ports.dropped(letter.data);
    } else if (letter.kind === 'read') raft.readIndex(letter.context);
    else if (letter.kind === 'unreachable') raft.unreachable(letter.node);
    else for (let i = 0; i < letter.ticks; i++) raft.tick();
  }

  private tickIfDue(): void {
    if (this.sim.now < this.nextTick) return;
    this.host.raft.tick();
    this.lastTick = this.sim.now;
    this.nextTick += this.tickInterval;
    this.skipMissedTicks();
  }

  private skipMissedTicks(): void {
    const missed = Math.ceil((this.sim.now - this.nextTick) / this.tickInterval);
    if (missed > 0) this.nextTick += missed * this.tickInterval;
  }
}
