import { expect, test } from 'vitest';
import { divergence } from '../../../src/ha/patroni/rewind.ts';

const HISTORY = [
  { timeline: 1, switchpoint: 1000 },
  { timeline: 2, switchpoint: 2000 },
];
const standby = (timeline: number, lsn: number) =>
  divergence({ timeline, lsn, inRecovery: true, checkpointEnd: 0 }, 3, HISTORY);
const former = (timeline: number, lsn: number, checkpointEnd: number) =>
  divergence({ timeline, lsn, inRecovery: false, checkpointEnd }, 3, HISTORY);

test('a standby has diverged once it is past the switchpoint of its timeline', () => {
  expect([standby(1, 999), standby(1, 1000), standby(1, 1001)]).toEqual([
    'none',
    'none',
    'diverged',
  ]);
  expect([standby(2, 2000), standby(2, 2001)]).toEqual(['none', 'diverged']);
});

test('a former primary has not if its shutdown checkpoint is the last record before it', () => {
  expect(former(1, 900, 1000)).toBe('none');
  expect(former(1, 800, 900)).toBe('diverged');
  expect(former(1, 1000, 1100)).toBe('diverged');
});

test('the same timeline has not, a later one or one outside the history has', () => {
  expect(standby(3, 9999)).toBe('none');
  expect(standby(4, 1)).toBe('diverged');
  expect(divergence({ timeline: 1, lsn: 1, inRecovery: true, checkpointEnd: 0 }, 3, [])).toBe(
    'diverged',
  );
  const gap = [{ timeline: 2, switchpoint: 2000 }];
  expect(divergence({ timeline: 1, lsn: 1, inRecovery: true, checkpointEnd: 0 }, 3, gap)).toBe(
    'diverged',
  );
});
