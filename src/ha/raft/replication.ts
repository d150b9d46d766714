import {
  type Append,
  type AppendReply,
  type Heartbeat,
  type HeartbeatReply,
  NONE,
  type NodeId,
  type Received,
} from './messages.ts';
import { committedIndex } from './quorum.ts';
import type { PendingRead } from './reads.ts';
import type { RaftState } from './state.ts';

/** Log replication and reads (raft.go in etcd-io/raft; paper, 5.3 and 8; thesis, 6.4). */

/** A leader's log grows; the leader itself acknowledges when the entries are durable. */
export function appendEntries<D>(raft: RaftState<D>, data: readonly (D | null)[]): void {
  raft.log.append(raft.term, data);
  const index = raft.log.lastIndex;
  raft.send(raft.id, { type: 'append-reply', index, reject: false, hintIndex: 0, hintTerm: 0 });
}

export function broadcastAppend<D>(raft: RaftState<D>): void {
  for (const peer of raft.config.voters) if (peer !== raft.id) sendAppend(raft, peer, true);
}

/** Sends what a voter lacks, if it may be sent; says whether anything was. */
export function sendAppend<D>(raft: RaftState<D>, to: NodeId, evenIfEmpty: boolean): boolean {
  const progress = raft.progressOf(to)!;
  if (progress.paused) return false;
  const entries = progress.mayCarryEntries ? raft.log.from(progress.next) : [];
  if (entries.length === 0 && !evenIfEmpty) return false;
  const previousIndex = progress.next - 1;
  const previousTerm = raft.log.termAt(previousIndex);
  const commit = raft.log.committed;
  raft.send(to, { type: 'append', previousIndex, previousTerm, entries, commit });
  progress.sent(entries.length, commit);
  return true;
}

export function broadcastHeartbeat<D>(raft: RaftState<D>): void {
  const reads = raft.reads.last;
  for (const peer of raft.config.voters) {
    if (peer === raft.id) continue;
    const progress = raft.progressOf(peer)!;
    const commit = Math.min(progress.match, raft.log.committed);
    raft.send(peer, { type: 'heartbeat', commit, reads });
    progress.sentHeartbeat(commit);
  }
}

/** A follower takes over the leader's entries, or says from where on they would fit. */
export function handleAppend<D>(raft: RaftState<D>, message: Received<Append<D>>): void {
  const { from, previousIndex, previousTerm, entries, commit } = message;
  const { log } = raft;
  const accept = (index: number) =>
    raft.send(from, { type: 'append-reply', index, reject: false, hintIndex: 0, hintTerm: 0 });
  if (previousIndex < log.committed) accept(log.committed);
  else if (log.matches(previousIndex, previousTerm)) {
    const last = previousIndex + entries.length;
    log.merge(entries);
    log.commitTo(Math.min(commit, last));
    accept(last);
  } else {
    const index = previousIndex;
    const hintIndex = log.lastNotAfterTerm(previousIndex, previousTerm);
    const hintTerm = log.termAt(hintIndex);
    raft.send(from, { type: 'append-reply', index, reject: true, hintIndex, hintTerm });
  }
}

export function handleHeartbeat<D>(raft: RaftState<D>, message: Received<Heartbeat>): void {
  raft.log.commitTo(message.commit);
  raft.send(message.from, { type: 'heartbeat-reply', reads: message.reads });
}

/** A leader learns how far a voter's log, or its own durable one, matches. */
export function handleAppendReply<D>(raft: RaftState<D>, message: Received<AppendReply>): void {
  const progress = raft.progressOf(message.from)!;
  progress.recentActive = true;
  if (message.reject) handleRefusal(raft, message);
  else handleAcceptance(raft, message);
}

function handleAcceptance<D>(raft: RaftState<D>, message: Received<AppendReply>): void {
  const progress = raft.progressOf(message.from)!;
  const news = progress.acknowledge(message.index);
  const probed = progress.state === 'probe' && progress.match === message.index;
  if (!news && !probed) return;
  if (progress.state === 'probe') progress.becomeReplicate();
  else progress.free(message.index);
  if (advanceCommit(raft)) {
    releasePostponedReads(raft);
    broadcastAppend(raft);
  } else if (message.from !== raft.id && progress.canBumpCommit(raft.log.committed)) {
    sendAppend(raft, message.from, true);
  }
  if (message.from !== raft.id) sendAppend(raft, message.from, false);
}

/** Goes back in the log at most once for each term in it (raft.go, stepLeader). */
function handleRefusal<D>(raft: RaftState<D>, message: Received<AppendReply>): void {
  const { from, index, hintIndex, hintTerm } = message;
  const progress = raft.progressOf(from)!;
  const next = hintTerm > 0 ? raft.log.lastNotAfterTerm(hintIndex, hintTerm) : hintIndex;
  if (!progress.refused(index, next)) return;
  if (progress.state === 'replicate') progress.becomeProbe();
  sendAppend(raft, from, true);
}

/** Only entries of the leader's own term are committed by counting (paper, 5.4.2). */
function advanceCommit<D>(raft: RaftState<D>): boolean {
  const index = committedIndex(raft.progress.map((progress) => progress.match));
  if (index <= raft.log.committed || raft.log.termAt(index) !== raft.term) return false;
  raft.log.commitTo(index);
  return true;
}

export function handleHeartbeatReply<D>(
  raft: RaftState<D>,
  message: Received<HeartbeatReply>,
): void {
  const progress = raft.progressOf(message.from)!;
  progress.recentActive = true;
  progress.paused = false;
  if (progress.match < raft.log.lastIndex || progress.state === 'probe') {
    sendAppend(raft, message.from, true);
  }
  if (message.reads === 0) return;
  for (const read of raft.reads.acknowledge(raft.placeOf(message.from), message.reads)) {
    answerRead(raft, read, read.index);
  }
}

/** A leader confirms that it leads, by a heartbeat round; not before its first commit. */
export function handleReadIndex<D>(raft: RaftState<D>, read: PendingRead): void {
  if (raft.config.voters.length === 1) answerRead(raft, read, raft.log.committed);
  else if (!raft.hasCommittedInTerm) raft.postponedReads.push(read);
  else {
    raft.reads.add(read, raft.log.committed);
    raft.reads.acknowledge(raft.placeOf(raft.id), raft.reads.last);
    broadcastHeartbeat(raft);
  }
}

function releasePostponedReads<D>(raft: RaftState<D>): void {
  const reads = raft.postponedReads;
  raft.postponedReads = [];
  for (const read of reads) handleReadIndex(raft, read);
}

function answerRead<D>(raft: RaftState<D>, read: PendingRead, index: number): void {
  const { from, context } = read;
  if (from === raft.id) raft.readStates.push({ context, index });
  else raft.send(from, { type: 'read-index-reply', context, index });
}

/** A leader that heard of no majority since the last check steps down (thesis, 6.2). */
export function checkQuorum<D>(raft: RaftState<D>): void {
  const heard = raft.progress.map((progress, place) =>
    place === raft.placeOf(raft.id) || progress.recentActive ? 1 : 0,
  );
  if (committedIndex(heard) === 0) raft.becomeFollower(raft.term, NONE);
  else for (const progress of raft.progress) progress.recentActive = false;
}
