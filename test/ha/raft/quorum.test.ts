import { expect, test } from 'vitest';
import { committedIndex, majority, voteResult } from '../../../src/ha/raft/index.ts';
import { Random } from '../../../src/kernel/index.ts';
import { naiveCommittedIndex, naiveVoteResult } from '../../naive/raft-quorum.ts';

test('a quorum is floor(n/2) + 1 (mechanisms 11.1)', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(majority)).toEqual([1, 2, 2, 3, 3, 4, 4]);
});

test('n = 2 tolerates no failure (mechanisms 11.1)', () => {
  expect(committedIndex([9, 0])).toBe(0);
  expect(voteResult([true, false])).toBe('lost');
});

test('committed index and vote result agree with their naive twins on 50,000 cases', () => {
  const random = new Random('quorum');
  let pending = 0;
  for (let round = 0; round < 50_000; round++) {
    const voters = random.integer(1, 9);
    const acknowledged = Array.from({ length: voters }, () => random.integer(0, 12));
    const naive = naiveCommittedIndex(acknowledged);
    if (committedIndex(acknowledged) !== naive) expect(committedIndex(acknowledged)).toBe(naive);
    const votes = acknowledged.map(() => [true, false, undefined][random.integer(0, 2)]);
    const result = voteResult(votes);
    if (result !== naiveVoteResult(votes)) expect(result).toBe(naiveVoteResult(votes));
    if (result === 'pending') pending++;
  }
  expect(pending).toBeGreaterThan(5_000);
});
