import { describe, expect, test } from 'vitest';
import {
  accepted,
  append,
  disk,
  flush,
  from,
  heartbeat,
  leader,
  raft,
  ticks,
  vote,
} from './single-node.ts';

/** One test per sentence: of the paper (Ongaro and Ousterhout 2014), its thesis, and 11.1. */

describe('terms (5.1)', () => {
  test('a server with a smaller term updates it to the larger value', () => {
    const node = raft();
    node.step(heartbeat(2, 4));
    expect(node.view.term).toBe(4);
  });

  test('a candidate or leader whose term is out of date reverts to follower', () => {
    const { node } = leader();
    node.step(append(2, 5, [0, 0], []));
    expect([node.view.role, node.view.leader]).toEqual(['follower', 2]);
  });

  test('a request with a stale term is rejected', () => {
    const node = raft({}, disk(3, [1, 2, 3]));
    node.step(append(2, 2, [2, 2], [2]));
    expect(flush(node).messages).toEqual([]);
    expect(node.view.log.lastTerm).toBe(3);
  });

  test('with check-quorum or pre-vote a stale leader is told of the higher term', () => {
    const node = raft({ checkQuorum: true }, disk(3, []));
    node.step(heartbeat(2, 2));
    expect(flush(node).messages).toMatchObject([{ to: 2, type: 'append-reply', term: 3 }]);
  });
});

describe('election (5.2, 5.4.1)', () => {
  test('a follower that hears nothing for an election timeout runs, voting for itself', () => {
    const node = raft();
    ticks(node, 9);
    expect(node.view.role).toBe('follower');
    node.tick();
    expect(node.view).toMatchObject({ role: 'candidate', term: 1, vote: 1 });
    const asked = flush(node).messages.map(({ to, type }) => `${type} ${to}`);
    expect(asked).toEqual(['vote 2', 'vote 3']);
  });

  test('the randomised timeout is drawn from [election, 2 election - 1] (11.1)', () => {
    const drawn: number[][] = [];
    const draw = (low: number, high: number) => {
      drawn.push([low, high]);
      return high;
    };
    const node = raft({ draw });
    ticks(node, 18);
    expect(node.view.role).toBe('follower');
    node.tick();
    expect(node.view.role).toBe('candidate');
    expect(drawn).toEqual([
      [10, 19],
      [10, 19],
    ]);
  });

  test('each server votes for at most one candidate in a term, first come first served', () => {
    const node = raft();
    node.step(vote(2, 1));
    node.step(vote(3, 1));
    node.step(vote(2, 1));
    const answers = flush(node).messages.map((m) => [m.to, m.type === 'vote-reply' && m.reject]);
    expect(answers).toEqual([
      [2, false],
      [3, true],
      [2, false],
    ]);
  });

  test('the vote survives a restart', () => {
    const node = raft({}, disk(1, [], 2));
    node.step(vote(3, 1));
    expect(flush(node).messages).toMatchObject([{ to: 3, reject: true }]);
  });

  test('a vote leaves only after it is durable, and so does the vote for itself', () => {
    const voter = raft();
    voter.step(vote(2, 1));
    expect(voter.ready()).toMatchObject({
      hardState: { term: 1, vote: 2 },
      mustSync: true,
      messages: [],
      messagesAfterPersist: [{ type: 'vote-reply' }],
    });
    const single = raft({ voters: [1] });
    ticks(single, 10);
    expect(single.ready()).toMatchObject({ mustSync: true });
    expect(single.view.role).toBe('candidate');
    single.advance();
    expect(single.view.role).toBe('leader');
  });

  const ends = [
    { own: [1, 1], candidate: [2, 1], granted: true },
    { own: [1, 1], candidate: [1, 1], granted: false },
    { own: [1, 1], candidate: [1, 2], granted: true },
    { own: [1, 2], candidate: [9, 1], granted: false },
    { own: [1, 2], candidate: [2, 2], granted: true },
  ] as const;
  for (const { own, candidate, granted } of ends) {
    test(`a log ${own} ${granted ? 'votes' : 'does not vote'} for one ending ${candidate}`, () => {
      const node = raft({}, disk(2, own));
      node.step(vote(2, 3, ...candidate));
      expect(flush(node).messages).toMatchObject([{ reject: !granted }]);
    });
  }

  test('a candidate that hears of a leader in its term follows it', () => {
    const node = raft();
    ticks(node, 10);
    node.step(heartbeat(3, 1));
    expect(node.view).toMatchObject({ role: 'follower', leader: 3, term: 1 });
  });

  test('a candidate refused by a majority waits as a follower', () => {
    const node = raft();
    ticks(node, 10);
    flush(node);
    node.step({ ...from(2, 1), type: 'vote-reply', reject: true });
    expect(node.view.role).toBe('candidate');
    node.step({ ...from(3, 1), type: 'vote-reply', reject: true });
    expect(node.view.role).toBe('follower');
  });

  test('a leader sends heartbeats each tick and an empty entry at the start of its term', () => {
    const { node, messages } = leader();
    expect(messages).toMatchObject([
      { to: 2, type: 'append', entries: [{ index: 1, term: 1, data: null }] },
      { to: 3, type: 'append', entries: [{ index: 1, term: 1, data: null }] },
    ]);
    node.tick();
    const beats = flush(node).messages.map(({ to, type }) => `${type} ${to}`);
    expect(beats).toEqual(['heartbeat 2', 'heartbeat 3']);
  });
});

