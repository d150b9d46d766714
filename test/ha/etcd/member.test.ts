import { describe, expect, test } from 'vitest';
import { type Answer, EtcdCluster, type Request } from '../../../src/ha/etcd/index.ts';
import { MILLISECOND, type Nanoseconds, SECOND } from '../../../src/kernel/index.ts';

/** Members as processes, held against the sentences of mechanisms 11.1 and etcd's sources. */

const DELAY = MILLISECOND;

function open(seed: number, version = '3.5.16', fsync = 2 * MILLISECOND): EtcdCluster {
  const flags = { version };
  const cluster = new EtcdCluster({
    seed,
    members: 3,
    flags,
    delay: () => DELAY,
    fsync: () => fsync,
  });
  cluster.run(3 * SECOND);
  expect(cluster.leader).not.toBe(0);
  return cluster;
}

/** Runs on until something is so; a minute without it is an error. */
function until(cluster: EtcdCluster, isSo: () => boolean): void {
  const patience = cluster.sim.now + 60 * SECOND;
  while (!isSo()) {
    if (cluster.sim.now >= patience) throw new Error('it did not come about within a minute');
    pass(cluster, MILLISECOND);
  }
}

/** A member that does not lead. */
const followerOf = (cluster: EtcdCluster) => (cluster.leader % 3) + 1;

function pass(cluster: EtcdCluster, duration: Nanoseconds): void {
  cluster.run(cluster.sim.now + duration);
}

function ask(cluster: EtcdCluster, member: number, request: Request): Answer {
  const answer = cluster.ask(member, request);
  pass(cluster, 100 * MILLISECOND);
  return answer;
}

const latency = (answer: Answer) => answer.answeredAt - answer.askedAt;
const put = (key: string, value: string, lease = 0): Request => ({
  type: 'put',
  key,
  value,
  lease,
});
const read = (key: string): Request => ({ type: 'range', key });

/** A lease with a key on it; returns when the last renewal was. */
function leaderKey(cluster: EtcdCluster, ttlSeconds: number): void {
  ask(cluster, cluster.leader, { type: 'lease-grant', id: 7, ttlSeconds });
  ask(cluster, cluster.leader, put('/leader', 'pg1', 7));
}

/** Renews at the given member every interval until an instant. */
function renewUntil(cluster: EtcdCluster, member: number, until: Nanoseconds): Answer[] {
  const answers: Answer[] = [];
  while (cluster.sim.now < until) {
    answers.push(cluster.ask(member, { type: 'lease-keepalive', id: 7 }));
    pass(cluster, SECOND);
  }
  return answers;
}

function deletedAt(cluster: EtcdCluster, member: number, patience: Nanoseconds): Nanoseconds {
  const watch = cluster.ask(member, { type: 'watch', key: '/leader' });
  const until = cluster.sim.now + patience;
  while (watch.all.length < 2 && cluster.sim.now < until) pass(cluster, MILLISECOND);
  return watch.all.length < 2 ? Number.POSITIVE_INFINITY : cluster.sim.now;
}

