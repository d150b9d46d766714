import { describe, expect, test } from 'vitest';
import { EMPTY_SYNC, type SyncState } from '../../../src/ha/patroni/cluster.ts';
import {
  formatStandbyNames,
  parseStandbyNames,
  STRICT_PLACEHOLDER,
} from '../../../src/ha/patroni/standby-names.ts';
import {
  awaitsRelease,
  beforePromotion,
  NO_SYNC_MEMORY,
  rememberNames,
  type SyncInput,
  type SyncStep,
  synchronousPlan,
  type Walsender,
} from '../../../src/ha/patroni/synchronous.ts';
import { SECOND } from '../../../src/kernel/time.ts';
import { cluster, member, members, settings } from './fixtures.ts';

const on = settings({ synchronous_mode: 'on' });
const strict = settings({ synchronous_mode: 'on', synchronous_mode_strict: true });

function sender(
  applicationName: string,
  syncState: Walsender['syncState'] = 'async',
  lsn: number | null = 1000,
): Walsender {
  return { applicationName, syncState, lsn };
}

function sync(leader: string | null, ...standbys: string[]): SyncState {
  return { leader, standbys, quorum: 0 };
}

function given(changes: Partial<SyncInput>): SyncInput {
  const standbyNames = changes.standbyNames ?? '';
  return {
    me: 'a',
    settings: on,
    sync: sync('a'),
    members: members(member('a', { role: 'primary' }), member('b'), member('c')),
    standbyNames,
    configuredNames: '',
    walsenders: [],
    currentLsn: 1000,
    memory: { names: standbyNames, minimumLsn: 0, ready: [] },
    waited: false,
    ...changes,
  };
}

/** The steps without their sentences. */
function plan(changes: Partial<SyncInput>): unknown[] {
  return synchronousPlan(given(changes)).steps.map(bare);
}

function bare(step: SyncStep): unknown {
  if (step.kind === 'write sync') return ['/sync', step.sync.leader, ...step.sync.standbys];
  return step.kind === 'wait' ? ['wait', step.duration / SECOND] : ['names', step.standbyNames];
}

describe('10.8, synchronous_mode on', () => {
  test('/sync is begun empty, in the name of the leader', () => {
    expect(plan({ sync: EMPTY_SYNC })).toEqual([['/sync', 'a']]);
  });

  test('a name is set first, then 2 s are waited for', () => {
    const b = sender('b');
    expect(plan({ walsenders: [b] })).toEqual([
      ['names', 'b'],
      ['wait', 2],
    ]);
  });

  test('it goes into /sync once it is sync and past the position at which it was set', () => {
    const memory = rememberNames(NO_SYNC_MEMORY, 'b', 1000);
    const confirm = (b: Walsender) =>
      plan({ standbyNames: 'b', memory, walsenders: [b], waited: true });
    expect(confirm(sender('b', 'sync', 1000))).toEqual([['/sync', 'a', 'b']]);
    expect(confirm(sender('b', 'sync', 999))).toEqual([]);
    expect(confirm(sender('b', 'async', 1000))).toEqual([]);
  });

  test('the next cycle does it if 2 s were too short', () => {
    const memory = { names: 'b', minimumLsn: 1000, ready: [] };
    const b = sender('b', 'sync', 1000);
    expect(plan({ standbyNames: 'b', memory, walsenders: [b] })).toEqual([['/sync', 'a', 'b']]);
  });

  const steady = {
    sync: sync('a', 'b'),
    standbyNames: 'b',
    memory: { names: 'b', minimumLsn: 0, ready: ['b'] },
  };

  test('nothing is done while it streams, even if another is ahead', () => {
    expect(plan({ ...steady, walsenders: [sender('b', 'sync'), sender('c')] })).toEqual([]);
    const walsenders = [sender('b', 'sync', 10), sender('c', 'async', 9000)];
    expect(plan({ ...steady, walsenders })).toEqual([]);
  });

  test('a name leaves /sync before it leaves the names', () => {
    expect(plan({ ...steady, walsenders: [sender('c')] })).toEqual([
      ['/sync', 'a'],
      ['names', 'c'],
      ['wait', 2],
    ]);
  });

  test('non-strict, no candidate streams: names are cleared, writes resume unprotected', () => {
    const { steps, commitsWait } = synchronousPlan(given(steady));
    expect(steps.map(bare)).toEqual([
      ['/sync', 'a'],
      ['names', ''],
    ]);
    expect(commitsWait).toBe(false);
    const left = { ...steady, sync: sync('a') };
    expect(plan(left)).toEqual([['names', '']]);
  });

  test('strict: names are kept, writes block', () => {
    const kept = synchronousPlan(given({ ...steady, settings: strict }));
    expect(kept).toMatchObject({ steps: [], commitsWait: true });
    const nobody = synchronousPlan(given({ settings: strict }));
    expect(nobody.steps.map(bare)).toEqual([['names', STRICT_PLACEHOLDER]]);
    expect(nobody.commitsWait).toBe(true);
    expect(plan({ settings: strict, standbyNames: STRICT_PLACEHOLDER })).toEqual([]);
  });

  test('a new leader takes /sync over with nobody in it', () => {
    expect(plan({ ...steady, me: 'b', sync: sync('a', 'b'), standbyNames: '' })[0]).toEqual([
      '/sync',
      'b',
    ]);
  });

  test('synchronous_node_count many, sorted by name in the setting', () => {
    const walsenders = [sender('c'), sender('b'), sender('d')];
    const two = settings({ synchronous_mode: 'on', synchronous_node_count: 2 });
    const list = members(member('a'), member('b'), member('c'), member('d'));
    expect(plan({ settings: two, members: list, walsenders })).toEqual([
      ['names', '2 (b,c)'],
      ['wait', 2],
    ]);
  });

  test('nosync, not running and not streaming members are not picked, nofailover last', () => {
    const pick = (...list: Parameters<typeof member>[]) =>
      plan({
        members: members(...list.map((each) => member(...each))),
        walsenders: list.map(([name]) => sender(name)),
      })[0];
    expect(pick(['b', { tags: { nosync: true } }], ['c'])).toEqual(['names', 'c']);
    expect(pick(['b', { state: 'starting' }], ['c'])).toEqual(['names', 'c']);
    expect(pick(['b', { tags: { nofailover: true } }], ['c'])).toEqual(['names', 'c']);
    expect(pick(['b'], ['c', { tags: { sync_priority: 2 } }])).toEqual(['names', 'c']);
    expect(pick(['b', { tags: { replicatefrom: 'c' } }], ['c'])).toEqual(['names', 'c']);
    expect(plan({ walsenders: [sender('b', 'async', null)] })).toEqual([]);
  });

  test('maximum_lag_on_syncnode replaces one that is too far behind the farthest', () => {
    const limited = settings({ synchronous_mode: 'on', maximum_lag_on_syncnode: 500 });
    const walsenders = (lsn: number) => [sender('b', 'sync', lsn), sender('c', 'async', 1000)];
    const at = (lsn: number) =>
      plan({ ...steady, settings: limited, walsenders: walsenders(lsn) }).length;
    expect([at(500), at(499)]).toEqual([0, 3]);
  });

  test('synchronous_mode off: /sync is emptied and the own names are back', () => {
    const off = { ...steady, settings: settings(), configuredNames: '*' };
    expect(plan(off)).toEqual([
      ['/sync', null],
      ['names', '*'],
    ]);
    expect(plan({ sync: EMPTY_SYNC, settings: settings() })).toEqual([]);
  });
});

