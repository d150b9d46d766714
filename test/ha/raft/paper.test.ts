import { describe, expect, test } from 'vitest';
import {
  type Entry,
  type Message,
  type NodeId,
  type Persisted,
  Raft,
  type RaftConfig,
  type Ready,
} from '../../../src/ha/raft/index.ts';

/** One test per sentence: of the paper (Ongaro and Ousterhout 2014), its thesis, and 11.1. */

function raft(options: Partial<RaftConfig> = {}, persisted: Persisted<string> | null = null) {
  return new Raft<string>(
    {
      id: 1,
      voters: [1, 2, 3],
      electionTicks: 10,
      heartbeatTicks: 1,
      preVote: false,
      checkQuorum: false,
      draw: (low) => low,
      ...options,
    },
    persisted,
  );
}

/** A disk with entries of the given terms. */
function disk(term: number, terms: readonly number[], vote: NodeId = 0): Persisted<string> {
  const entries = terms.map((t, i) => ({ index: i + 1, term: t, data: `${t}.${i + 1}` }));
  return { hardState: { term, vote, commit: 0 }, entries };
}

/** Carries out all that is ready; returns what it would have sent, and what was committed. */
function flush(node: Raft<string>) {
  const messages: Message<string>[] = [];
  const committed: Entry<string>[] = [];
  for (let ready = node.ready(); ready !== null; ready = node.ready()) {
    messages.push(...ready.messages, ...ready.messagesAfterPersist);
    committed.push(...ready.committed);
    node.advance();
  }
  return { messages, committed };
}

function ticks(node: Raft<string>, n: number): void {
  for (let i = 0; i < n; i++) node.tick();
}

const from = (node: NodeId, term: number) => ({ from: node, to: 1, term });
const heartbeat = (node: NodeId, term: number, commit = 0): Message<string> => ({
  ...from(node, term),
  type: 'heartbeat',
  commit,
  reads: 0,
});
const accepted = (node: NodeId, term: number, index: number): Message<string> => ({
  ...from(node, term),
  type: 'append-reply',
  index,
  reject: false,
  hintIndex: 0,
  hintTerm: 0,
});
const vote = (node: NodeId, term: number, lastIndex = 0, lastTerm = 0): Message<string> => ({
  ...from(node, term),
  type: 'vote',
  lastIndex,
  lastTerm,
});
const append = (
  node: NodeId,
  term: number,
  [previousIndex, previousTerm]: readonly [number, number],
  terms: readonly number[],
  commit = 0,
): Message<string> => ({
  ...from(node, term),
  type: 'append',
  previousIndex,
  previousTerm,
  entries: terms.map((t, i) => ({ index: previousIndex + 1 + i, term: t, data: `new ${t}` })),
  commit,
});

/** Elects node 1; returns it with its first entry sent. */
function leader(options: Partial<RaftConfig> = {}, persisted: Persisted<string> | null = null) {
  const node = raft(options, persisted);
  ticks(node, 10);
  flush(node);
  const { term } = node.view;
  if (node.view.config.preVote) {
    node.step({ ...from(2, term + 1), type: 'pre-vote-reply', reject: false });
    flush(node);
  }
  node.step({ ...from(2, node.view.term), type: 'vote-reply', reject: false });
  const { messages } = flush(node);
  return { node, messages };
}

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

