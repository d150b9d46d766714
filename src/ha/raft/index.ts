/** Raft as a pure step machine; `driver.ts` runs a cluster of it on a simulated network. */
export { type ClusterObserver, type ClusterOptions, RaftCluster } from './driver.ts';
export { RaftHost, type Round } from './host.ts';
export { type Entry, type HardState, type Message, NONE, type NodeId } from './messages.ts';
export { type Letter, type NodePorts, RaftNode } from './node.ts';
export { committedIndex, majority, type VoteResult, voteResult } from './quorum.ts';
export { Raft, type Ready, type SoftState } from './raft.ts';
export type { Persisted, RaftConfig, ReadState, Role } from './state.ts';
