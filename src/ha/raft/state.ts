import { RaftLog } from './log.ts';
import {
  type Body,
  EMPTY_HARD_STATE,
  type Entry,
  type HardState,
  type Message,
  NONE,
  type NodeId,
} from './messages.ts';
import { Progress } from './progress.ts';
import { type PendingRead, ReadQueue } from './reads.ts';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

export interface RaftConfig {
  readonly id: NodeId;
  /** All members, this one included, in the same order everywhere. */
  readonly voters: readonly NodeId[];
  /** Ticks without a leader before an election, at least; etcd: election-timeout / tick = 10. */
  readonly electionTicks: number;
  /** Ticks between heartbeats; etcd: 1. */
  readonly heartbeatTicks: number;
  /** Poll before an election without raising the term (thesis, 9.6). etcd: on since 3.5. */
  readonly preVote: boolean;
  /** A leader that does not hear from a majority steps down, and voters honour a live leader. */
  readonly checkQuorum: boolean;
  /** A whole number from low to high, both included, each equally likely. */
  readonly draw: (low: number, high: number) => number;
  /**
   * A candidate's higher term leaves the election timer alone, as in the paper, where only a vote
   * that is granted and a leader's messages start it anew. etcd: false, the timer starts anew.
   */
  readonly keepTimerOnHigherTerm?: boolean;
  /** Unanswered appends a voter may have; etcd: 512. */
  readonly maxInflight?: number;
}

/** What survives a crash. */
export interface Persisted<Data> {
  readonly hardState: HardState;
  readonly entries: readonly Entry<Data>[];
}

/** A read may be served once the entry at the index is applied. */
export interface ReadState {
  readonly context: number;
  readonly index: number;
}

/**
 * The variables of one node and what every role does to them (raft.go in etcd-io/raft: reset,
 * becomeFollower, send). The rules are in election.ts and replication.ts.
 */
export class RaftState<Data> {
  readonly config: RaftConfig;
  readonly log: RaftLog<Data>;
  term: number;
  vote: NodeId;
  role: Role = 'follower';
  leader: NodeId = NONE;
  /** Ticks since the leader was heard, since the vote was cast, or since the quorum was checked. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** Drawn anew with every change of role except into pre-candidate. */
  randomizedElectionTimeout = 0;
  /** By the voter's place in the configuration. */
  progress: Progress[] = [];
  votes: (boolean | undefined)[] = [];
  reads: ReadQueue;
  /** Reads that came before the first commit of the leader's own term. */
  postponedReads: PendingRead[] = [];
  readStates: ReadState[] = [];
  /** Messages that may leave before what they rest on is durable, and those that may not. */
  outbox: Message<Data>[] = [];
  outboxAfterPersist: Message<Data>[] = [];
  /** How often this node polled (pre-vote) and ran (vote), and became leader. */
  preVotesStarted = 0;
  electionsStarted = 0;
  electionsWon = 0;

  constructor(config: RaftConfig, persisted: Persisted<Data> | null) {
    const { hardState, entries } = persisted ?? { hardState: EMPTY_HARD_STATE, entries: [] };
    this.config = config;
    this.log = new RaftLog(entries, hardState.commit);
    this.term = hardState.term;
    this.vote = hardState.vote;
    this.reads = new ReadQueue(config.voters.length);
    this.becomeFollower(this.term, NONE);
  }

  get id(): NodeId {
    return this.config.id;
  }

  placeOf(node: NodeId): number {
    return this.config.voters.indexOf(node);
  }

  progressOf(node: NodeId): Progress | undefined {
    return this.progress[this.placeOf(node)];
  }

  /** Everything that belongs to a term starts anew. */
  reset(term: number): void {
    if (this.term !== term) {
      this.term = term;
      this.vote = NONE;
    }
    this.leader = NONE;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    const { electionTicks, draw, voters, maxInflight } = this.config;
    this.randomizedElectionTimeout = draw(electionTicks, 2 * electionTicks - 1);
    this.votes = voters.map(() => undefined);
    this.progress = voters.map(() => new Progress(this.log.lastIndex + 1, maxInflight ?? 512));
    this.progressOf(this.id)!.match = this.log.lastIndex;
    this.reads = new ReadQueue(voters.length);
    this.postponedReads = [];
  }

  becomeFollower(term: number, leader: NodeId): void {
    this.reset(term);
    this.leader = leader;
    this.role = 'follower';
  }

  /** Answers to votes and appends wait for durability (thesis, 3.8); all else may leave before. */
  send(to: NodeId, body: Body<Data>, term: number = this.term): void {
    const message: Message<Data> = { from: this.id, to, term, ...body };
    const { type } = body;
    const vouches = type === 'append-reply' || type === 'vote-reply' || type === 'pre-vote-reply';
    if (vouches) this.outboxAfterPersist.push(message);
    else this.outbox.push(message);
  }

  get hasCommittedInTerm(): boolean {
    return this.log.committed > 0 && this.log.termAt(this.log.committed) === this.term;
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }
}
