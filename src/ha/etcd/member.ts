import {
  Mailbox,
  MILLISECOND,
  type Nanoseconds,
  NEVER,
  type Process,
  type ProcessGroup,
  type ProcessId,
  type Random,
  SECOND,
  type Simulation,
} from '../../kernel/index.ts';
import { type Message, type NodeId, type Persisted, RaftNode, type Ready } from '../raft/index.ts';
import type { ClientRef, Command, RenewalMessage, Request, Response } from './api.ts';
import type { EtcdConfig } from './config.ts';
import { EtcdServer } from './server.ts';

/** What members send each other. */
export type PeerMessage = Message<Command> | RenewalMessage;

/** A member's disk: `yield disk.fsync(bytes)` resumes the running process when all is durable. */
export interface EtcdDisk {
  fsync(bytes: number): undefined;
}

/** How a member reaches the world; injected, so that any network can carry it. */
export interface MemberPorts {
  send(to: NodeId, message: PeerMessage): void;
  reply(ref: ClientRef, response: Response): void;
  /** How many other members hold a connection; asked during the first 5 s after a start. */
  connectedPeers?(): number;
  /** This member learned of another leader (0: of none), or its own role changed. */
  leadership?(leader: NodeId, term: number): void;
}

/** A letter for the process that serves the API; `wake`: a timer has moved. */
type ApiLetter =
  | { readonly kind: 'request'; readonly ref: ClientRef; readonly request: Request }
  | { readonly kind: 'renewal'; readonly message: RenewalMessage }
  | { readonly kind: 'unreachable'; readonly member: NodeId }
  | { readonly kind: 'wake' };

/** server.go, adjustTicks: how often and how long a starting member looks for its peers. */
const PEER_POLL_INTERVAL: Nanoseconds = 50 * MILLISECOND;
const PEER_POLL_TIME: Nanoseconds = 5 * SECOND;

/** Bytes of a WAL record beside its key and value: frame, entry and request headers. */
const RECORD_OVERHEAD_BYTES = 64;

/**
 * One etcd member. Like the real one it has two threads of control: the raft loop, which waits for
 * the disk and is deaf meanwhile, and the API with the lessor, which goes on. So a leader whose
 * disk hangs still answers serializable reads and believes in its leases, but cannot renew, write
 * or read linearizably. A crash loses memory; the fsynced log remains, and the store is built anew
 * from it.
 */
export class EtcdMember {
  readonly id: NodeId;
  readonly node: RaftNode<Command>;
  server: EtcdServer;
  private readonly sim: Simulation;
  private readonly config: EtcdConfig;
  private readonly disk: EtcdDisk;
  private readonly ports: MemberPorts;
  private readonly peers: number;
  private requests: Mailbox<ApiLetter>;
  private apiDeadline: Nanoseconds = NEVER;
  private processes: ProcessId[] = [];
  private incarnation = 0;

  /**
   * The random stream gives the phase of the ticks and the election timeouts; `initial` is what the
   * disk holds when the run begins.
   */
  constructor(
    sim: Simulation,
    id: NodeId,
    members: readonly NodeId[],
    config: EtcdConfig,
    disk: EtcdDisk,
    random: Random,
    ports: MemberPorts,
    initial: Persisted<Command> | null = null,
  ) {
    this.sim = sim;
    this.id = id;
    this.config = config;
    this.disk = disk;
    this.ports = ports;
    this.peers = members.length - 1;
    this.requests = new Mailbox(sim);
    this.node = this.buildNode(members, random, initial);
    this.server = this.buildServer();
  }

  get isUp(): boolean {
    return this.node.isUp;
  }

  get term(): number {
    return this.node.host.raft.view.term;
  }

  /** Who leads, as far as this member knows; 0: nobody. */
  get leader(): NodeId {
    return this.node.host.raft.view.leader;
  }

  /** Elections this member has run in since its last start, and those it won. */
  get electionsStarted(): number {
    return this.node.host.raft.view.electionsStarted;
  }

  get electionsWon(): number {
    return this.node.host.raft.view.electionsWon;
  }

  /** Starts the member from what is durable. */
  start(group: ProcessGroup | null = null): void {
    if (this.isUp) throw new Error('the member is running');
    this.incarnation++;
    this.requests = new Mailbox(this.sim);
    this.apiDeadline = NEVER;
    this.server = this.buildServer();
    this.node.start(group);
    this.processes = [this.sim.spawn(this.serve(this.requests), group)];
    if (this.config.initialElectionTickAdvance || this.peers === 0) {
      this.processes.push(this.sim.spawn(this.advanceTicks(), group));
    }
  }

  /** Its election timeout has passed: it runs for leader at once. */
  campaign(): void {
    this.node.deliver({ kind: 'ticks', ticks: 2 * this.config.electionTicks });
  }

