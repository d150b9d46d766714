import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/ha/patroni/decide.ts';
import type { HaInput, MemberAnswer } from '../../../src/ha/patroni/decision.ts';
import { isHealthiest, raceEligibility } from '../../../src/ha/patroni/race.ts';
import { SECOND } from '../../../src/kernel/time.ts';
import { naiveHealthiest } from '../../naive/leader-race.ts';
import {
  answer,
  answers,
  cluster,
  effect,
  input,
  member,
  members,
  primary,
  progress,
  settings,
  standby,
} from './fixtures.ts';

const MIB = 1_048_576;
const verdict = (changes: Partial<HaInput>) => {
  const given = input(changes);
  return raceEligibility(given, given.cluster as Exclude<HaInput['cluster'], string>).verdict;
};
const sync = { leader: 'a', standbys: ['c'], quorum: 0 };

describe('10.3, who stays out of the race', () => {
  test('a starting Postgres', () => {
    expect(verdict({ postgres: standby({ state: 'starting' }) })).toBe('abstain');
  });

  test('nofailover, or failover_priority 0; but a running primary takes the key back', () => {
    expect(verdict({ tags: { nofailover: true } })).toBe('abstain');
    expect(verdict({ tags: { failover_priority: 0 } })).toBe('abstain');
    expect(verdict({ tags: { nofailover: true }, postgres: primary() })).toBe('take');
  });

  test('a required watchdog that is unusable', () => {
    expect(verdict({ watchdog: 'unusable' })).toBe('abstain');
    expect(verdict({ watchdog: 'usable' })).toBe('compare');
  });

  test('not in the failsafe list, if failsafe_mode is on', () => {
    const on = settings({ failsafe_mode: true });
    expect(verdict({ settings: on, failsafeTopology: ['a', 'c'] })).toBe('abstain');
    expect(verdict({ settings: on, failsafeTopology: ['a', 'b'] })).toBe('compare');
    expect(verdict({ settings: on, failsafeTopology: [] })).toBe('compare');
    expect(verdict({ failsafeTopology: ['a', 'c'] })).toBe('compare');
  });

  test('synchronous mode: not in /sync; quorum mode lets it try', () => {
    const view = cluster(null, { sync });
    const mode = (synchronous_mode: 'off' | 'on' | 'quorum') =>
      verdict({ cluster: view, settings: settings({ synchronous_mode }) });
    expect([mode('off'), mode('on'), mode('quorum')]).toEqual(['compare', 'abstain', 'compare']);
    const me = cluster(null, { sync: { ...sync, standbys: ['b'] } });
    expect(verdict({ cluster: me, settings: settings({ synchronous_mode: 'on' }) })).toBe(
      'compare',
    );
  });

  test('maximum_lag_on_failover counts from the last published position, and exactly', () => {
    const at = (lag: number) =>
      verdict({ cluster: cluster(null, { status: { optime: 1000 + lag, slots: new Map() } }) });
    expect(at(MIB)).toBe('compare');
    expect(at(MIB + 1)).toBe('abstain');
  });

  test('the position is the larger of received and replayed', () => {
    const view = cluster(null, { status: { optime: 2 * MIB + 1, slots: new Map() } });
    const position = (receivedLsn: number, replayedLsn: number) =>
      verdict({ cluster: view, postgres: standby({ receivedLsn, replayedLsn }) });
    expect(position(MIB, 2 * MIB)).toBe('compare');
    expect(position(2 * MIB, MIB)).toBe('compare');
    expect(position(MIB, MIB)).toBe('abstain');
  });

  test('check_timeline: a timeline behind the history, or unknown', () => {
    const history = [{ timeline: 1, switchpoint: 500 }];
    const view = cluster(null, { history });
    const on = settings({ check_timeline: true });
    const at = (timeline: number | null) =>
      verdict({ cluster: view, settings: on, postgres: standby({ timeline }) });
    expect([at(1), at(2), at(null)]).toEqual(['abstain', 'compare', 'abstain']);
    expect(verdict({ cluster: view, postgres: standby({ timeline: 1 }) })).toBe('compare');
  });

  test('a primary whose timeline is behind does not take the key back', () => {
    const view = cluster(null, { history: [{ timeline: 1, switchpoint: 500 }] });
    expect(verdict({ cluster: view, postgres: primary() })).toBe('abstain');
    expect(verdict({ cluster: view, postgres: primary({ timeline: 2 }) })).toBe('take');
  });

  test('the refusal names the rule and its numbers', () => {
    const view = cluster(null, { status: { optime: 0x5000 * 256, slots: new Map() } });
    const given = input({ cluster: view, postgres: standby({ receivedLsn: 0x3000 }) });
    expect(raceEligibility(given, view).message).toBe(
      'my WAL position 0/3000 is 5 MB behind the last published 0/500000, ' +
        'maximum_lag_on_failover is 1 MB',
    );
  });
});

