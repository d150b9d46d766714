import { type ClusterView, EMPTY_SYNC, type Member } from '../../../src/ha/patroni/cluster.ts';
import {
  type Answers,
  CYCLE_START,
  type CycleProgress,
  type Decision,
  type HaInput,
  type MemberAnswer,
  type PostgresView,
} from '../../../src/ha/patroni/decision.ts';
import { PATRONI_FACTS, type PatroniSettings } from '../../../src/ha/patroni-settings.ts';
import { SECOND } from '../../../src/kernel/time.ts';

/** Patroni's defaults, from the table that the scenario language is made of. */
export const DEFAULTS = Object.fromEntries(
  PATRONI_FACTS.map(({ name, type, unit, default: text }) => {
    if (type === 'enum') return [name, text];
    if (type === 'bool') return [name, text === 'on'];
    return [name, Number(text) * (unit === 's' ? SECOND : 1)];
  }),
) as unknown as PatroniSettings;

export function settings(changes: Partial<PatroniSettings> = {}): PatroniSettings {
  return { ...DEFAULTS, ...changes };
}

export function member(name: string, changes: Partial<Member> = {}): Member {
  return {
    name,
    session: `lease-${name}`,
    state: 'running',
    role: 'replica',
    lsn: 1000,
    timeline: 1,
    tags: {},
    apiHost: name,
    ...changes,
  };
}

export function members(...list: Member[]): ReadonlyMap<string, Member> {
  return new Map(list.map((each) => [each.name, each]));
}

/** Three members; `leader` names who holds the key. */
export function cluster(leader: string | null, changes: Partial<ClusterView> = {}): ClusterView {
  return {
    leader: leader === null ? null : { name: leader, leaseId: `lease-${leader}`, session: 's' },
    members: members(member('a'), member('b'), member('c')),
    status: { optime: 1000, slots: new Map() },
    sync: EMPTY_SYNC,
    failover: null,
    history: [],
    initialize: 'system',
    failsafe: null,
    ...changes,
  };
}

export function standby(changes: Partial<PostgresView> = {}): PostgresView {
  return {
    state: 'running',
    role: 'replica',
    timeline: 1,
    currentLsn: 0,
    receivedLsn: 1000,
    replayedLsn: 900,
    following: null,
    replicationState: null,
    stateSince: 0,
    controlState: 'in archive recovery',
    dataDirectory: 'present',
    ...changes,
  };
}

export function primary(changes: Partial<PostgresView> = {}): PostgresView {
  return standby({
    role: 'primary',
    currentLsn: 1000,
    receivedLsn: 0,
    replayedLsn: 0,
    controlState: 'in production',
    ...changes,
  });
}

/** Member `b` of a cluster without a leader, everything at its default. */
export function input(changes: Partial<HaInput> = {}): HaInput {
  return {
    me: 'b',
    tags: {},
    settings: DEFAULTS,
    now: 100 * SECOND,
    cluster: cluster(null),
    lastHealthyCluster: cluster('a'),
    failsafeTopology: null,
    failsafeLeader: null,
    postgres: standby(),
    lastRenewal: null,
    asyncAction: null,
    asyncSince: 0,
    recovering: false,
    crashRecoveryDone: false,
    divergence: 'unknown',
    rewindFailed: false,
    watchdog: 'off',
    fencing: 'lease',
    previousLsn: null,
    unlockedSince: null,
    progress: CYCLE_START,
    ...changes,
  };
}

export function progress(changes: Partial<CycleProgress>): CycleProgress {
  return { ...CYCLE_START, ...changes };
}

export function answer(lsn: number, changes: Partial<Exclude<MemberAnswer, string>> = {}) {
  return { inRecovery: true, lsn, timeline: 1, tags: {}, ...changes };
}

export function answers(list: Readonly<Record<string, MemberAnswer>>): Answers {
  return new Map(Object.entries(list));
}

/** The decision's effect without its sentence. */
export function effect(decision: Decision): Record<string, unknown> {
  const { message: _, ...rest } = decision;
  return rest;
}