describe('latencies', () => {
  const disks = [
    { leader: 1, others: [2, 50], latency: 4 },
    { leader: 10, others: [2, 2], latency: 10 },
    { leader: 1, others: [5, 9], latency: 7 },
    { leader: 3, others: [30, 20], latency: 22 },
  ];
  for (const { leader, others, latency: expected } of disks) {
    test(`a write with fsyncs ${leader} | ${others} ms takes ${expected} ms`, () => {
      // The leader's own fsync overlaps the round trip with the fastest other's fsync.
      let slow = new Map<number, number>();
      const cluster = new EtcdCluster({
        seed: 1,
        members: 3,
        delay: () => DELAY,
        fsync: (member) => (slow.get(member) ?? 1) * MILLISECOND,
      });
      cluster.run(3 * SECOND);
      const ids = [cluster.leader, ...[1, 2, 3].filter((id) => id !== cluster.leader)];
      slow = new Map([leader, ...others].map((ms, i) => [ids[i]!, ms]));
      const answer = ask(cluster, cluster.leader, put('a', '1'));
      expect(latency(answer)).toBe(expected * MILLISECOND);
    });
  }

  test('a linearizable read takes one round to the majority, and one more from a follower', () => {
    const cluster = open(1);
    expect(latency(ask(cluster, cluster.leader, read('a')))).toBe(2 * DELAY);
    expect(latency(ask(cluster, followerOf(cluster), read('a')))).toBe(4 * DELAY);
  });

  test('a serializable read is served at once, by a member that is alone too', () => {
    const cluster = open(1);
    const member = followerOf(cluster);
    ask(cluster, member, put('a', '1'));
    cluster.isolate(member);
    pass(cluster, 5 * SECOND);
    const answer = ask(cluster, member, { type: 'range', key: 'a', serializable: true });
    expect(latency(answer)).toBe(0);
    expect(answer.response).toMatchObject({ keyValues: [{ value: '1' }] });
  });

  test('an idle cluster of three costs about 60 steps a second', () => {
    const cluster = open(1);
    const before = cluster.sim.steps;
    pass(cluster, 100 * SECOND);
    expect((cluster.sim.steps - before) / 100).toBeLessThan(75);
  });
});

describe('requests', () => {
  test('a write that finds no majority times out after 7 s', () => {
    const cluster = open(1);
    const { leader } = cluster;
    cluster.isolate(leader);
    const answer = cluster.ask(leader, put('a', '1'));
    pass(cluster, 10 * SECOND);
    expect(answer.response).toEqual({ type: 'error', error: 'timeout' });
    expect(latency(answer)).toBe(7 * SECOND);
  });

  test('a write without a leader waits for one', () => {
    const cluster = open(1);
    cluster.member(cluster.leader).crash();
    until(cluster, () => cluster.members.every((m) => !m.isUp || m.leader === 0));
    const answer = cluster.ask(cluster.members.find((m) => m.isUp)!.id, put('a', '1'));
    pass(cluster, 3 * SECOND);
    expect(answer.response).toMatchObject({ type: 'put' });
  });

  test('a read under way fails when the leader changes', () => {
    const cluster = open(1);
    const member = followerOf(cluster);
    cluster.member(cluster.leader).crash();
    const answer = cluster.ask(member, read('a'));
    pass(cluster, 4 * SECOND);
    expect(answer.response).toEqual({ type: 'error', error: 'leader-changed' });
    expect(ask(cluster, member, read('a')).response).toMatchObject({ type: 'range' });
  });

  test('any member serves writes, renewals and watches', () => {
    const cluster = open(2);
    for (const { id } of cluster.members) {
      const watch = cluster.ask(id, { type: 'watch', key: `k${id}` });
      const lease = 100 + id;
      ask(cluster, id, { type: 'lease-grant', id: lease, ttlSeconds: 10 });
      expect(ask(cluster, id, put(`k${id}`, 'x', lease)).response).toMatchObject({ type: 'put' });
      const renewal = ask(cluster, id, { type: 'lease-keepalive', id: lease });
      expect(renewal.response).toEqual({ type: 'lease-keepalive', id: lease, ttlSeconds: 10 });
      expect(latency(renewal)).toBe(id === cluster.leader ? 0 : 2 * DELAY);
      expect(watch.all.map((r) => r.type)).toEqual(['watch-created', 'watch-events']);
    }
  });

  test('a lease that is gone has a time to live of 0', () => {
    const cluster = open(1);
    for (const { id } of cluster.members) {
      const answer = ask(cluster, id, { type: 'lease-keepalive', id: 99 });
      expect(answer.response).toEqual({ type: 'lease-keepalive', id: 99, ttlSeconds: 0 });
    }
  });

  test('a lease without a number gets one of its own', () => {
    const cluster = open(1);
    const ids = cluster.members.flatMap(({ id }) =>
      [1, 2].map(() => {
        const { response } = ask(cluster, id, { type: 'lease-grant', ttlSeconds: 10 });
        return response?.type === 'lease-grant' ? response.id : 0;
      }),
    );
    expect(new Set(ids).size).toBe(6);
    expect(ids).not.toContain(0);
  });
});

