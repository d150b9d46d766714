import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/index.ts';
import { type Branch, contains, History, lastCommon } from '../../src/postgres/timeline.ts';

/** The writer of each byte of a history: index i holds the byte that ends at i + 1. */
function bytesOf(branch: Branch, end: number): number[] {
  const bytes = branch.parent ? bytesOf(branch.parent, branch.forkLsn).slice(0, end) : [];
  while (bytes.length < end) bytes.push(branch.index);
  return bytes;
}

function naiveContains(branch: Branch, end: number, of: Branch, lsn: number): boolean {
  const mine = bytesOf(branch, end);
  return bytesOf(of, lsn).every((writer, i) => mine[i] === writer);
}

function naiveLastCommon(a: Branch, aEnd: number, b: Branch, bEnd: number): number {
  const mine = bytesOf(a, aEnd);
  const theirs = bytesOf(b, bEnd);
  let common = 0;
  while (common < mine.length && common < theirs.length && mine[common] === theirs[common]) {
    common++;
  }
  return common;
}

/** Branches that fork off each other at random, and for each how far it has got. */
function randomTree(random: Random): { branch: Branch; end: number }[] {
  const history = new History();
  const heads = [{ branch: history.begin('a'), end: random.integer(0, 20) }];
  for (let i = random.integer(0, 5); i > 0; i--) {
    const parent = heads[random.integer(0, heads.length - 1)]!;
    const fork = random.integer(parent.branch.forkLsn, Math.max(parent.end, parent.branch.forkLsn));
    heads.push({
      branch: history.fork(parent.branch, fork, 'b'),
      end: fork + random.integer(0, 15),
    });
  }
  return heads;
}

describe('branches of history', () => {
  test('contains and lastCommon as histories written out byte by byte', () => {
    const random = new Random('timelines');
    for (let run = 0; run < 4000; run++) {
      const heads = randomTree(random);
      const a = heads[random.integer(0, heads.length - 1)]!;
      const b = heads[random.integer(0, heads.length - 1)]!;
      const lsn = random.integer(0, b.end);
      const aEnd = random.integer(0, a.end);
      const what = `run ${run}: ${a.branch.index} up to ${aEnd}, ${b.branch.index} up to ${lsn}`;
      expect(contains(a.branch, aEnd, b.branch, lsn), what).toBe(
        naiveContains(a.branch, aEnd, b.branch, lsn),
      );
      expect(lastCommon(a.branch, aEnd, b.branch, lsn), what).toBe(
        naiveLastCommon(a.branch, aEnd, b.branch, lsn),
      );
    }
  });

  test('a server that has promoted and written nothing has lost nothing', () => {
    const history = new History();
    const old = history.begin('a');
    const unwritten = history.fork(old, 100, 'b');
    const other = history.fork(old, 150, 'c');
    expect(contains(other, 200, unwritten, 100)).toBe(true);
    expect(contains(other, 200, unwritten, 101)).toBe(false);
  });

  test('two servers that promote without seeing each other number their timelines alike', () => {
    const history = new History();
    const old = history.begin('a');
    const one = history.fork(old, 100, 'b');
    const two = history.fork(old, 100, 'c');
    expect([one.timeline, two.timeline]).toEqual([2, 2]);
    expect(one.index).not.toBe(two.index);
    expect(contains(one, 200, two, 150)).toBe(false);
  });
});
