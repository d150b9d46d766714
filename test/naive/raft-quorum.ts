import type { VoteResult } from '../../src/ha/raft/index.ts';

/** Every index from the highest down, and for each all voters counted. */
export function naiveCommittedIndex(acknowledged: readonly number[]): number {
  for (let index = Math.max(...acknowledged); index > 0; index--) {
    let have = 0;
    for (const acked of acknowledged) if (acked >= index) have++;
    if (2 * have > acknowledged.length) return index;
  }
  return 0;
}

/** All ways in which the missing votes can still fall: won or lost if they all agree. */
export function naiveVoteResult(votes: readonly (boolean | undefined)[]): VoteResult {
  const missing = votes.indexOf(undefined);
  if (missing < 0) {
    const granted = votes.filter((vote) => vote === true).length;
    return 2 * granted > votes.length ? 'won' : 'lost';
  }
  const yes = naiveVoteResult(votes.with(missing, true));
  const no = naiveVoteResult(votes.with(missing, false));
  return yes === no ? yes : 'pending';
}
