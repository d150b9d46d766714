import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/ha/patroni/decide.ts';
import { DEMOTIONS } from '../../../src/ha/patroni/demotion.ts';
import { SECOND } from '../../../src/kernel/time.ts';
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

const renewed = progress({ renewal: 'renewed' });
const refused = progress({ renewal: 'refused' });
const holder = { cluster: cluster('b'), postgres: primary() };

describe('10.2, the order of the loop', () => {
  test('1: an unreachable DCS decides before anything else', () => {
    const decision = decide(
      input({ cluster: 'unreachable', postgres: primary(), asyncAction: 'restart' }),
    );
    expect(effect(decision)).toEqual({ kind: 'demote', mode: 'offline' });
  });

  test('2: during an action the key is kept fresh if held, else nothing more happens', () => {
    const acting = input({ ...holder, asyncAction: 'restart' });
    expect(effect(decide(acting))).toEqual({ kind: 'renew', publish: false });
    expect(decide({ ...acting, progress: renewed }).kind).toBe('nothing');
    const idle = decide(input({ cluster: cluster('a'), asyncAction: 'pg_rewind' }));
    expect(idle.kind).toBe('nothing');
  });

  test('2: a promotion not yet signalled is cancelled when the key is gone', () => {
    const promoting = input({ cluster: cluster('a'), asyncAction: 'promote' });
    expect(decide(promoting).kind).toBe('cancel promotion');
    const signalled = { ...promoting, postgres: standby({ role: 'promoted' }) };
    expect(decide(signalled).kind).toBe('nothing');
  });

  test('3: a starting holder watches its time limit, a starting standby goes on', () => {
    const postgres = primary({ state: 'starting', stateSince: 0 });
    const at = (seconds: number) =>
      decide(
        input({ ...holder, postgres, now: seconds * SECOND, progress: renewed, lastRenewal: 0 }),
      );
    expect(effect(decide(input({ ...holder, postgres })))).toEqual({
      kind: 'renew',
      publish: false,
    });
    expect(at(299).message).toContain('1 s until primary_start_timeout');
    expect(effect(at(300))).toEqual({ kind: 'ask', purpose: 'failover', members: ['a', 'c'] });
    const follower = input({ cluster: cluster('a'), postgres: standby({ state: 'starting' }) });
    expect(effect(decide(follower))).toEqual({ kind: 'follow', leader: 'a' });
  });

  test('4: an empty data directory is copied from the leader; a leader gives the key away', () => {
    const postgres = standby({ state: 'stopped', dataDirectory: 'empty' });
    expect(effect(decide(input({ cluster: cluster('a'), postgres })))).toEqual({
      kind: 'reinitialize',
      leader: 'a',
    });
    expect(decide(input({ cluster: cluster('b'), postgres })).kind).toBe('release');
  });

  test('5: the holder renews the key and publishes, then leads; others follow', () => {
    expect(effect(decide(input(holder)))).toEqual({ kind: 'renew', publish: true });
    expect(effect(decide(input({ ...holder, progress: renewed })))).toEqual({
      kind: 'lead',
      failsafe: false,
    });
    const follower = input({ cluster: cluster('a'), postgres: standby({ following: 'a' }) });
    expect(decide(follower).kind).toBe('nothing');
  });

  test('5: a standby that holds the key is promoted; one told to promote is left alone', () => {
    const held = input({ cluster: cluster('b'), progress: renewed });
    expect(effect(decide(held))).toEqual({ kind: 'promote', before: null });
    const promoted = { ...held, postgres: standby({ role: 'promoted' }) };
    expect(decide(promoted).kind).toBe('lead');
  });

  test('6: without a leader key there is a race', () => {
    expect(effect(decide(input()))).toEqual({
      kind: 'ask',
      purpose: 'race',
      members: ['a', 'c'],
    });
  });
});