describe('leases', () => {
  test('a key is gone ttl + 0..0.5 s (scan) + one commit after the last renewal', () => {
    const commit = 2 * DELAY + 2 * MILLISECOND;
    let sum = 0;
    const n = 60;
    for (let seed = 1; seed <= n; seed++) {
      const cluster = open(seed);
      leaderKey(cluster, 5);
      pass(cluster, seed * 13 * MILLISECOND);
      const renewed = cluster.ask(cluster.leader, { type: 'lease-keepalive', id: 7 });
      const gone = deletedAt(cluster, cluster.leader, 8 * SECOND) - renewed.askedAt - 5 * SECOND;
      expect(gone).toBeGreaterThanOrEqual(commit);
      expect(gone).toBeLessThanOrEqual(SECOND / 2 + commit + 2 * MILLISECOND);
      sum += gone;
    }
    const mean = SECOND / 4 + commit; // the scan's phase is uniform
    expect(Math.abs(sum / n - mean)).toBeLessThan((3.5 * SECOND) / 2 / Math.sqrt(12 * n));
  });

  test('a change of leader postpones expiry to its ttl and the election timeout after it', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = open(seed);
      leaderKey(cluster, 5);
      pass(cluster, 4.5 * SECOND); // about to expire
      const survivor = followerOf(cluster);
      cluster.member(cluster.leader).crash();
      until(cluster, () => cluster.leader !== 0);
      const elected = cluster.sim.now;
      const gone = deletedAt(cluster, survivor, 20 * SECOND) - elected;
      expect(gone).toBeGreaterThan(6 * SECOND - 2 * MILLISECOND);
      expect(gone).toBeLessThan(6.5 * SECOND + 20 * MILLISECOND);
    }
  });

  test('a thousand leases that expire together are revoked 500 a scan', () => {
    const cluster = open(1);
    const { leader } = cluster;
    for (let id = 1; id <= 1000; id++)
      cluster.ask(leader, { type: 'lease-grant', id, ttlSeconds: 5 });
    pass(cluster, SECOND);
    const { lessor } = cluster.member(leader).server;
    expect(lessor.size).toBe(1000);
    until(cluster, () => lessor.size < 1000);
    pass(cluster, 450 * MILLISECOND); // 500 in sixteens, one commit of 4 ms each: 128 ms
    expect(lessor.size).toBe(500);
    pass(cluster, 500 * MILLISECOND);
    expect(lessor.size).toBe(0);
  });
});

