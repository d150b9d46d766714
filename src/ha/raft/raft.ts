import {
  handleVoteReply,
  handleVoteRequest,
  ignoresCandidates,
  startElection,
} from './election.ts';
import { type Entry, type HardState, type Message, NONE, type NodeId } from './messages.ts';
import {
  appendEntries,
  broadcastAppend,
  broadcastHeartbeat,
  checkQuorum,
  handleAppend,
  handleAppendReply,
  handleHeartbeat,
  handleHeartbeatReply,
  handleReadIndex,
} from './replication.ts';
import { type Persisted, type RaftConfig, RaftState, type ReadState, type Role } from './state.ts';

/** Who leads, as far as a node knows, and what the node is. */
export interface SoftState {
  readonly leader: NodeId;
  readonly role: Role;
}

/**
 * What a node wants done. Order: `messages` may leave at once if the node leads (its disk then
 * works beside its followers' disks, thesis 10.2.1); `entries` and `hardState` are made durable;
 * `messagesAfterPersist` leave; `advance` is called. Committed entries may be applied at any time.
 */
export interface Ready<Data> {
  /** Null if unchanged. */
  readonly softState: SoftState | null;
  readonly hardState: HardState | null;
  /** The first replaces what was at its index and after it. */
  readonly entries: readonly Entry<Data>[];
  /** False if only the commit index changed: that may be lost. */
  readonly mustSync: boolean;
  readonly messages: readonly Message<Data>[];
  readonly messagesAfterPersist: readonly Message<Data>[];
  readonly committed: readonly Entry<Data>[];
  readonly readStates: readonly ReadState[];
}

/**
 * One raft node as a step machine without clock, network or disk (raft.go and rawnode.go in
 * etcd-io/raft). Between `ready` and `advance` it takes no input.
 *
 * Kept: terms, votes, pre-vote, check-quorum, randomised election timeouts, replication with
 * probing and pipelining, commit rule, reads by heartbeat round, forwarding of proposals and reads.
 * Left out: snapshots and log compaction (a log of a simulated run fits in memory, and a node that
 * comes back is sent all it lacks), membership changes, learners, leadership transfer, limits on
 * the size of one append and of the uncommitted tail, reads by leader lease.
 */
export class Raft<Data> {
  private readonly state: RaftState<Data>;
  private handedOut: SoftState & HardState;
  private own: Message<Data>[] = [];
  private persisting = false;

  constructor(config: RaftConfig, persisted: Persisted<Data> | null = null) {
    this.state = new RaftState(config, persisted);
    this.handedOut = { leader: NONE, role: 'follower', ...this.state.hardState };
  }

  /** The node's variables, to look at only. */
  get view(): Readonly<RaftState<Data>> {
    return this.state;
  }

  /** One tick of the clock has passed: etcd ticks once each heartbeat interval. */
  tick(): void {
    const raft = this.listening();
    raft.electionElapsed++;
    if (raft.role === 'leader') this.tickLeader();
    else if (raft.electionElapsed >= raft.randomizedElectionTimeout) {
      raft.electionElapsed = 0;
      startElection(raft);
    }
  }

  private tickLeader(): void {
    const raft = this.state;
    const { electionTicks, heartbeatTicks } = raft.config;
    raft.heartbeatElapsed++;
    if (raft.electionElapsed >= electionTicks) {
      raft.electionElapsed = 0;
      if (raft.config.checkQuorum) checkQuorum(raft);
    }
    if (raft.role !== 'leader' || raft.heartbeatElapsed < heartbeatTicks) return;
    raft.heartbeatElapsed = 0;
    broadcastHeartbeat(raft);
  }

  /** Offers data for the log, here or through the leader; false if no leader is known. */
  propose(data: Data): boolean {
    return this.proposeAll([data]);
  }

  private proposeAll(data: readonly Data[]): boolean {
    const raft = this.listening();
    if (raft.role === 'leader') {
      appendEntries(raft, data);
      broadcastAppend(raft);
    } else if (raft.role === 'follower' && raft.leader !== NONE) {
      raft.send(raft.leader, { type: 'propose', data }, 0);
    } else return false;
    return true;
  }

  /** Asks for a read state with this context; false if no leader is known. It may never come. */
  readIndex(context: number): boolean {
    const raft = this.listening();
    if (raft.role === 'leader') handleReadIndex(raft, { from: raft.id, context });
    else if (raft.role === 'follower' && raft.leader !== NONE) {
      raft.send(raft.leader, { type: 'read-index', context }, 0);
    } else return false;
    return true;
  }

  /** The transport could not reach a node: what was sent to it is probably lost. */
  unreachable(node: NodeId): void {
    const raft = this.listening();
    const progress = raft.progressOf(node);
    if (raft.role === 'leader' && progress?.state === 'replicate') progress.becomeProbe();
  }

  /** A message has come. Messages may be lost, repeated and overtake each other. */
  step(message: Message<Data>): void {
    const raft = this.listening();
    if (message.term > raft.term && !this.meetHigherTerm(message)) return;
    if (message.term !== 0 && message.term < raft.term) this.answerLowerTerm(message);
    else this.dispatch(message);
  }