describe('10.4, what triggers what', () => {
  test('one backend crashes: Patroni sees Postgres starting and waits', () => {
    const postgres = primary({ state: 'starting', stateSince: 99 * SECOND });
    expect(decide(input({ ...holder, postgres, progress: renewed })).kind).toBe('nothing');
  });

  const dead = primary({ state: 'crashed' });

  test('postmaster dies: restart in place with the lock kept', () => {
    const before = decide(input({ ...holder, postgres: dead }));
    expect(effect(before)).toEqual({ kind: 'renew', publish: false });
    expect(effect(decide(input({ ...holder, postgres: dead, progress: renewed })))).toEqual({
      kind: 'start',
      role: 'primary',
      leader: null,
    });
  });

  test('postmaster dies, primary_start_timeout 0: release and failover if possible', () => {
    const crashed = input({
      ...holder,
      postgres: dead,
      settings: settings({ primary_start_timeout: 0 }),
      progress: renewed,
    });
    expect(decide(crashed).kind).toBe('ask');
    const failoverAnswers = answers({ a: 'unreachable', c: answer(1000) });
    const fit = decide({ ...crashed, progress: progress({ renewal: 'renewed', failoverAnswers }) });
    expect(effect(fit)).toEqual({ kind: 'demote', mode: 'immediate' });
    expect(DEMOTIONS.immediate.release).toBe(true);
    const none = answers({ a: 'unreachable', c: 'unreachable' });
    const alone = { ...crashed, progress: progress({ renewal: 'renewed', failoverAnswers: none }) };
    expect(effect(decide(alone))).toEqual({ kind: 'start', role: 'replica', leader: null });
  });

  test('a stopped former primary, back within ttl, starts read-only and promotes itself', () => {
    const postgres = primary({ state: 'stopped' });
    const back = input({ cluster: cluster('b'), postgres, progress: renewed });
    expect(effect(decide(back))).toEqual({ kind: 'start', role: 'replica', leader: null });
  });

  test('Postgres fails to start: the holder deletes the key', () => {
    const failed = input({ ...holder, postgres: dead, recovering: true });
    expect(decide(failed).kind).toBe('release');
    expect(decide({ ...failed, cluster: cluster('a') }).kind).toBe('nothing');
  });

  test('lock update refused: demote immediate-nolock, immediate stop, nothing released', () => {
    const decision = decide(input({ ...holder, progress: refused }));
    expect(effect(decision)).toEqual({ kind: 'demote', mode: 'immediate-nolock' });
    expect(DEMOTIONS['immediate-nolock']).toMatchObject({ stop: 'immediate', release: false });
  });

  test('DCS unreachable: demote offline, fast stop, restart without upstream', () => {
    const decision = decide(input({ cluster: 'unreachable', postgres: primary() }));
    expect(effect(decision)).toEqual({ kind: 'demote', mode: 'offline' });
    expect(DEMOTIONS.offline).toMatchObject({ stop: 'fast', offline: true, checkpoint: false });
    expect(decide(input({ cluster: 'unreachable' })).kind).toBe('nothing');
  });

  const switchover = { leader: 'b', candidate: 'c' };

  test('switchover: the leader asks the candidate, then demotes gracefully', () => {
    const asked = input({ ...holder, cluster: cluster('b', { failover: switchover }) });
    expect(decide(asked).kind).toBe('renew');
    expect(effect(decide({ ...asked, progress: renewed }))).toEqual({
      kind: 'ask',
      purpose: 'failover',
      members: ['c'],
    });
    const fit = progress({ renewal: 'renewed', failoverAnswers: answers({ c: answer(1000) }) });
    expect(effect(decide({ ...asked, progress: fit }))).toEqual({
      kind: 'demote',
      mode: 'graceful',
    });
    expect(DEMOTIONS.graceful).toEqual({
      checkpoint: true,
      stop: 'fast',
      release: true,
      waitForStandbys: SECOND,
      waitAfterRelease: 2 * SECOND,
      offline: false,
      startBesideLoop: false,
    });
  });

  test('switchover: an unfit candidate or a wrong leader removes the request', () => {
    const far = progress({ renewal: 'renewed', failoverAnswers: answers({ c: 'unreachable' }) });
    const asked = input({ ...holder, cluster: cluster('b', { failover: switchover }) });
    expect(decide({ ...asked, progress: far }).kind).toBe('clear failover');
    for (const failover of [
      { leader: 'a', candidate: 'c' },
      { leader: 'b', candidate: 'b' },
      { leader: null, candidate: 'b' },
    ]) {
      const wrong = { ...asked, cluster: cluster('b', { failover }), progress: renewed };
      expect(decide(wrong).kind).toBe('clear failover');
    }
  });

  test('switchover: the candidate takes the key without any test, the others let it', () => {
    const view = cluster(null, { failover: switchover, status: { optime: 9e9, slots: new Map() } });
    expect(decide(input({ me: 'c', cluster: view })).kind).toBe('acquire');
    const third = input({ me: 'a', cluster: view });
    expect(effect(decide(third))).toEqual({ kind: 'ask', purpose: 'candidate', members: ['c'] });
    const candidateAnswers = answers({ c: answer(1) });
    expect(effect(decide({ ...third, progress: progress({ candidateAnswers }) }))).toEqual({
      kind: 'reread',
      after: 2 * SECOND,
    });
  });

  test('switchover: with the candidate dead all but the former leader race, lag or not', () => {
    const view = cluster(null, { failover: switchover, status: { optime: 9e9, slots: new Map() } });
    const gone = progress({ candidateAnswers: answers({ c: 'unreachable' }) });
    const third = input({ me: 'a', cluster: view, progress: gone });
    expect(effect(decide(third))).toEqual({ kind: 'ask', purpose: 'race', members: ['c'] });
    const former = input({ me: 'b', cluster: view, progress: gone });
    expect(effect(decide(former))).toEqual({ kind: 'ask', purpose: 'failover', members: ['a'] });
    const noneFit = { ...gone, failoverAnswers: answers({ a: 'unreachable' }) };
    expect(decide({ ...former, progress: noneFit }).kind).toBe('acquire');
  });

  test('the winner removes the request, then promotes', () => {
    const won = progress({ race: 'won' });
    const view = cluster('b', { failover: switchover });
    expect(decide(input({ cluster: view, progress: won })).kind).toBe('clear failover');
    expect(decide(input({ cluster: cluster('b'), progress: won })).kind).toBe('promote');
  });

  test('manual failover may go to an asynchronous node, a switchover may not', () => {
    const sync = { leader: 'b', standbys: ['a'], quorum: 0 };
    const ask = (failover: { leader: string | null; candidate: string }) =>
      decide(
        input({
          ...holder,
          cluster: cluster('b', { failover, sync }),
          settings: settings({ synchronous_mode: 'on' }),
          progress: renewed,
        }),
      ).kind;
    expect(ask({ leader: null, candidate: 'c' })).toBe('ask');
    expect(ask({ leader: 'b', candidate: 'c' })).toBe('clear failover');
  });
});

