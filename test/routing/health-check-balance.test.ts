import { expect, test } from 'vitest';
import {
  type Backend,
  type BackendServer,
  chooseServer,
  usableServers,
} from '../../src/routing/haproxy-state.ts';

function server(name: string, changes: Partial<BackendServer> = {}): BackendServer {
  const check = { health: 4, up: true };
  return { name, check, backup: false, weight: 1, connections: 0, maxconn: null, ...changes };
}

const down = { check: { health: 0, up: false } };

function backend(balance: Backend['balance'], ...servers: BackendServer[]): Backend {
  return { balance, servers, credits: [] };
}

/** Names of the servers that so many connections in a row go to. */
function sequence(start: Backend, count: number): string {
  let current = start;
  let names = '';
  for (let i = 0; i < count; i++) {
    const choice = chooseServer(current, 0);
    if (choice.kind !== 'server') return `${names}-`;
    names += current.servers[choice.index]!.name;
    current = choice.backend;
  }
  return names;
}

test('roundrobin takes turns, in proportion to the weights, without those that are down', () => {
  expect(sequence(backend('roundrobin', server('a'), server('b'), server('c')), 6)).toBe('abcabc');
  const heavy = sequence(backend('roundrobin', server('a', { weight: 3 }), server('b')), 400);
  expect(heavy.split('a').length - 1).toBe(300);
  expect(sequence(backend('roundrobin', server('a', down), server('b')), 3)).toBe('bbb');
});

test('with no server up the connection is closed; with all full it queues', () => {
  expect(chooseServer(backend('roundrobin', server('a', down)), 0).kind).toBe('no server');
  const full = server('a', { maxconn: 2, connections: 2 });
  expect(chooseServer(backend('leastconn', full), 0).kind).toBe('queue');
});

test('leastconn takes the least loaded by weight, first the first with room', () => {
  const list = [
    server('a', { connections: 4, weight: 4, maxconn: 4 }),
    server('b', { connections: 2 }),
    server('c', { connections: 3 }),
  ];
  expect(sequence(backend('leastconn', ...list), 1)).toBe('b');
  expect(sequence(backend('first', ...list), 1)).toBe('b');
  expect(sequence(backend('first', server('a', { connections: 99 }), server('b')), 1)).toBe('a');
});

test('random draws two and takes the less loaded: the fullest is chosen once in n squared', () => {
  const list = backend('random', server('a', { connections: 9 }), server('b'), server('c'));
  const counts = [0, 0, 0];
  for (let i = 0; i < 900; i++) {
    const choice = chooseServer(list, (i + 0.5) / 900);
    if (choice.kind === 'server') counts[choice.index]!++;
  }
  expect(counts[0]).toBe(100);
  expect(counts[1]! + counts[2]!).toBe(800);
});

test('a backup is used only when all others are down, and only the first', () => {
  const spare = [server('x', { backup: true }), server('y', { backup: true })];
  expect(usableServers(backend('roundrobin', server('a'), ...spare))).toEqual([0]);
  expect(usableServers(backend('roundrobin', server('a', down), ...spare))).toEqual([1]);
});
