import {
  type Entry,
  type Message,
  type NodeId,
  type Persisted,
  Raft,
  type RaftConfig,
} from '../../../src/ha/raft/index.ts';

export function raft(
  options: Partial<RaftConfig> = {},
  persisted: Persisted<string> | null = null,
) {
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
export function disk(term: number, terms: readonly number[], vote: NodeId = 0): Persisted<string> {
  const entries = terms.map((t, i) => ({ index: i + 1, term: t, data: `${t}.${i + 1}` }));
  return { hardState: { term, vote, commit: 0 }, entries };
}

/** Carries out all that is ready; returns what it would have sent, and what was committed. */
export function flush(node: Raft<string>) {
  const messages: Message<string>[] = [];
  const committed: Entry<string>[] = [];
  for (let ready = node.ready(); ready !== null; ready = node.ready()) {
    messages.push(...ready.messages, ...ready.messagesAfterPersist);
    committed.push(...ready.committed);
    node.advance();
  }
  return { messages, committed };
}

export function ticks(node: Raft<string>, n: number): void {
  for (let i = 0; i < n; i++) node.tick();
}

export const from = (node: NodeId, term: number) => ({ from: node, to: 1, term });
export const heartbeat = (node: NodeId, term: number, commit = 0): Message<string> => ({
  ...from(node, term),
  type: 'heartbeat',
  commit,
  reads: 0,
});
export const accepted = (node: NodeId, term: number, index: number): Message<string> => ({
  ...from(node, term),
  type: 'append-reply',
  index,
  reject: false,
  hintIndex: 0,
  hintTerm: 0,
});
export const vote = (node: NodeId, term: number, lastIndex = 0, lastTerm = 0): Message<string> => ({
  ...from(node, term),
  type: 'vote',
  lastIndex,
  lastTerm,
});
export const append = (
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
export function leader(
  options: Partial<RaftConfig> = {},
  persisted: Persisted<string> | null = null,
) {
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
