/** Majorities (quorum/majority.go in etcd-io/raft). Arrays are by voter, in one fixed order. */

/** How many of n voters are a majority. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The highest index that a majority has acknowledged. */
export function committedIndex(acknowledged: readonly number[]): number {
  const sorted = [...acknowledged].sort((a, b) => a - b);
  return sorted[sorted.length - majority(sorted.length)]!;
}

export type VoteResult = 'won' | 'lost' | 'pending';

/** The state of an election; undefined: this voter has not answered yet. */
export function voteResult(votes: readonly (boolean | undefined)[]): VoteResult {
  let granted = 0;
  let missing = 0;
  for (const vote of votes) {
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  if (granted >= majority(votes.length)) return 'won';
  return granted + missing >= majority(votes.length) ? 'pending' : 'lost';
}