  private dispatch(message: Message<Data>): void {
    const raft = this.state;
    if (message.type === 'vote' || message.type === 'pre-vote') handleVoteRequest(raft, message);
    else if (raft.role === 'leader') this.stepLeader(message);
    else if (message.type === 'append' || message.type === 'heartbeat') this.hearLeader(message);
    else if (message.type === 'vote-reply' || message.type === 'pre-vote-reply') {
      if (raft.role !== 'follower') handleVoteReply(raft, message);
    } else if (raft.role === 'follower') this.stepFollower(message);
  }

  /** Takes over a higher term (paper, 5.1); false if the message is to be ignored. */
  private meetHigherTerm(message: Message<Data>): boolean {
    const raft = this.state;
    const { type, term, from } = message;
    if ((type === 'vote' || type === 'pre-vote') && ignoresCandidates(raft)) return false;
    if (type === 'pre-vote' || (type === 'pre-vote-reply' && !message.reject)) return true;
    const { role, electionElapsed, randomizedElectionTimeout } = raft;
    raft.becomeFollower(term, type === 'append' || type === 'heartbeat' ? from : NONE);
    if (type === 'vote' && role !== 'leader' && raft.config.keepTimerOnHigherTerm) {
      raft.electionElapsed = electionElapsed;
      raft.randomizedElectionTimeout = randomizedElectionTimeout;
    }
    return true;
  }

  /** A sender behind in term is told so where it could not learn it otherwise. */
  private answerLowerTerm(message: Message<Data>): void {
    const raft = this.state;
    const { checkQuorum: checks, preVote } = raft.config;
    const { type, from } = message;
    if ((checks || preVote) && (type === 'heartbeat' || type === 'append')) {
      raft.send(from, { type: 'append-reply', index: 0, reject: false, hintIndex: 0, hintTerm: 0 });
    } else if (type === 'pre-vote') raft.send(from, { type: 'pre-vote-reply', reject: true });
  }

  private hearLeader(message: Message<Data>): void {
    const raft = this.state;
    if (raft.role !== 'follower') raft.becomeFollower(message.term, message.from);
    raft.electionElapsed = 0;
    raft.leader = message.from;
    if (message.type === 'append') handleAppend(raft, message);
    else if (message.type === 'heartbeat') handleHeartbeat(raft, message);
  }

  private stepLeader(message: Message<Data>): void {
    const raft = this.state;
    if (message.type === 'propose') this.proposeAll(message.data);
    else if (message.type === 'read-index') handleReadIndex(raft, message);
    else if (message.type === 'append-reply') handleAppendReply(raft, message);
    else if (message.type === 'heartbeat-reply') handleHeartbeatReply(raft, message);
  }

  private stepFollower(message: Message<Data>): void {
    const raft = this.state;
    if (message.type === 'propose') this.proposeAll(message.data);
    else if (message.type === 'read-index' && raft.leader !== NONE) {
      raft.outbox.push({ ...message, to: raft.leader });
    } else if (message.type === 'read-index-reply') {
      raft.readStates.push({ context: message.context, index: message.index });
    }
  }

  /** Takes out what the node wants done; null if nothing. To be followed by `advance`. */
  ready(): Ready<Data> | null {
    const raft = this.listening();
    const { outbox, outboxAfterPersist, log, hardState } = raft;
    const { leader, role } = raft;
    const softChanged = leader !== this.handedOut.leader || role !== this.handedOut.role;
    const voted = hardState.term !== this.handedOut.term || hardState.vote !== this.handedOut.vote;
    const hardChanged = voted || hardState.commit !== this.handedOut.commit;
    const pending = outbox.length + outboxAfterPersist.length + raft.readStates.length;
    const grown = log.hasUnpersisted() || log.hasUnapplied();
    if (!softChanged && !hardChanged && pending === 0 && !grown) return null;
    const entries = log.takeUnpersisted();
    const ready: Ready<Data> = {
      softState: softChanged ? { leader, role } : null,
      hardState: hardChanged ? hardState : null,
      entries,
      mustSync: voted || entries.length > 0,
      messages: outbox,
      messagesAfterPersist: outboxAfterPersist.filter((message) => message.to !== raft.id),
      committed: log.takeCommitted(),
      readStates: raft.readStates,
    };
    this.own = outboxAfterPersist.filter((message) => message.to === raft.id);
    this.handedOut = { leader, role, ...hardState };
    raft.outbox = [];
    raft.outboxAfterPersist = [];
    raft.readStates = [];
    this.persisting = true;
    return ready;
  }

  /** What `ready` gave to make durable is durable. */
  advance(): void {
    this.persisting = false;
    const own = this.own;
    this.own = [];
    for (const message of own) this.step(message);
  }

  private listening(): RaftState<Data> {
    if (this.persisting) throw new Error('input between ready and advance');
    return this.state;
  }
}
