import { type Nanoseconds, Simulation } from '../../kernel/index.ts';
import { NONE, type NodeId } from '../raft/index.ts';
import type { ClientRef, Request, Response } from './api.ts';
import { type EtcdFlags, etcdConfig } from './config.ts';
import { EtcdMember, type PeerMessage } from './member.ts';

/** How an etcd cluster is set up; durations in nanoseconds. */
export interface EtcdClusterOptions {
  readonly seed: string | number;
  readonly members: number;
  readonly flags?: EtcdFlags;
  /** One way between members; negative: the message is lost. */
  readonly delay: (from: NodeId, to: NodeId) => Nanoseconds;
  readonly fsync: (member: NodeId) => Nanoseconds;
}

/** What came back for a request: for a watch more and more. */
export interface Answer {
  readonly member: NodeId;
  readonly request: Request;
  readonly askedAt: Nanoseconds;
  /** Null until there is an answer. */
  response: Response | null;
  answeredAt: Nanoseconds;
  readonly all: Response[];
}

/**
 * An etcd cluster with clients beside its members, for tests and benchmarks: requests reach their
 * member at once, members are numbered from 1, links can be cut, disks can hang.
 */
export class EtcdCluster {
  readonly sim: Simulation;
  readonly members: readonly EtcdMember[];
  private readonly options: EtcdClusterOptions;
  private readonly answers: Answer[] = [];
  private readonly cutLinks = new Set<string>();
  private readonly stalledUntil: Nanoseconds[];

  constructor(options: EtcdClusterOptions) {
    this.sim = new Simulation(options.seed);
    this.options = options;
    this.stalledUntil = new Array<Nanoseconds>(options.members + 1).fill(0);
    const ids = Array.from({ length: options.members }, (_, i) => i + 1);
    this.members = ids.map((id) => this.build(id, ids));
    for (const member of this.members) member.start();
  }

  private build(id: NodeId, ids: readonly NodeId[]): EtcdMember {
    const { sim, options } = this;
    const config = etcdConfig(options.flags);
    const disk = { fsync: () => this.fsync(id) };
    return new EtcdMember(sim, id, ids, config, disk, sim.random(`etcd/${id}`), {
      send: (to, message) => this.send(id, to, message),
      reply: (ref, response) => this.reply(ref, response),
    });
  }

  member(id: NodeId): EtcdMember {
    return this.members[id - 1]!;
  }

  run(until: Nanoseconds): void {
    this.sim.run(until);
  }

  /** Sends a request to a member now; the answer fills in as the run goes on. */
  ask(member: NodeId, request: Request): Answer {
    const askedAt = this.sim.now;
    const answer = { member, request, askedAt, response: null, answeredAt: 0, all: [] };
    this.answers.push(answer);
    this.member(member).submit(this.answers.length - 1, request);
    return answer;
  }

  /** The running member that leads in the highest term; 0 if there is none. */
  get leader(): NodeId {
    let leader = NONE;
    let term = 0;
    for (const member of this.members) {
      if (member.isUp && member.leader === member.id && member.term > term) {
        term = member.term;
        leader = member.id;
      }
    }
    return leader;
  }

  /** Cuts a member off from the other members, both ways; its clients still reach it. */
  isolate(id: NodeId): void {
    for (const other of this.members) {
      if (other.id === id) continue;
      this.cutLinks.add(`${id} ${other.id}`);
      this.cutLinks.add(`${other.id} ${id}`);
    }
  }

  heal(): void {
    this.cutLinks.clear();
  }

  /** No fsync of the member returns before the instant. */
  stall(id: NodeId, until: Nanoseconds): void {
    this.stalledUntil[id] = until;
  }

  private fsync(id: NodeId): undefined {
    const done = this.sim.now + this.options.fsync(id);
    this.sim.holdUntil(Math.max(done, this.stalledUntil[id]!));
  }

  private send(from: NodeId, to: NodeId, message: PeerMessage): void {
    const delay = this.options.delay(from, to);
    if (delay < 0 || this.cutLinks.has(`${from} ${to}`)) return;
    this.member(to).deliver(message, this.sim.now + delay);
  }

  private reply(ref: ClientRef, response: Response): void {
    const answer = this.answers[ref]!;
    answer.all.push(response);
    if (answer.response !== null) return;
    answer.response = response;
    answer.answeredAt = this.sim.now;
  }
}
