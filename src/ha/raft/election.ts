import { NONE, type Received, type VoteReply, type VoteRequest } from './messages.ts';
import { voteResult } from './quorum.ts';
import { appendEntries, broadcastAppend } from './replication.ts';
import type { RaftState } from './state.ts';

/** Elections (raft.go in etcd-io/raft; paper, 5.2 and 5.4.1; thesis, 9.6 on the pre-vote). */

/** The election timeout has passed: poll first, or run at once. */
export function startElection<D>(raft: RaftState<D>): void {
  if (raft.config.preVote) poll(raft);
  else campaign(raft);
}

/** Asks whether an election could be won, for the next term, and leaves term and vote alone. */
function poll<D>(raft: RaftState<D>): void {
  raft.role = 'pre-candidate';
  raft.leader = NONE;
  raft.votes = raft.config.voters.map(() => undefined);
  raft.preVotesStarted++;
  askForVotes(raft, 'pre-vote', raft.term + 1);
}

function campaign<D>(raft: RaftState<D>): void {
  raft.reset(raft.term + 1);
  raft.role = 'candidate';
  raft.vote = raft.id;
  raft.electionsStarted++;
  askForVotes(raft, 'vote', raft.term);
}

/** Its own vote counts once it is durable: it comes back as an answer to itself. */
function askForVotes<D>(raft: RaftState<D>, type: VoteRequest['type'], term: number): void {
  const { lastIndex, lastTerm } = raft.log;
  for (const voter of raft.config.voters) {
    if (voter === raft.id) raft.send(voter, { type: `${type}-reply`, reject: false }, term);
    else raft.send(voter, { type, lastIndex, lastTerm }, term);
  }
}

/** A voter that hears a live leader ignores candidates, so that they cannot disrupt it. */
export function ignoresCandidates<D>(raft: RaftState<D>): boolean {
  const { checkQuorum, electionTicks } = raft.config;
  return checkQuorum && raft.leader !== NONE && raft.electionElapsed < electionTicks;
}

/** One vote a term, first come first served, only for logs as up to date as the voter's own. */
export function handleVoteRequest<D>(raft: RaftState<D>, message: Received<VoteRequest>): void {
  const { from, type, term, lastIndex, lastTerm } = message;
  const may =
    raft.vote === from ||
    (raft.vote === NONE && raft.leader === NONE) ||
    (type === 'pre-vote' && term > raft.term);
  if (!may || !raft.log.isUpToDate(lastIndex, lastTerm)) {
    raft.send(from, { type: `${type}-reply`, reject: true });
    return;
  }
  raft.send(from, { type: `${type}-reply`, reject: false }, term);
  if (type === 'pre-vote') return;
  raft.electionElapsed = 0;
  raft.vote = from;
}

/** Counts answers to the question that this role asked. */
export function handleVoteReply<D>(raft: RaftState<D>, message: Received<VoteReply>): void {
  const polling = raft.role === 'pre-candidate';
  if (message.type !== (polling ? 'pre-vote-reply' : 'vote-reply')) return;
  const place = raft.placeOf(message.from);
  raft.votes[place] = raft.votes[place] ?? !message.reject;
  const result = voteResult(raft.votes);
  if (result === 'lost') raft.becomeFollower(raft.term, NONE);
  if (result !== 'won') return;
  if (polling) campaign(raft);
  else becomeLeader(raft);
}

/** An entry without data at the start of the term lets earlier ones commit (paper, 5.4.2 and 8). */
function becomeLeader<D>(raft: RaftState<D>): void {
  raft.reset(raft.term);
  raft.role = 'leader';
  raft.leader = raft.id;
  raft.electionsWon++;
  const own = raft.progressOf(raft.id)!;
  own.becomeReplicate();
  own.recentActive = true;
  appendEntries(raft, [null]);
  broadcastAppend(raft);
}
