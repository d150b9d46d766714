import { describe, expect, test } from 'vitest';
import {
  afterFailure,
  afterMemberList,
  afterSleep,
  type ClientRequest,
  connectTimeout,
  nextBase,
  nodeTimeouts,
  startRequest,
} from '../../../src/ha/patroni/dcs-client.ts';
import { MILLISECOND, SECOND } from '../../../src/kernel/time.ts';

const TEN = 10 * SECOND;

/** How long a request lasts if every attempt costs what this says and fails. */
function giveUpAfter(
  start: ClientRequest,
  cost: (node: number, first: boolean) => { time: 'connect' | 'whole'; connected: boolean },
  memberList: 'fails' | 'answers' = 'fails',
  jitter = 0,
): { at: number; nodes: number[]; sleeps: number } {
  let now = 0;
  let request = start;
  let sleeps = 0;
  const nodes: number[] = [];
  for (;;) {
    const { action } = request;
    if (action.kind === 'give up') return { at: now, nodes, sleeps };
    if (action.kind === 'sleep') {
      now += action.duration;
      sleeps++;
      request = afterSleep(request);
    } else if (action.purpose === 'member list' && memberList === 'answers') {
      request = afterMemberList(request, now, jitter);
    } else {
      const { time, connected } = cost(action.node, nodes.length === 0);
      nodes.push(action.node);
      now += time === 'connect' ? action.connectTimeout : action.timeout;
      request = afterFailure(request, connected, now, jitter);
    }
  }
}

describe('time-outs per node (dcs/etcd.py:_calculate_timeouts)', () => {
  const rows = [
    [1, 10, 1, 10 / 3, 2],
    [2, 10, 2, 2.5, 1],
    [3, 10, 3, 10 / 3, 0],
    [5, 10, 5, 2, 0],
    [3, 2.5, 2, 1.25, 0],
    [1, 1.5, 1, 1.5, 0],
    [1, 2, 1, 1, 1],
    [3, 0.5, 0, 0.5, 0],
    [5, 3, 3, 1, 0],
  ] as const;
  test.each(rows)(
    '%i nodes, %d s: %i nodes, %d s each, %i retries',
    (n, s, nodes, each, retries) => {
      const got = nodeTimeouts(n, s * SECOND);
      expect(got.nodes).toBe(nodes);
      expect(got.retries).toBe(retries);
      expect(got.perNode / SECOND).toBeCloseTo(each, 6);
    },
  );

  test('all attempts together never exceed the time, and each has a second', () => {
    for (let n = 1; n <= 9; n++) {
      for (let ms = 1000; ms <= 30_000; ms += 250) {
        const { nodes, perNode, retries } = nodeTimeouts(n, ms * MILLISECOND);
        expect(nodes * (retries + 1) * perNode).toBeLessThanOrEqual(ms * MILLISECOND);
        expect(perNode).toBeGreaterThanOrEqual(SECOND);
      }
    }
  });

  test('connecting gets half of it, at least a second', () => {
    expect(connectTimeout(3 * SECOND)).toBe(1.5 * SECOND);
    expect(connectTimeout(SECOND)).toBe(SECOND);
  });
});

describe('the order of attempts', () => {
  const refused = () => ({ time: 'connect', connected: false }) as const;

  test('the node last used first, then the others in their order, then the member list', () => {
    const { nodes } = giveUpAfter(startRequest(3, 1, 0, TEN), refused);
    expect(nodes.slice(0, 6)).toEqual([1, 0, 2, 1, 0, 2]);
  });

  test('three blackholed nodes: 5 s, the member list 5 s, no time left: 10 s', () => {
    const { at, nodes } = giveUpAfter(startRequest(3, 0, 0, TEN), refused);
    expect(at / SECOND).toBeCloseTo(10, 6);
    expect(nodes).toHaveLength(6);
  });

  test('with a connection open to the first, it takes its whole share: 11.7 s', () => {
    const { at } = giveUpAfter(startRequest(3, 0, 0, TEN), (_, first) =>
      first ? { time: 'whole', connected: true } : refused(),
    );
    expect(at / SECOND).toBeCloseTo(10 / 3 + 5 * (10 / 6), 6);
  });

  test('nodes that accept but stay silent: the request and the member list, 20 s', () => {
    const { at } = giveUpAfter(startRequest(3, 0, 0, TEN), () => ({
      time: 'whole',
      connected: true,
    }));
    expect(at / SECOND).toBeCloseTo(20, 6);
  });

  test('with the member list answered the request is repeated with fewer nodes', () => {
    const start = startRequest(3, 0, 0, TEN);
    const { at, nodes, sleeps } = giveUpAfter(start, refused, 'answers');
    // 3 x 1.67 s, 0.1 s, then 4.9 s for three: 1 s each to connect, 0.2 s, 1.7 s left for one.
    expect(at / SECOND).toBeCloseTo(5 + 0.1 + 3 + 0.2 + 1, 6);
    expect(nodes).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect(sleeps).toBe(2);
  });

  test('a single node: three attempts for the connection, one if it stood', () => {
    const { nodes } = giveUpAfter(startRequest(1, 0, 0, TEN), refused);
    expect(nodes.slice(0, 3)).toEqual([0, 0, 0]);
    const silent = giveUpAfter(startRequest(1, 0, 0, TEN), () => ({
      time: 'whole',
      connected: true,
    }));
    expect(silent.nodes.length).toBeLessThan(nodes.length);
  });

  test('writes that are tried once give up at once and begin with the next node', () => {
    const once = startRequest(3, 0, 0, TEN, false);
    const failed = afterFailure(once, true, SECOND, 0);
    expect(failed.action.kind).toBe('give up');
    expect(nextBase(failed, false)).toBe(1);
  });

  test('the node that answered is the next base', () => {
    const second = afterFailure(startRequest(3, 0, 0, TEN), true, SECOND, 0);
    expect(nextBase(second, true)).toBe(1);
  });

  test('sleeps double from 0.1 s up to 1 s, with jitter up to 0.8 s on top', () => {
    let request = startRequest(3, 0, 0, 100 * SECOND);
    const slept: number[] = [];
    for (let i = 0; i < 6; i++) {
      request = afterMemberList(request, 0, 80);
      if (request.action.kind === 'sleep') slept.push(request.action.duration / SECOND);
      request = afterSleep(request);
    }
    expect(slept).toEqual([0.9, 1, 1.2, 1.6, 1.8, 1.8]);
  });
});
