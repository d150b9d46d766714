import { describe, expect, test } from 'vitest';
import { type RestNode, type RestPath, restStatus } from '../../../src/ha/patroni/rest.ts';
import { SECOND } from '../../../src/kernel/time.ts';

type Changes = Omit<Partial<RestNode>, 'postgres'> & {
  readonly postgres?: Partial<RestNode['postgres']>;
};

function node(changes: Changes = {}): RestNode {
  const { postgres, ...rest } = changes;
  return {
    name: 'b',
    now: 100 * SECOND,
    ttl: 30 * SECOND,
    lastRenewal: null,
    nextRun: 105 * SECOND,
    noloadbalance: false,
    synchronousMode: 'off',
    cluster: { optime: 1000, sync: { leader: 'a', standbys: ['b'], quorum: 0 } },
    failsafeActive: false,
    maximumLagOnFailover: 1_048_576,
    ...rest,
    postgres: {
      state: 'running',
      inRecovery: true,
      receivedLsn: 1000,
      replayedLsn: 900,
      latestEndLsn: 1000,
      replicationState: 'streaming',
      ...postgres,
    },
  };
}

function leader(changes: Changes = {}): RestNode {
  const postgres = { inRecovery: false, ...changes.postgres };
  return node({ lastRenewal: 95 * SECOND, ...changes, postgres });
}

describe('10.7, REST answers', () => {
  test('/primary is 200 as soon as the key is held, before the promotion has finished', () => {
    const promoting = leader({ postgres: { inRecovery: true } });
    expect(restStatus('/primary', promoting)).toBe(200);
    expect(restStatus('/primary', leader({ postgres: { state: 'crashed' } }))).toBe(200);
    expect(restStatus('/primary', node())).toBe(503);
  });

  test('/primary turns 503 by itself ttl after the last renewal', () => {
    const at = (seconds: number) =>
      restStatus('/primary', leader({ lastRenewal: 0, now: seconds * SECOND }));
    expect(at(29.999)).toBe(200);
    expect(at(30)).toBe(503);
  });

  test('/replica?lag compares replayed with the last published position', () => {
    expect(restStatus('/replica', node())).toBe(200);
    expect(restStatus('/replica', node(), { lag: 100 })).toBe(200);
    expect(restStatus('/replica', node(), { lag: 99 })).toBe(503);
  });

  test("/replica?lag: the receiver's latest end counts if further, or the DCS is away", () => {
    const ahead = { postgres: { latestEndLsn: 5000 } };
    expect(restStatus('/replica', node(ahead), { lag: 4000 })).toBe(503);
    expect(restStatus('/replica', node({ ...ahead, cluster: null }), { lag: 4000 })).toBe(503);
    const nothingKnown = node({ cluster: null, postgres: { latestEndLsn: 0 } });
    expect(restStatus('/replica', nothingKnown, { lag: 0 })).toBe(200);
  });

  test('noloadbalance excludes from /replica and /read-only, not the primary', () => {
    expect(restStatus('/replica', node({ noloadbalance: true }))).toBe(503);
    expect(restStatus('/read-only', node({ noloadbalance: true }))).toBe(503);
    expect(restStatus('/read-only', leader({ noloadbalance: true }))).toBe(200);
  });

  test('/replica?replication_state asks for streaming', () => {
    const archive = node({ postgres: { replicationState: 'in archive recovery' } });
    expect(restStatus('/replica', archive)).toBe(200);
    expect(restStatus('/replica', archive, { replication_state: 'streaming' })).toBe(503);
  });

  test('/health is the process state only', () => {
    expect(restStatus('/health', node({ cluster: null, noloadbalance: true }))).toBe(200);
    for (const state of ['starting', 'stopped', 'crashed', 'unknown'] as const) {
      expect(restStatus('/health', leader({ postgres: { state } }))).toBe(503);
    }
  });

  test('/liveness: the loop may be ttl late on a primary, twice that on a replica', () => {
    const late = (seconds: number) => ({ nextRun: (100 - seconds) * SECOND });
    expect(restStatus('/liveness', leader(late(29)))).toBe(200);
    expect(restStatus('/liveness', leader(late(30)))).toBe(503);
    expect(restStatus('/liveness', node(late(59)))).toBe(200);
    expect(restStatus('/liveness', node(late(60)))).toBe(503);
  });

  test('/sync, /quorum and /async divide the running replicas', () => {
    for (const synchronousMode of ['off', 'on', 'quorum'] as const) {
      for (const standbys of [['b'], ['c']]) {
        const cluster = { optime: 0, sync: { leader: 'a', standbys, quorum: 0 } };
        const each = (path: RestPath) => restStatus(path, node({ synchronousMode, cluster }));
        const codes = [each('/sync'), each('/quorum'), each('/async')];
        expect(codes.filter((code) => code === 200)).toHaveLength(1);
        const listed = synchronousMode !== 'off' && standbys.includes('b');
        expect(each('/async')).toBe(listed ? 503 : 200);
        expect(each('/read-only-sync')).toBe(listed && synchronousMode === 'on' ? 200 : 503);
      }
    }
  });

  test('/readiness: the leader, or streaming within the lag', () => {
    expect(restStatus('/readiness', leader({ postgres: { state: 'starting' } }))).toBe(200);
    expect(restStatus('/readiness', node())).toBe(200);
    expect(restStatus('/readiness', node(), { lag: 50 })).toBe(503);
    expect(restStatus('/readiness', node(), { lag: 50, mode: 'write' })).toBe(200);
    expect(restStatus('/readiness', node({ postgres: { replicationState: null } }))).toBe(503);
    const away = { cluster: null, postgres: { latestEndLsn: 0 } };
    expect(restStatus('/readiness', node(away))).toBe(503);
    expect(restStatus('/readiness', node({ ...away, failsafeActive: true }))).toBe(200);
  });
});