  /** The processes are gone with their memory. Whoever was to be answered is not. */
  crash(): void {
    this.node.crash();
    for (const process of this.processes) this.sim.kill(process);
    this.processes = [];
  }

  /** A message from another member arrives; it is lost if the member is down or dies before. */
  deliver(message: PeerMessage, at: Nanoseconds = this.sim.now): void {
    if (message.type !== 'renew' && message.type !== 'renew-reply') {
      this.node.deliver({ kind: 'message', message }, at);
    } else if (this.isUp) this.requests.send({ kind: 'renewal', message }, at);
  }

  /** A client's request arrives. The answer comes through the port `reply`, or never. */
  submit(ref: ClientRef, request: Request, at: Nanoseconds = this.sim.now): void {
    if (this.isUp) this.requests.send({ kind: 'request', ref, request }, at);
  }

  /** The connection to another member was refused or reset; silence is not reported. */
  unreachable(member: NodeId): void {
    this.node.deliver({ kind: 'unreachable', node: member });
    if (this.isUp) this.requests.send({ kind: 'unreachable', member });
  }

  private *serve(requests: Mailbox<ApiLetter>): Process {
    const { server, sim } = this;
    for (;;) {
      for (let letter = requests.take(); letter !== undefined; letter = requests.take()) {
        this.read(letter);
      }
      if (server.deadline <= sim.now) server.tick(sim.now);
      this.apiDeadline = server.deadline;
      yield requests.receive(this.apiDeadline);
    }
  }

  private read(letter: ApiLetter): void {
    const { server, sim } = this;
    if (letter.kind === 'request') server.request(letter.ref, letter.request, sim.now);
    else if (letter.kind === 'renewal') server.renewalMessage(letter.message, sim.now);
    else if (letter.kind === 'unreachable') server.unreachable(letter.member, sim.now);
  }

  /** Raft has news: the raft loop tells the server, whose timers may have moved. */
  private handle(ready: Ready<Command>): void {
    const { server, sim } = this;
    server.handle(ready, sim.now);
    if (ready.softState !== null) this.ports.leadership?.(ready.softState.leader, this.term);
    if (server.deadline < this.apiDeadline) this.requests.send({ kind: 'wake' });
  }

  /**
   * server.go, adjustTicks: a member that starts among others waits less than a full timeout for
   * a leader, all but two ticks; a member alone all but one.
   */
  private *advanceTicks(): Process {
    const { electionTicks } = this.config;
    if (this.peers === 0) this.node.deliver({ kind: 'ticks', ticks: electionTicks - 1 });
    const last = this.sim.now + PEER_POLL_TIME;
    while (this.peers > 0 && this.sim.now < last) {
      yield this.sim.hold(PEER_POLL_INTERVAL);
      if ((this.ports.connectedPeers?.() ?? this.peers) <= 1) continue;
      this.node.deliver({ kind: 'ticks', ticks: electionTicks - 2 });
      return;
    }
  }

  private buildNode(
    voters: readonly NodeId[],
    random: Random,
    initial: Persisted<Command> | null,
  ): RaftNode<Command> {
    const { electionTicks, heartbeatInterval, preVote } = this.config;
    const draw = (low: number, high: number) => random.integer(low, high);
    const raft = { id: this.id, voters, electionTicks, heartbeatTicks: 1, preVote, draw };
    const phase = random.integer(1, heartbeatInterval);
    return new RaftNode<Command>(
      this.sim,
      { ...raft, checkQuorum: true },
      heartbeatInterval,
      phase,
      {
        send: (message) => this.ports.send(message.to, message),
        fsync: (ready) => this.disk.fsync(bytesOf(ready)),
        handle: (ready) => this.handle(ready),
        dropped: (command) => this.server.dropped(command),
      },
      initial,
    );
  }

  private buildServer(): EtcdServer {
    return new EtcdServer(
      this.id,
      this.config,
      this.incarnation,
      {
        reply: (ref, response) => this.ports.reply(ref, response),
        propose: (data) => this.node.deliver({ kind: 'propose', data }),
        readIndex: (context) => this.node.deliver({ kind: 'read', context }),
        sendRenewal: (message) => this.ports.send(message.to, message),
        lastTick: () => this.node.lastTick,
      },
      this.sim.now,
    );
  }
}

/** What a round writes to the WAL. */
function bytesOf(ready: Ready<Command>): number {
  let bytes = RECORD_OVERHEAD_BYTES;
  for (const { data } of ready.entries) {
    bytes += RECORD_OVERHEAD_BYTES + (data === null ? 0 : payloadBytes(data.request));
  }
  return bytes;
}

function payloadBytes(request: Command['request']): number {
  if (request.type === 'txn') {
    let bytes = 0;
    for (const inner of [...request.success, ...request.failure]) bytes += payloadBytes(inner);
    return bytes;
  }
  if (request.type === 'put') return request.key.length + request.value.length;
  return request.type === 'range' || request.type === 'delete' ? request.key.length : 0;
}
