import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/ha/patroni/decide.ts';
import { isLeader } from '../../../src/ha/patroni/decision.ts';
import { SECOND } from '../../../src/kernel/time.ts';
import { cluster, effect, input, primary, progress, settings } from './fixtures.ts';

describe('10.5, loss of the DCS', () => {
  test('defaults: renewal at 0, loop at 10, failure by 20 demotes, the key ends at 30', () => {
    const { ttl, loop_wait, retry_timeout } = settings();
    const cycle = loop_wait;
    const failure = cycle + retry_timeout;
    const decision = decide(
      input({ cluster: 'unreachable', postgres: primary(), lastRenewal: 0, now: failure }),
    );
    expect(failure).toBe(20 * SECOND);
    expect(effect(decision)).toEqual({ kind: 'demote', mode: 'offline' });
    expect(decision.message).toContain('last renewal 20 s ago');
    expect(isLeader(0, ttl, failure)).toBe(true);
    expect(isLeader(0, ttl, 30 * SECOND - 1)).toBe(true);
    expect(isLeader(0, ttl, 30 * SECOND)).toBe(false);
    expect(cycle + 2 * retry_timeout).toBeLessThanOrEqual(ttl);
  });

  const lost = input({
    cluster: 'unreachable',
    postgres: primary(),
    settings: settings({ failsafe_mode: true }),
    failsafeTopology: ['a', 'b', 'c'],
  });
  const accepting = (...accepted: boolean[]) =>
    progress({
      failsafeAnswers: new Map([
        ['a', accepted[0]!],
        ['c', accepted[1]!],
      ]),
    });

  test('failsafe_mode: every member is asked, all accept: stay primary', () => {
    expect(effect(decide(lost))).toEqual({ kind: 'ask failsafe', members: ['a', 'c'] });
    expect(effect(decide({ ...lost, progress: accepting(true, true) }))).toEqual({
      kind: 'lead',
      failsafe: true,
    });
  });

  test('failsafe_mode: one missing member demotes', () => {
    for (const given of [accepting(true, false), accepting(false, true), accepting(false, false)]) {
      expect(effect(decide({ ...lost, progress: given }))).toEqual({
        kind: 'demote',
        mode: 'offline',
      });
    }
    expect(decide({ ...lost, failsafeTopology: ['a', 'c'] }).kind).toBe('demote');
    expect(decide({ ...lost, failsafeTopology: null }).kind).toBe('demote');
  });

  test('failsafe_mode: a single-node list passes', () => {
    expect(decide({ ...lost, failsafeTopology: ['b'] }).kind).toBe('lead');
  });

  test('a standby that got the call treats the primary as alive', () => {
    const called = input({
      settings: settings({ failsafe_mode: true }),
      failsafeTopology: ['a', 'b', 'c'],
      failsafeLeader: 'a',
    });
    expect(effect(decide(called))).toEqual({ kind: 'follow', leader: 'a' });
    expect(decide({ ...called, failsafeLeader: null }).kind).toBe('ask');
  });
});

describe('fencing: none never demotes itself until it reads another leader', () => {
  const none = { fencing: 'none', postgres: primary() } as const;

  test('DCS lost, renewal refused, key gone: it stays primary', () => {
    expect(decide(input({ ...none, cluster: 'unreachable' })).kind).toBe('nothing');
    const refused = progress({ renewal: 'refused' });
    expect(decide(input({ ...none, cluster: cluster('b'), progress: refused })).kind).toBe(
      'nothing',
    );
    const behind = cluster(null, { history: [{ timeline: 1, switchpoint: 1 }] });
    const out = progress({ race: 'abstained' });
    expect(decide(input({ ...none, cluster: behind, progress: out })).kind).toBe('nothing');
  });

  test('another leader is read: immediate stop', () => {
    expect(effect(decide(input({ ...none, cluster: cluster('a') })))).toEqual({
      kind: 'demote',
      mode: 'immediate-nolock',
    });
  });
});

describe('a required watchdog that cannot be used', () => {
  const held = { cluster: cluster('b'), watchdog: 'unusable' } as const;
  const renewal = progress({ renewal: 'renewed' });

  test('demotes a primary and keeps a standby from promoting', () => {
    expect(effect(decide(input({ ...held, postgres: primary(), progress: renewal })))).toEqual({
      kind: 'demote',
      mode: 'immediate',
    });
    expect(decide(input({ ...held, progress: renewal })).kind).toBe('release');
    expect(decide(input({ watchdog: 'unusable' })).kind).toBe('reread');
  });
});