describe('pre-vote and check-quorum (thesis 9.6 and 6.2; 11.1)', () => {
  test('a pre-candidate polls for the next term and keeps its own', () => {
    const node = raft({ preVote: true }, disk(4, [4]));
    ticks(node, 10);
    expect(node.view).toMatchObject({ role: 'pre-candidate', term: 4, vote: 0 });
    const ready = node.ready()!;
    expect(ready.mustSync).toBe(false);
    expect(ready.messages).toMatchObject([
      { type: 'pre-vote', term: 5, lastIndex: 1, lastTerm: 4 },
      { type: 'pre-vote', term: 5 },
    ]);
  });

  test('a pre-vote changes neither term nor vote of the voter', () => {
    const node = raft({ preVote: true }, disk(1, []));
    node.step({ ...from(2, 2), type: 'pre-vote', lastIndex: 0, lastTerm: 0 });
    node.step({ ...from(3, 2), type: 'pre-vote', lastIndex: 0, lastTerm: 0 });
    expect(flush(node).messages).toMatchObject([
      { to: 2, term: 2, reject: false },
      { to: 3, term: 2, reject: false },
    ]);
    expect(node.view).toMatchObject({ term: 1, vote: 0 });
  });

  for (const type of ['vote', 'pre-vote'] as const) {
    test(`a voter ignores a ${type} within an election timeout of hearing a leader`, () => {
      const node = raft({ checkQuorum: true });
      node.step(heartbeat(2, 1));
      flush(node);
      ticks(node, 9);
      node.step({ ...from(3, 2), type, lastIndex: 9, lastTerm: 1 });
      expect(flush(node).messages).toEqual([]);
      expect(node.view.term).toBe(1);
    });
  }

  test('a voter grants it once the election timeout has passed', () => {
    const node = raft({ checkQuorum: true, draw: (_, high) => high });
    node.step(heartbeat(2, 1));
    flush(node);
    ticks(node, 10);
    node.step(vote(3, 2, 9, 1));
    expect(flush(node).messages).toMatchObject([{ to: 3, reject: false, term: 2 }]);
  });

  test('a leader that hears no majority for an election timeout steps down, in its term', () => {
    const { node } = leader({ checkQuorum: true });
    node.step(accepted(2, 1, 1));
    ticks(node, 10);
    expect(node.view.role).toBe('leader');
    ticks(node, 9); // of what it heard before the check nothing counts
    expect(node.view.role).toBe('leader');
    node.tick();
    expect(node.view).toMatchObject({ role: 'follower', leader: 0, term: 1 });
  });

  test('without check-quorum it leads on', () => {
    const { node } = leader();
    ticks(node, 100);
    expect(node.view.role).toBe('leader');
  });
});