describe('10.3, who is asked', () => {
  test('all known before and now but nofailover ones and those without an API', () => {
    const before = cluster('a', { members: members(member('a'), member('d'), member('b')) });
    const now = cluster(null, {
      members: members(
        member('b'),
        member('c', { tags: { nofailover: true } }),
        member('e', { apiHost: null }),
        member('f'),
      ),
    });
    const decision = decide(input({ cluster: now, lastHealthyCluster: before }));
    expect(effect(decision)).toEqual({
      kind: 'ask',
      purpose: 'race',
      members: ['a', 'd', 'f'],
    });
  });

  test('synchronous mode: only the /sync members and the former leader', () => {
    const given = input({
      settings: settings({ synchronous_mode: 'on' }),
      cluster: cluster(null, { sync: { leader: 'a', standbys: ['b'], quorum: 0 } }),
    });
    expect(effect(decide(given))).toMatchObject({ members: ['a'] });
  });

  test('quorum mode: nofailover members of /sync too', () => {
    const given = input({
      settings: settings({ synchronous_mode: 'quorum' }),
      cluster: cluster(null, {
        sync: { leader: 'a', standbys: ['b', 'c'], quorum: 1 },
        members: members(member('b'), member('c', { tags: { nofailover: true } })),
      }),
    });
    expect(effect(decide(given))).toMatchObject({ members: ['a', 'c'] });
  });

  test('nobody else: the race is taken without asking', () => {
    const alone = cluster(null, { members: members(member('b')) });
    expect(decide(input({ cluster: alone, lastHealthyCluster: null })).kind).toBe('acquire');
  });
});

describe('10.3, what the answers mean', () => {
  const outcome = (list: Record<string, MemberAnswer>, changes: Partial<HaInput> = {}) =>
    decide(input({ progress: progress({ raceAnswers: answers(list) }), ...changes })).kind;

  test('someone still primary: abstain', () => {
    expect(outcome({ a: answer(0, { inRecovery: false }), c: answer(0) })).toBe('reread');
  });

  test('someone reachable and allowed with a higher LSN: abstain', () => {
    expect(outcome({ c: answer(1001) })).toBe('reread');
    expect(outcome({ c: answer(1000) })).toBe('acquire');
    expect(outcome({ c: answer(1001, { tags: { nofailover: true } }) })).toBe('acquire');
    expect(outcome({ c: answer(1001, { watchdogFailed: true }) })).toBe('acquire');
  });

  test('equal LSN and higher failover_priority: abstain, the former leader ignored', () => {
    const tags = { failover_priority: 2 };
    expect(outcome({ c: answer(1000, { tags }) })).toBe('reread');
    expect(outcome({ c: answer(999, { tags }) })).toBe('acquire');
    expect(outcome({ a: answer(1000, { tags }) })).toBe('acquire');
  });

  test('unreachable members are ignored', () => {
    expect(outcome({ a: 'unreachable', c: 'unreachable' })).toBe('acquire');
  });

  test('synchronous mode: the former leader being ahead does not block', () => {
    const view = cluster(null, { sync: { leader: 'a', standbys: ['b'], quorum: 0 } });
    const on = { settings: settings({ synchronous_mode: 'on' }), cluster: view };
    expect(outcome({ a: answer(5000) }, on)).toBe('acquire');
    expect(outcome({ c: answer(5000) }, on)).toBe('reread');
  });

  test('quorum mode: quorum votes of other members, one more from outside', () => {
    const quorum = (standbys: string[], list: Record<string, MemberAnswer>) =>
      outcome(list, {
        settings: settings({ synchronous_mode: 'quorum' }),
        cluster: cluster(null, { sync: { leader: 'a', standbys, quorum: 1 } }),
      });
    expect(quorum(['b', 'c'], { c: answer(1000) })).toBe('acquire');
    expect(quorum(['b', 'c'], { c: 'unreachable' })).toBe('reread');
    expect(quorum(['c', 'd'], { c: answer(1000) })).toBe('reread');
    expect(quorum(['c', 'd'], { c: answer(1000), d: answer(500) })).toBe('acquire');
    expect(quorum(['c', 'd'], { c: answer(1000), d: answer(0) })).toBe('reread');
  });

  test('the winner promotes, the loser follows the winner', () => {
    expect(decide(input({ cluster: cluster('b'), progress: progress({ race: 'won' }) })).kind).toBe(
      'promote',
    );
    const lost = input({ cluster: cluster('c'), progress: progress({ race: 'lost' }) });
    expect(effect(decide(lost))).toEqual({ kind: 'follow', leader: 'c' });
  });

  test('no replica passes the lag test: the cluster stays leaderless', () => {
    const status = { optime: 1000 + MIB + 1, slots: new Map() };
    for (const me of ['b', 'c']) {
      expect(decide(input({ me, cluster: cluster(null, { status }) })).kind).toBe('reread');
    }
  });

  test('a nofailover standby waits 2 s before it reads who won', () => {
    expect(effect(decide(input({ tags: { nofailover: true } })))).toEqual({
      kind: 'reread',
      after: 2 * SECOND,
    });
  });
});

