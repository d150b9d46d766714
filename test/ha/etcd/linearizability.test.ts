import { expect, test } from 'vitest';
import { type Answer, EtcdCluster } from '../../../src/ha/etcd/index.ts';
import { MILLISECOND, type Process, Random, SECOND } from '../../../src/kernel/index.ts';

/**
 * Registers under loss, partitions, hanging disks and crashes. A put's revision and a read's
 * modRevision place every operation in one total order; the run is linearizable if that order never
 * contradicts real time (Herlihy and Wing 1990): what was over before something else began comes
 * before it.
 */
interface Operation {
  readonly kind: 'put' | 'read';
  readonly from: number;
  readonly to: number;
  readonly revision: number;
}

function history(answers: readonly Answer[]): Operation[] {
  const operations: Operation[] = [];
  for (const { request, response, askedAt, answeredAt } of answers) {
    if (response?.type === 'put') {
      const { revision } = response;
      operations.push({ kind: 'put', from: askedAt, to: answeredAt, revision });
    } else if (response?.type === 'range' && request.type === 'range') {
      const revision = response.keyValues[0]?.modRevision ?? 0;
      operations.push({ kind: 'read', from: askedAt, to: answeredAt, revision });
    }
  }
  return operations;
}

/** The first pair whose order contradicts real time. */
function contradiction(operations: readonly Operation[]): string | null {
  for (const a of operations) {
    for (const b of operations) {
      if (a.to >= b.from) continue;
      const ordered = b.kind === 'put' ? a.revision < b.revision : a.revision <= b.revision;
      if (!ordered) return `${JSON.stringify(a)} before ${JSON.stringify(b)}`;
    }
  }
  return null;
}

function* nemesis(cluster: EtcdCluster, random: Random): Process {
  for (;;) {
    yield cluster.sim.hold(random.integer(100, 3000) * MILLISECOND);
    const member = cluster.member(random.integer(1, cluster.members.length));
    const dice = random.integer(1, 10);
    if (dice <= 3) cluster.isolate(member.id);
    else if (dice <= 6) cluster.heal();
    else if (dice <= 7) cluster.stall(member.id, cluster.sim.now + random.integer(1, 3) * SECOND);
    else if (member.isUp) member.crash();
    else member.start();
  }
}

function* client(cluster: EtcdCluster, random: Random, answers: Answer[]): Process {
  for (let i = 0; ; i++) {
    yield cluster.sim.hold(random.integer(5, 400) * MILLISECOND);
    const member = random.integer(1, cluster.members.length);
    const request = random.chance(0.4)
      ? ({ type: 'put', key: 'x', value: String(i) } as const)
      : ({ type: 'range', key: 'x' } as const);
    answers.push(cluster.ask(member, request));
  }
}

function run(seed: number): Operation[] {
  const random = new Random(`linearizability/${seed}`);
  const cluster = new EtcdCluster({
    seed,
    members: random.chance(0.7) ? 3 : 5,
    delay: () => (random.chance(0.01) ? -1 : random.integer(0, 40) * MILLISECOND),
    fsync: () => random.integer(0, 20) * MILLISECOND,
  });
  const answers: Answer[] = [];
  for (let i = 0; i < 3; i++) cluster.sim.spawn(client(cluster, random, answers));
  cluster.sim.spawn(nemesis(cluster, random));
  cluster.run(40 * SECOND);
  return history(answers);
}

test('an acknowledged put is visible to every later linearizable read', () => {
  let operations = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const found = run(seed);
    expect(contradiction(found), `seed ${seed}`).toBeNull();
    operations += found.length;
  }
  expect(operations).toBeGreaterThan(8000);
});

test('the check finds a read that misses an acknowledged put', () => {
  const stale: Operation[] = [
    { kind: 'put', from: 0, to: 1, revision: 2 },
    { kind: 'put', from: 2, to: 3, revision: 3 },
    { kind: 'read', from: 4, to: 5, revision: 2 },
  ];
  expect(contradiction(stale)).not.toBeNull();
  expect(contradiction(stale.slice(0, 2))).toBeNull();
});
