import { expect, test } from 'vitest';
import { etcdConfig } from '../../../src/ha/etcd/index.ts';
import { Lessor } from '../../../src/ha/etcd/lessor.ts';
import { MILLISECOND, NEVER, SECOND } from '../../../src/kernel/index.ts';

/** One test per sentence of mechanisms 11.1 and of server/lease/lessor.go. */

const { requestTimeout, minLeaseTtlSeconds, electionTimeout } = etcdConfig();

function primary(): Lessor {
  const lessor = new Lessor({ minTtlSeconds: minLeaseTtlSeconds, retryInterval: requestTimeout });
  lessor.promote(0, electionTimeout);
  return lessor;
}

test('defaults: requests time out after 7 s, the minimum time to live is 2 s', () => {
  expect(requestTimeout).toBe(7 * SECOND);
  expect(minLeaseTtlSeconds).toBe(2);
  const slow = etcdConfig({ electionTimeout: 5 * SECOND, heartbeatInterval: 500 * MILLISECOND });
  expect([slow.minLeaseTtlSeconds, slow.requestTimeout]).toEqual([8, 15 * SECOND]);
});

test('pre-vote is on by default since 3.5', () => {
  expect(etcdConfig({ version: '3.4.37' }).preVote).toBe(false);
  expect(etcdConfig({ version: '3.5.0' }).preVote).toBe(true);
});

test('the look for leadership before a renewal depends on the version', () => {
  const checks = ['3.4.30', '3.4.31', '3.4.33', '3.4.34', '3.5.12', '3.5.13', '3.5.15', '3.5.16'];
  expect(checks.map((version) => etcdConfig({ version }).leadershipCheck)).toEqual([
    'never',
    'always',
    'always',
    'when-stuck',
    'never',
    'always',
    'always',
    'when-stuck',
  ]);
  expect(etcdConfig({ version: '3.6.0' }).leadershipCheck).toBe('when-stuck');
  expect(etcdConfig({ version: '3.5' }).leadershipCheck).toBe('when-stuck');
});

test('a shorter time to live is raised to the minimum', () => {
  expect(primary().grant(1, 1, 0)).toBe(2);
});

test('a lease is granted once', () => {
  const lessor = primary();
  lessor.grant(1, 10, 0);
  expect(lessor.grant(1, 10, 0)).toBe('lease-exists');
  expect(lessor.grant(0, 10, 0)).toBe('lease-not-found');
  expect(lessor.grant(2, 9_000_000_001, 0)).toBe('lease-ttl-too-large');
});

test('a renewal starts the full time to live anew', () => {
  const lessor = primary();
  lessor.grant(1, 10, 0);
  expect(lessor.renew(1, 4 * SECOND)).toBe(10);
  expect(lessor.expiryOf(1)).toBe(14 * SECOND);
});

test('only the primary renews and expires', () => {
  const lessor = new Lessor({ minTtlSeconds: 2, retryInterval: requestTimeout });
  lessor.grant(1, 10, 0);
  expect(lessor.expiryOf(1)).toBe(NEVER);
  expect(lessor.renew(1, SECOND)).toBe('not-primary');
  expect(lessor.findExpired(100 * SECOND)).toEqual([]);
});

test('promotion gives every lease its full time to live and the election timeout', () => {
  const lessor = primary();
  lessor.grant(1, 10, 0);
  lessor.grant(2, 30, 0);
  lessor.demote();
  expect(lessor.expiryOf(1)).toBe(NEVER);
  lessor.promote(5 * SECOND, electionTimeout);
  expect([lessor.expiryOf(1), lessor.expiryOf(2)]).toEqual([16 * SECOND, 36 * SECOND]);
});

test('an expired lease is not renewed: it waits to be revoked', () => {
  const lessor = primary();
  lessor.grant(1, 10, 0);
  expect(lessor.renew(1, 10 * SECOND)).toBe('being-revoked');
  expect(lessor.revoke(1)).toEqual([]);
  expect(lessor.renew(1, 10 * SECOND)).toBe('lease-not-found');
});

test('a scan finds at most 500 leases, the longest overdue first, the rest the next time', () => {
  const lessor = primary();
  for (let id = 1; id <= 1200; id++) lessor.grant(id, 10, 1200 - id);
  const first = lessor.findExpired(20 * SECOND);
  expect([first.length, first[0], first[499]]).toEqual([500, 1200, 701]);
  expect(lessor.findExpired(20.5 * SECOND)).toHaveLength(500);
  expect(lessor.findExpired(21 * SECOND)).toHaveLength(200);
});

test('a revocation that does not come about is asked for again after the request timeout', () => {
  const lessor = primary();
  lessor.grant(1, 10, 0);
  expect(lessor.findExpired(10 * SECOND)).toEqual([1]);
  expect(lessor.findExpired(16.5 * SECOND)).toEqual([]);
  expect(lessor.findExpired(17 * SECOND)).toEqual([1]);
});

test('promotion with a thousand leases spreads expiries to 750 a second', () => {
  const lessor = new Lessor({ minTtlSeconds: 2, retryInterval: requestTimeout });
  for (let id = 1; id <= 3000; id++) lessor.grant(id, 10, 0);
  lessor.promote(0, SECOND);
  const perSecond = new Map<number, number>();
  for (let id = 1; id <= 3000; id++) {
    const second = Math.floor(lessor.expiryOf(id)! / SECOND);
    expect(second).toBeGreaterThanOrEqual(11);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  for (const [second, expiries] of perSecond) {
    expect(expiries, `in second ${second}`).toBeLessThanOrEqual(751);
  }
  expect(perSecond.size).toBeGreaterThanOrEqual(4);
});