describe('10.7, the old primary on return', () => {
  const postgres = standby({ state: 'stopped', role: 'primary', controlState: 'in production' });
  const back = input({ cluster: cluster('a'), postgres, divergence: 'diverged' });
  const rewind = settings({ use_pg_rewind: true });

  test('use_pg_rewind is off by default: it starts and will fail to stream', () => {
    const decision = decide(back);
    expect(effect(decision)).toEqual({ kind: 'start', role: 'replica', leader: 'a' });
    expect(decision.message).toContain('use_pg_rewind is off');
  });

  test('with it: crash recovery first, then pg_rewind', () => {
    const unclean = { ...back, settings: rewind };
    expect(decide(unclean).kind).toBe('crash recovery');
    const clean = standby({ state: 'stopped', role: 'primary', controlState: 'shut down' });
    expect(effect(decide({ ...unclean, postgres: clean }))).toEqual({
      kind: 'rewind',
      leader: 'a',
    });
  });

  test('rewind of others waits for the new leader to have checkpointed', () => {
    const list = members(member('a', { checkpointAfterPromote: false }), member('b'));
    const view = cluster('a', { members: list });
    const waiting = decide({
      ...back,
      settings: rewind,
      cluster: view,
      postgres: standby({ controlState: 'shut down' }),
    });
    expect(waiting).toEqual({
      kind: 'nothing',
      message: 'pg_rewind waits for the checkpoint of a',
    });
  });

  test('else, if so configured, the data directory is replaced', () => {
    const remove = settings({ remove_data_directory_on_diverged_timelines: true });
    const clean = standby({ state: 'stopped', controlState: 'shut down' });
    expect(effect(decide({ ...back, settings: remove, postgres: clean }))).toEqual({
      kind: 'reinitialize',
      leader: 'a',
    });
  });

  test('a running standby that has diverged stays where it is', () => {
    const running = decide({ ...back, postgres: standby({ following: 'a' }) });
    expect(running.kind).toBe('nothing');
    expect(running.message).toContain('diverged');
  });
});
