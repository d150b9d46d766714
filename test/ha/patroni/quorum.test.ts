import { expect, test } from 'vitest';
import {
  type QuorumState,
  quorumTransitions,
  quorumViolation,
  type Transition,
} from '../../../src/ha/patroni/quorum.ts';

function apply(state: QuorumState, { kind, leader, num, names }: Transition): QuorumState {
  if (kind === 'sync') return { ...state, numsync: num, sync: names };
  return kind === 'quorum' ? { ...state, leader, quorum: num, voters: names } : state;
}

const FRESH: QuorumState = {
  leader: 'a',
  leaderWanted: 'a',
  quorum: 0,
  voters: [],
  numsync: 0,
  sync: [],
  numsyncConfirmed: 0,
  active: [],
  syncWanted: 1,
};

const short = ({ kind, num, names }: Transition) => `${kind} ${num} of ${[...names].sort()}`;

test('from nothing: names first, then look again; voters once somebody has caught up', () => {
  const first = quorumTransitions({ ...FRESH, active: ['b', 'c'] });
  expect(first.map(short)).toEqual(['sync 1 of b,c', 'restart 0 of ']);
  const second = quorumTransitions({
    ...FRESH,
    active: ['b', 'c'],
    sync: ['b', 'c'],
    numsync: 1,
    numsyncConfirmed: 1,
  });
  expect(second.map(short)).toEqual(['quorum 1 of b,c']);
});

const STEADY: QuorumState = {
  ...FRESH,
  quorum: 1,
  voters: ['b', 'c'],
  numsync: 1,
  sync: ['b', 'c'],
  numsyncConfirmed: 1,
  active: ['b', 'c'],
};

test('a steady state stays', () => {
  expect(quorumTransitions(STEADY)).toEqual([]);
});

test('a new node becomes a voter first, one that leaves leaves the names first', () => {
  const added = quorumTransitions({ ...STEADY, active: ['b', 'c', 'd'] });
  expect(added.map(short)).toEqual(['quorum 2 of b,c,d', 'sync 1 of b,c,d']);
  const left = quorumTransitions({ ...STEADY, active: ['b'] });
  expect(left.map(short)).toEqual(['sync 1 of b', 'quorum 0 of b']);
});

test('more confirmations: numsync first, fewer: quorum first', () => {
  const more = quorumTransitions({ ...STEADY, syncWanted: 2, numsyncConfirmed: 2 });
  expect(more.map(short)).toEqual(['sync 2 of b,c', 'quorum 0 of b,c']);
  const two = { ...STEADY, numsync: 2, quorum: 0, numsyncConfirmed: 2, syncWanted: 1 };
  expect(quorumTransitions(two).map(short)).toEqual(['quorum 1 of b,c', 'sync 1 of b,c']);
});

test('a new leader makes the old one a voter', () => {
  const promoted = quorumTransitions({
    ...STEADY,
    leaderWanted: 'b',
    sync: ['a', 'c'],
    active: ['c'],
  });
  expect(promoted[0]).toMatchObject({ kind: 'quorum', leader: 'b', names: ['c', 'a'] });
});

/** All subsets of a small list. */
function subsets(list: readonly string[]): string[][] {
  let all: string[][] = [[]];
  for (const name of list) all = all.concat(all.map((each) => each.concat(name)));
  return all;
}

/** 32 bits of FNV-1a. */
function hashed(hash: number, text: string): number {
  let h = hash;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}

/** Every state of three standbys, in a fixed order; the old leader is `a` or was `b`. */
function* everyState(): Generator<QuorumState> {
  for (const leader of ['a', 'b']) {
    for (const voters of subsets(leader === 'a' ? ['b', 'c', 'd'] : ['a', 'c', 'd'])) {
      for (const sync of subsets(['b', 'c', 'd'])) {
        for (const active of subsets(['b', 'c', 'd'])) {
          yield* everyCount({ ...FRESH, leader, voters, sync, active });
        }
      }
    }
  }
}

function* everyCount(state: QuorumState): Generator<QuorumState> {
  for (let quorum = 0; quorum <= 3; quorum++) {
    for (let numsync = 0; numsync <= state.sync.length; numsync++) {
      for (let confirmed = 0; confirmed <= state.active.length; confirmed++) {
        for (const syncWanted of [1, 2]) {
          yield { ...state, quorum, numsync, numsyncConfirmed: confirmed, syncWanted };
        }
      }
    }
  }
}

test("51,200 states: the same transitions as Patroni's own resolver yields", () => {
  let states = 0;
  let silent = 0;
  let digest = 0x811c9dc5;
  for (const state of everyState()) {
    const transitions = quorumTransitions(state);
    states++;
    if (transitions.length === 0) silent++;
    digest = hashed(digest, `${transitions.map(short).join('; ')}\n`);
  }
  // From patroni/quorum.py of 4.1.4, whose errors and failed assertions count as no transition.
  expect({ states, silent, digest: digest.toString(16) }).toEqual(PATRONI);
});

const PATRONI = { states: 51_200, silent: 26708, digest: '8fa2ecad' };

test('every transition from a sound state leads to a sound state', () => {
  let checked = 0;
  for (const state of everyState()) {
    if (state.numsync > state.sync.length || quorumViolation(state) !== null) continue;
    let next = state;
    for (const transition of quorumTransitions(state)) {
      next = apply(next, transition);
      expect(quorumViolation(next)).toBe(null);
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(1000);
});

test('from every settled state, whoever comes or goes, the best state is reached', () => {
  for (const before of subsets(['b', 'c', 'd'])) {
    for (const count of [1, 2]) {
      const settled = settle({ ...FRESH, active: before, syncWanted: count });
      for (const active of subsets(['b', 'c', 'd'])) {
        for (const syncWanted of [1, 2]) {
          const state = settle({ ...settled, active, syncWanted });
          const names = [...active].sort();
          const numsync = Math.min(syncWanted, active.length);
          expect(sorted(state)).toEqual({ names, voters: names, numsync });
          expect(state.quorum).toBe(active.length - numsync);
        }
      }
    }
  }
});

function sorted({ sync, voters, numsync }: QuorumState) {
  return { names: [...sync].sort(), voters: [...voters].sort(), numsync };
}

/** Runs cycles, with everybody who is connected caught up before each. */
function settle(start: QuorumState): QuorumState {
  let state = start;
  for (let cycle = 0; cycle < 6; cycle++) {
    const caughtUp = state.sync.filter((name) => state.active.includes(name)).length;
    state = { ...state, numsyncConfirmed: caughtUp };
    for (const transition of quorumTransitions(state)) state = apply(state, transition);
  }
  return state;
}
