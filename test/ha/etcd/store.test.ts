import { describe, expect, test } from 'vitest';
import type { Compare, Operation } from '../../../src/ha/etcd/index.ts';
import { Lessor } from '../../../src/ha/etcd/lessor.ts';
import { Store } from '../../../src/ha/etcd/store.ts';
import { WatchHub } from '../../../src/ha/etcd/watch.ts';
import { Random, SECOND } from '../../../src/kernel/index.ts';

function open() {
  const lessor = new Lessor({ minTtlSeconds: 2, retryInterval: 7 * SECOND });
  return { lessor, store: new Store(lessor) };
}

const put = (key: string, value: string, lease = 0): Operation => ({
  type: 'put',
  key,
  value,
  lease,
});

const when = (compare: Compare, then: Operation, otherwise: Operation[] = []): Operation => ({
  type: 'txn',
  compare: [compare],
  success: [then],
  failure: otherwise,
});

describe('revisions', () => {
  test('an empty store has revision 1; each change adds one, whatever it changes', () => {
    const { store } = open();
    expect(store.revision).toBe(1);
    expect(store.apply(put('a', '1'))).toEqual({ type: 'put', revision: 2 });
    store.apply({ type: 'txn', compare: [], success: [put('b', '1'), put('c', '1')], failure: [] });
    expect(store.revision).toBe(3);
    expect(store.get('b')!.modRevision).toBe(3);
    expect(store.get('c')!.modRevision).toBe(3);
  });

  test('what changes nothing leaves the revision alone', () => {
    const { store } = open();
    store.apply(put('a', '1'));
    const gone = store.apply({ type: 'delete', key: 'b' });
    expect(gone).toEqual({ type: 'delete', revision: 2, deleted: 0 });
    store.apply({ type: 'range', key: 'a' });
    expect(store.revision).toBe(2);
  });

  test('version counts puts since the creation; deletion and creation start anew', () => {
    const { store } = open();
    store.apply(put('a', '1'));
    store.apply(put('a', '2'));
    expect(store.get('a')).toMatchObject({ createRevision: 2, modRevision: 3, version: 2 });
    store.apply({ type: 'delete', key: 'a' });
    store.apply(put('a', '3'));
    expect(store.get('a')).toMatchObject({ createRevision: 5, modRevision: 5, version: 1 });
  });

  test('a prefix finds its keys in order', () => {
    const { store } = open();
    for (const key of ['/b/2', '/a/1', '/b/1', '/b', '/b/10']) store.apply(put(key, key));
    expect(store.range('/b/', true).map((kv) => kv.key)).toEqual(['/b/1', '/b/10', '/b/2']);
  });
});

describe('transactions', () => {
  const absent: Compare = { key: '/leader', target: 'create', result: '=', operand: 0 };

  test('create if absent succeeds once: the race for the leader key', () => {
    const { store } = open();
    const first = store.apply(when(absent, put('/leader', 'pg1')));
    const second = store.apply(when(absent, put('/leader', 'pg2')));
    expect(first).toMatchObject({ succeeded: true, revision: 2 });
    expect(second).toMatchObject({ succeeded: false, revision: 2 });
    expect(store.get('/leader')!.value).toBe('pg1');
  });

  test('compare and set by mod revision', () => {
    const { store } = open();
    store.apply(put('/config', 'a'));
    const at = (operand: number): Compare => ({
      key: '/config',
      target: 'mod',
      result: '=',
      operand,
    });
    expect(store.apply(when(at(2), put('/config', 'b')))).toMatchObject({ succeeded: true });
    expect(store.apply(when(at(2), put('/config', 'c')))).toMatchObject({ succeeded: false });
    expect(store.get('/config')!.value).toBe('b');
  });

  test('a comparison of the value of a missing key always fails', () => {
    const { store } = open();
    for (const result of ['=', '!=', '<', '>'] as const) {
      expect(store.holds([{ key: 'a', target: 'value', result, operand: '' }])).toBe(false);
    }
  });

  test('Patroni updates its leader key by value, else creates it, in one step', () => {
    const { store } = open();
    const mine: Compare = { key: '/leader', target: 'value', result: '=', operand: 'pg1' };
    const update = when(mine, put('/leader', 'pg1'), [when(absent, put('/leader', 'pg1'))]);
    expect(store.apply(update)).toMatchObject({
      succeeded: false,
      responses: [{ type: 'txn', succeeded: true }],
    });
    expect(store.apply(update)).toMatchObject({ succeeded: true });
    store.apply(put('/leader', 'pg2'));
    const refused = { succeeded: false, responses: [{ succeeded: false }], revision: 4 };
    expect(store.apply(update)).toMatchObject(refused);
  });

  test('a txn that names a missing lease does nothing at all', () => {
    const { store } = open();
    const txn: Operation = {
      type: 'txn',
      compare: [],
      success: [put('a', '1'), put('b', '1', 99)],
      failure: [],
    };
    expect(store.apply(txn)).toBe('lease-not-found');
    expect([store.revision, store.size]).toEqual([1, 0]);
  });
});

describe('leases and watches', () => {
  test('a revoked lease takes its keys with it, at one revision', () => {
    const { store, lessor } = open();
    lessor.grant(7, 10, 0);
    for (const key of ['b', 'a', 'c']) store.apply(put(key, '1', 7));
    store.apply(put('c', '2')); // without the lease now
    store.deleteAll(lessor.revoke(7)!);
    expect(store.range('', true).map((kv) => kv.key)).toEqual(['c']);
    const deleted = store.history.slice(-2).map((e) => [e.keyValue.key, e.keyValue.modRevision]);
    expect(deleted).toEqual([
      ['a', 6],
      ['b', 6],
    ]);
  });

  test('a watch from a past revision misses nothing and repeats nothing', () => {
    const { store } = open();
    const hub = new WatchHub();
    const random = new Random('watch');
    const seen = new Map<number, number[]>();
    const from = new Map<number, number>();
    for (let round = 0; round < 400; round++) {
      if (round % 20 === 10) {
        const start = random.integer(1, store.revision + 5);
        const watch = { type: 'watch', key: 'k', prefix: true, startRevision: start } as const;
        const past = hub.open(round, watch, store.history, store.revision);
        seen.set(
          round,
          past.map((event) => event.keyValue.modRevision),
        );
        from.set(round, start);
      }
      const key = `k${random.integer(1, 5)}`;
      store.apply(random.chance(0.7) ? put(key, String(round)) : { type: 'delete', key });
      for (const { ref, events } of hub.notify(store.takeEvents())) {
        for (const event of events) seen.get(ref)!.push(event.keyValue.modRevision);
      }
    }
    expect(seen.size).toBe(20);
    for (const [ref, revisions] of seen) {
      const first = Math.max(2, from.get(ref)!);
      const all = Array.from({ length: store.revision - first + 1 }, (_, i) => first + i);
      expect(revisions).toEqual(all);
    }
  });
});