describe('leaders that are cut off or stuck', () => {
  const seconds = (answers: readonly Answer[], cut: Nanoseconds) => {
    const good = answers.filter((answer) => answer.response?.type === 'lease-keepalive');
    return (Math.max(cut, ...good.map((answer) => answer.answeredAt)) - cut) / SECOND;
  };

  /** How long after the cut a leader still renews for a client that asks 20 times a second. */
  function renewsFor(version: string, seed: number): number {
    const cluster = open(seed, version);
    leaderKey(cluster, 30);
    const { leader } = cluster;
    const cut = cluster.sim.now;
    cluster.isolate(leader);
    const answers: Answer[] = [];
    for (let i = 0; i < 60; i++) {
      answers.push(cluster.ask(leader, { type: 'lease-keepalive', id: 7 }));
      pass(cluster, 50 * MILLISECOND);
    }
    return seconds(answers, cut);
  }

  test('before 3.5.13, and again from 3.5.16 on, a leader cut off renews until deposed', () => {
    for (const version of ['3.5.12', '3.5.16', '3.4.30', '3.4.34']) {
      const times = [1, 2, 3, 4, 5].map((seed) => renewsFor(version, seed));
      expect(Math.min(...times), version).toBeGreaterThan(0.9);
      expect(Math.max(...times), version).toBeLessThanOrEqual(2);
    }
  });

  test('from 3.5.13 to 3.5.15, and 3.4.31 to 3.4.33, it does not renew at all', () => {
    for (const version of ['3.5.13', '3.5.15', '3.4.31', '3.4.33']) {
      expect([1, 2, 3].map((seed) => renewsFor(version, seed))).toEqual([0, 0, 0]);
    }
  });

  /** The leader's disk hangs for 30 s; clients renew at the others. Is the key revoked? */
  function revokedByStuckLeader(version: string): boolean {
    const cluster = open(1, version);
    leaderKey(cluster, 10);
    const { leader } = cluster;
    const survivor = followerOf(cluster);
    cluster.stall(leader, cluster.sim.now + 30 * SECOND);
    cluster.ask(leader, put('stuck', '1'));
    renewUntil(cluster, survivor, cluster.sim.now + 40 * SECOND);
    expect(cluster.leader).not.toBe(leader);
    const { response } = ask(cluster, survivor, read('/leader'));
    return response?.type === 'range' && response.keyValues.length === 0;
  }

  test('before 3.5.13 a leader stuck in its disk revokes leases that its successor renewed', () => {
    expect(revokedByStuckLeader('3.5.12')).toBe(true);
    expect(revokedByStuckLeader('3.4.30')).toBe(true);
  });

  test('later versions do not', () => {
    for (const version of ['3.5.13', '3.5.16', '3.4.34', '3.6.0']) {
      expect(revokedByStuckLeader(version), version).toBe(false);
    }
  });

  test('a leader whose disk hangs for longer than the election timeout is replaced', () => {
    const cluster = open(1);
    const { leader } = cluster;
    const term = cluster.member(leader).term;
    cluster.stall(leader, cluster.sim.now + 4 * SECOND);
    cluster.ask(leader, put('a', '1'));
    pass(cluster, 3 * SECOND);
    const member = cluster.member(followerOf(cluster));
    expect(member.term).toBe(term + 1);
    expect(cluster.leader).not.toBe(leader);
    expect(cluster.member(cluster.leader).electionsWon).toBe(1);
    pass(cluster, 3 * SECOND);
    expect(cluster.member(leader).leader).toBe(cluster.leader);
  });

  test('a hang shorter than that costs no election', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = open(seed);
      const { leader } = cluster;
      cluster.stall(leader, cluster.sim.now + 0.7 * SECOND);
      const answer = cluster.ask(leader, put('a', '1'));
      pass(cluster, 3 * SECOND);
      expect(cluster.leader).toBe(leader);
      expect(latency(answer)).toBe(0.7 * SECOND);
    }
  });
});

describe('crashes', () => {
  test('acknowledged writes survive a crash of all members', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const cluster = open(seed);
      const puts: Answer[] = [];
      for (let i = 0; i < 40; i++) {
        puts.push(cluster.ask((i % 3) + 1, put(`k${i}`, String(i))));
        pass(cluster, (seed % 7) * MILLISECOND);
      }
      for (const member of cluster.members) member.crash();
      pass(cluster, SECOND);
      for (const member of cluster.members) member.start();
      pass(cluster, 4 * SECOND);
      const { store } = cluster.member(cluster.leader).server;
      for (const answer of puts) {
        if (answer.response?.type !== 'put' || answer.request.type !== 'put') continue;
        expect(store.get(answer.request.key)?.modRevision).toBe(answer.response.revision);
      }
    }
  });

  test('a member that comes back catches up and serves', () => {
    const cluster = open(1);
    const member = followerOf(cluster);
    cluster.member(member).crash();
    ask(cluster, cluster.leader, put('a', '1'));
    cluster.member(member).start();
    pass(cluster, SECOND);
    const answer = ask(cluster, member, { type: 'range', key: 'a', serializable: true });
    expect(answer.response).toMatchObject({ keyValues: [{ value: '1' }] });
  });

  test('a member alone leads within its first tick or so', () => {
    const cluster = new EtcdCluster({ seed: 1, members: 1, delay: () => 0, fsync: () => 1000 });
    cluster.run(1.1 * SECOND);
    expect(cluster.leader).toBe(1);
    expect(ask(cluster, 1, put('a', '1')).response).toMatchObject({ type: 'put' });
  });
});