test('10.8, a standby that shuts down asks to be released first', () => {
  const view = cluster('a', { sync: sync('a', 'b') });
  expect(awaitsRelease('b', view)).toBe(true);
  expect(awaitsRelease('c', view)).toBe(false);
  expect(awaitsRelease('b', cluster('c', { sync: sync('a', 'b') }))).toBe(false);
  const walsenders = [sender('b', 'sync'), sender('c')];
  const list = members(member('b', { tags: { nosync: true } }), member('c'));
  const released = plan({ sync: sync('a', 'b'), standbyNames: 'b', members: list, walsenders });
  expect(released.slice(0, 2)).toEqual([
    ['/sync', 'a'],
    ['names', 'c'],
  ]);
});

describe('before a promotion', () => {
  const promoting = (mode: Parameters<typeof settings>[0], state: SyncState) =>
    beforePromotion('b', settings(mode), state);

  test('on: alone in /sync and no names; strict: the others stay, or the placeholder', () => {
    expect(promoting({ synchronous_mode: 'on' }, sync('a', 'b', 'c'))).toEqual({
      writeSync: sync('b'),
      synchronousStandbyNames: '',
    });
    const hard = { synchronous_mode: 'on', synchronous_mode_strict: true } as const;
    expect(promoting(hard, sync('a', 'b', 'c'))).toEqual({
      writeSync: sync('b', 'a', 'c'),
      synchronousStandbyNames: '2 (a,c)',
    });
    expect(promoting(hard, sync('b'))?.synchronousStandbyNames).toBe(STRICT_PLACEHOLDER);
  });

  test('quorum: names that satisfy the /sync of the old leader', () => {
    const state = { leader: 'a', standbys: ['b', 'c', 'd'], quorum: 1 };
    expect(promoting({ synchronous_mode: 'quorum' }, state)).toEqual({
      writeSync: null,
      synchronousStandbyNames: 'ANY 2 (a,c,d)',
    });
    const outside = { leader: 'a', standbys: ['c', 'd'], quorum: 1 };
    expect(promoting({ synchronous_mode: 'quorum' }, outside)?.synchronousStandbyNames).toBe(
      'ANY 2 (a,c,d)',
    );
  });

  test('off: nothing', () => {
    expect(promoting({}, EMPTY_SYNC)).toBe(null);
  });
});

describe('synchronous_standby_names', () => {
  test('is written as Patroni writes it', () => {
    expect(formatStandbyNames([], null, false)).toBe('');
    expect(formatStandbyNames([], 1, false)).toBe(STRICT_PLACEHOLDER);
    expect(formatStandbyNames(['b'], null, false)).toBe('b');
    expect(formatStandbyNames(['pg-2', 'pg1'], null, false)).toBe('2 ("pg-2",pg1)');
    expect(formatStandbyNames(['b'], 1, true)).toBe('ANY 1 (b)');
    expect(formatStandbyNames(['any'], null, false)).toBe('"any"');
  });

  test('is read back', () => {
    for (const quorum of [false, true]) {
      for (const names of [['b'], ['b', 'c'], ['first', 'pg-1', 'x']]) {
        const read = parseStandbyNames(formatStandbyNames(names, names.length, quorum));
        const type = quorum ? 'quorum' : 'priority';
        expect(read).toEqual({ type, num: names.length, names, star: false });
      }
    }
    expect(parseStandbyNames('FIRST 2 (a, b, c)')).toMatchObject({ type: 'priority', num: 2 });
    expect(parseStandbyNames('*')).toEqual({ type: 'priority', num: 1, names: [], star: true });
    expect(parseStandbyNames('')).toMatchObject({ type: 'off', num: 0 });
    expect(parseStandbyNames(STRICT_PLACEHOLDER)).toMatchObject({ num: 1, names: [] });
  });
});