describe('10.1, primary_race_backoff', () => {
  const backoff = settings({ primary_race_backoff: 60 * SECOND });
  const postgres = standby({ replicationState: 'streaming' });
  const at = (since: number, previousLsn: number) =>
    decide(
      input({
        settings: backoff,
        postgres,
        previousLsn,
        now: 100 * SECOND,
        unlockedSince: (100 - since) * SECOND,
      }),
    ).kind;

  test('the race waits a loop_wait, then while WAL streams in, then no more', () => {
    expect(at(0, 1000)).toBe('nothing');
    expect(at(9, 1000)).toBe('nothing');
    expect(at(10, 1000)).toBe('ask');
    expect(at(10, 500)).toBe('nothing');
    expect(at(59, 500)).toBe('nothing');
    expect(at(60, 500)).toBe('ask');
  });
});

test('the comparison agrees with a naive twin on every combination of two answers', () => {
  const kinds: MemberAnswer[] = ['unreachable'];
  for (const lsn of [0, 999, 1000, 1001]) {
    for (const inRecovery of [true, false]) {
      kinds.push(answer(lsn, { inRecovery }), answer(lsn, { inRecovery, watchdogFailed: true }));
      kinds.push(answer(lsn, { inRecovery, tags: { nofailover: true } }));
      kinds.push(answer(lsn, { inRecovery, tags: { failover_priority: 2 } }));
    }
  }
  const syncs = [
    { leader: null, standbys: [], quorum: 0 },
    ...[0, 1, 2].flatMap((quorum) => [
      { leader: 'a', standbys: ['b', 'c'], quorum },
      { leader: 'a', standbys: ['c'], quorum },
      { leader: 'b', standbys: ['a', 'c'], quorum },
    ]),
  ];
  let compared = 0;
  for (const synchronous_mode of ['off', 'on', 'quorum'] as const) {
    for (const state of syncs) {
      const view = cluster(null, { sync: state });
      const given = input({ cluster: view, settings: settings({ synchronous_mode }) });
      for (const a of kinds) {
        for (const c of kinds) {
          const list = answers({ a, c });
          const mine = isHealthiest(given, view, list, 'a').healthiest;
          expect(mine).toBe(naiveHealthiest('b', 1000, 1, synchronous_mode, state, list, 'a'));
          compared++;
        }
      }
    }
  }
  expect(compared).toBe(3 * 10 * 33 * 33);
});