describe('replication (5.3, 5.4.2)', () => {
  test('an entry is committed once a majority, the leader included, has it durably', () => {
    const { node } = leader();
    node.step(accepted(2, 1, 1));
    node.step(accepted(3, 1, 1));
    flush(node);
    expect(node.propose('x')).toBe(true);
    const ready: Ready<string> = node.ready()!;
    expect(ready.messages.map((m) => m.type)).toEqual(['append', 'append']);
    expect(ready.entries.map((entry) => entry.data)).toEqual(['x']);
    expect(ready.committed).toEqual([]);
    node.advance();
    expect(node.view.log.committed).toBe(1);
    node.step(accepted(3, 1, 2));
    expect(node.view.log.committed).toBe(2);
  });

  test('entries of earlier terms are committed only with one of the own term', () => {
    const { node } = leader({ voters: [1, 2, 3] }, disk(2, [1, 2]));
    node.step(accepted(2, 3, 2));
    expect(node.view.log.committed).toBe(0);
    node.step(accepted(2, 3, 3));
    expect(node.view.log.committed).toBe(3);
  });

  test('a follower refuses entries whose predecessor it lacks, with a hint', () => {
    const node = raft({}, disk(3, [1, 1, 3]));
    node.step(append(2, 4, [5, 4], [4]));
    expect(flush(node).messages).toMatchObject([
      { type: 'append-reply', index: 5, reject: true, hintIndex: 3, hintTerm: 3 },
    ]);
  });

  test('a follower overwrites conflicting entries and keeps matching ones', () => {
    const node = raft({}, disk(3, [1, 2, 2, 2]));
    node.step(append(2, 4, [1, 1], [2, 3]));
    const ready = node.ready()!;
    expect(ready.entries.map(({ index, term }) => [index, term])).toEqual([[3, 3]]);
    expect(node.view.log.lastIndex).toBe(3);
    node.advance();
    node.step(append(2, 4, [1, 1], [2])); // late and shorter: nothing is cut off
    expect(node.view.log.lastIndex).toBe(3);
  });

  test('a follower answers an append only after its fsync', () => {
    const node = raft();
    node.step(append(2, 1, [0, 0], [1]));
    const ready = node.ready()!;
    expect(ready.mustSync).toBe(true);
    expect(ready.messages).toEqual([]);
    expect(ready.messagesAfterPersist).toMatchObject([{ type: 'append-reply', index: 1 }]);
  });

  test('a follower commits what the leader has, but not beyond what it knows to match', () => {
    const node = raft({}, disk(1, [1, 1, 1]));
    node.step(append(2, 1, [2, 1], [], 3));
    expect(node.view.log.committed).toBe(2);
  });

  test('a heartbeat tells a follower no commit index beyond its match', () => {
    const { node } = leader();
    node.step(accepted(2, 1, 1));
    flush(node);
    node.tick();
    const beats = flush(node).messages.map((m) => m.type === 'heartbeat' && [m.to, m.commit]);
    expect(beats).toEqual([
      [2, 1],
      [3, 0],
    ]);
  });

  // raft.go explains its two searches with these logs; each needs one probe only.
  const probes = [
    { own: [1, 3, 3, 3, 5, 5, 5, 5], theirs: [1, 1, 1, 1, 2, 2], next: 2 },
    { own: [1, 3, 3, 3, 3, 3, 3, 3], theirs: [1, 3, 3, 4, 4, 5, 5, 5, 6], next: 4 },
  ];
  for (const { own, theirs, next } of probes) {
    test(`a leader with terms ${own} finds the place in ${theirs} at once`, () => {
      const { node, messages } = leader({}, disk(6, own));
      const follower = raft({ id: 2 }, disk(6, theirs));
      follower.step(messages.find((m) => m.to === 2)!);
      node.step(flush(follower).messages[0]!);
      const probe = flush(node).messages.find((m) => m.type === 'append')!;
      expect(probe.type === 'append' && probe.previousIndex + 1).toBe(next);
      follower.step(probe);
      flush(follower);
      expect(follower.view.log.from(1).map((e) => e.term)).toEqual([...own, 7]);
    });
  }

  test('entries go out without waiting once a follower is known to match (pipelining)', () => {
    const { node } = leader();
    node.step(accepted(2, 1, 1));
    flush(node);
    for (const data of ['a', 'b', 'c']) node.propose(data);
    const sent = flush(node).messages.filter((m) => m.to === 2 && m.type === 'append');
    const indices = sent.flatMap((m) => (m.type === 'append' ? m.entries.map((e) => e.index) : []));
    expect(indices).toEqual([2, 3, 4]);
  });

  test('a follower passes proposals on; a node without a leader refuses them', () => {
    const node = raft();
    expect(node.propose('x')).toBe(false);
    node.step(heartbeat(2, 1));
    expect(node.propose('x')).toBe(true);
    const { messages } = flush(node);
    expect(messages).toMatchObject([{ type: 'heartbeat-reply' }, { to: 2, data: ['x'], term: 0 }]);
  });
});

describe('reads (thesis 6.4; 11.1)', () => {
  const confirmed = (node: NodeId, reads: number): Message<string> => ({
    ...from(node, 1),
    type: 'heartbeat-reply',
    reads,
  });

  test('a read waits for one heartbeat round to a majority', () => {
    const { node } = leader();
    node.step(accepted(2, 1, 1));
    flush(node);
    node.readIndex(7);
    expect(node.ready()).toMatchObject({
      messages: [
        { type: 'heartbeat', reads: 1 },
        { type: 'heartbeat', reads: 1 },
      ],
      readStates: [],
    });
    node.advance();
    node.step(confirmed(3, 1));
    expect(node.ready()!.readStates).toEqual([{ context: 7, index: 1 }]);
  });

  test('an answer to an earlier round does not confirm a later read', () => {
    const { node } = leader();
    node.step(accepted(2, 1, 1));
    node.readIndex(7);
    node.readIndex(8);
    flush(node);
    node.step(confirmed(3, 1));
    expect(node.ready()!.readStates).toEqual([{ context: 7, index: 1 }]);
  });

  test('a new leader answers no read before it has committed an entry of its term', () => {
    const { node } = leader({}, disk(2, [1, 2]));
    node.readIndex(7);
    expect(flush(node).messages).toEqual([]);
    node.step(accepted(2, 3, 3));
    const beats = flush(node).messages.filter((m) => m.type === 'heartbeat' && m.reads === 1);
    expect(beats).toHaveLength(2);
  });

  test('a follower asks its leader', () => {
    const node = raft();
    node.step(heartbeat(2, 1));
    node.readIndex(7);
    node.step({ ...from(2, 1), type: 'read-index-reply', context: 7, index: 3 });
    const ready = node.ready()!;
    expect(ready.messages).toMatchObject([{ type: 'heartbeat-reply' }, { to: 2, context: 7 }]);
    expect(ready.readStates).toEqual([{ context: 7, index: 3 }]);
  });
});
