import { describe, expect, test } from 'vitest';
import type { Message, NodeId, Ready } from '../../../src/ha/raft/index.ts';
import { accepted, append, disk, flush, from, heartbeat, leader, raft } from './single-node.ts';

/** One test per sentence: of the paper (Ongaro and Ousterhout 2014), its thesis, and 11.1. */

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
