import { expect, test } from 'vitest';
import type { FailoverRequest } from '../../../src/ha/patroni/cluster.ts';
import { decide } from '../../../src/ha/patroni/decide.ts';
import {
  type HaInput,
  isPrimary,
  isStep,
  type Outcome,
  type Step,
} from '../../../src/ha/patroni/decision.ts';
import { answer, answers, cluster, input, settings, standby } from './fixtures.ts';

/** What a conversation meets: how requests of its steps turn out. */
interface World {
  readonly renewal: 'renewed' | 'refused' | 'fails';
  readonly race: 'won' | 'lost' | 'fails';
  readonly others: 'fit' | 'unreachable';
}

interface Conversation {
  readonly steps: readonly Step[];
  readonly last: HaInput;
  readonly outcome: Outcome;
}

/** Plays the agent: carries out steps until the cycle ends. */
function converse(start: HaInput, world: World): Conversation {
  let current = start;
  const steps: Step[] = [];
  for (;;) {
    const decision = decide(current);
    if (!isStep(decision)) return { steps, last: current, outcome: decision };
    steps.push(decision);
    if (steps.length > 8) throw new Error(`no end: ${steps.map((step) => step.kind)}`);
    current = carryOut(current, decision, world);
  }
}

function carryOut(current: HaInput, step: Step, world: World): HaInput {
  const { progress } = current;
  const view = current.cluster as Exclude<HaInput['cluster'], string>;
  const failed: HaInput = { ...current, cluster: 'unreachable' };
  switch (step.kind) {
    case 'renew':
      if (world.renewal === 'fails') return failed;
      return { ...current, progress: { ...progress, renewal: world.renewal } };
    case 'ask': {
      const given = world.others === 'fit' ? answer(1000) : ('unreachable' as const);
      const list = answers(Object.fromEntries(step.members.map((name) => [name, given])));
      return { ...current, progress: { ...progress, [`${step.purpose}Answers`]: list } };
    }
    case 'ask failsafe': {
      const accepted = step.members.map((name) => [name, world.others === 'fit'] as const);
      return { ...current, progress: { ...progress, failsafeAnswers: new Map(accepted) } };
    }
    case 'acquire': {
      if (world.race === 'fails') return failed;
      const leader = cluster(world.race === 'won' ? 'b' : 'c').leader;
      const after = { ...view, leader };
      return { ...current, cluster: after, progress: { ...progress, race: world.race } };
    }
    case 'reread':
      return { ...current, progress: { ...progress, race: 'abstained' } };
    case 'clear failover':
      return { ...current, cluster: { ...view, failover: null } };
  }
}

function product<T extends Record<string, readonly unknown[]>>(
  choices: T,
): { [K in keyof T]: T[K][number] }[] {
  let rows: Record<string, unknown>[] = [{}];
  for (const [key, values] of Object.entries(choices)) {
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [key]: value })));
  }
  return rows as { [K in keyof T]: T[K][number] }[];
}

const REQUESTS: (FailoverRequest | null)[] = [
  null,
  { leader: 'b', candidate: 'c' },
  { leader: 'a', candidate: 'b' },
  { leader: null, candidate: 'c' },
];

const INPUTS = product({
  leader: ['unreachable', null, 'a', 'b'] as const,
  state: ['running', 'starting', 'stopped', 'crashed'] as const,
  role: ['primary', 'replica', 'promoted', 'demoted'] as const,
  action: [null, 'promote', 'restart', 'crash recovery'] as const,
  nofailover: [false, true],
  fencing: ['none', 'lease'] as const,
  failover: REQUESTS,
  failsafe: [false, true],
  divergence: ['none', 'diverged'] as const,
  rewind: [false, true],
});

const WORLDS: World[] = product({
  renewal: ['renewed', 'refused', 'fails'] as const,
  race: ['won', 'lost', 'fails'] as const,
  others: ['fit', 'unreachable'] as const,
});

function build(row: (typeof INPUTS)[number]): HaInput {
  const primary = row.role === 'primary';
  return input({
    cluster:
      row.leader === 'unreachable' ? row.leader : cluster(row.leader, { failover: row.failover }),
    tags: row.nofailover ? { nofailover: true } : {},
    fencing: row.fencing,
    asyncAction: row.action,
    divergence: row.divergence,
    settings: settings({ use_pg_rewind: row.rewind, failsafe_mode: row.failsafe }),
    failsafeTopology: row.failsafe ? ['a', 'b', 'c'] : null,
    postgres: standby({
      state: row.state,
      role: row.role,
      currentLsn: primary ? 1000 : 0,
      controlState: primary ? 'in production' : 'in archive recovery',
    }),
  });
}

/** The invariants that a conversation breaks, in words. */
function violations(start: HaInput, { steps, last, outcome }: Conversation): string[] {
  const broken: string[] = [];
  const leader =
    last.cluster === 'unreachable' ? 'unreachable' : (last.cluster.leader?.name ?? null);
  const kept = last.progress.renewal === 'renewed' || last.progress.race === 'won';
  const lock = leader === last.me && kept;
  const asked = (kind: Step['kind']) => steps.some((step) => step.kind === kind);
  if (outcome.kind === 'promote' && !lock) broken.push('promotes without the key');
  if (outcome.kind === 'lead' && !outcome.failsafe && !lock) broken.push('leads without the key');
  if (outcome.kind === 'start' && outcome.role === 'primary') {
    if (!lock || start.postgres.state !== 'crashed') broken.push('restarts as a primary');
  }
  if (outcome.kind === 'rewind' && !start.settings.use_pg_rewind) broken.push('rewinds');
  if (asked('acquire')) {
    if (start.tags.nofailover && !isPrimary(start.postgres)) broken.push('nofailover races');
    if (start.postgres.state !== 'running') broken.push('races without a running Postgres');
    if (start.asyncAction !== null) broken.push('races during an action');
  }
  if (start.fencing === 'lease' && isPrimary(start.postgres) && !lock) {
    const safe = outcome.kind === 'demote' || (outcome.kind === 'lead' && outcome.failsafe);
    if (!safe) broken.push('a primary without a valid lock stays primary under lease fencing');
  }
  if (start.fencing === 'none' && outcome.kind === 'demote') {
    const own = outcome.mode === 'graceful' || outcome.mode === 'immediate';
    const other = leader !== null && leader !== 'unreachable' && leader !== last.me;
    if (!own && !other) broken.push('demotes without having read another leader');
  }
  if (outcome.kind === 'demote' && outcome.mode === 'immediate-nolock' && lock) {
    broken.push('stops at once although the key is held');
  }
  if (outcome.message === '' || steps.some((step) => step.message === ''))
    broken.push('says nothing');
  return broken;
}

test('every cycle ends, and no combination of inputs breaks an invariant', () => {
  const found = new Map<string, object>();
  const seen = new Map<string, number>();
  for (const row of INPUTS) {
    const start = build(row);
    for (const world of WORLDS) {
      const conversation = converse(start, world);
      const { kind } = conversation.outcome;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      for (const each of violations(start, conversation)) {
        if (!found.has(each)) found.set(each, { ...row, ...world, ...conversation.outcome });
      }
    }
  }
  expect(Object.fromEntries(found)).toEqual({});
  const kinds = ['lead', 'promote', 'demote', 'follow', 'start', 'crash recovery', 'rewind'];
  expect([...seen.keys()]).toEqual(expect.arrayContaining([...kinds, 'nothing']));
});

test('the decision depends on its input alone', () => {
  for (const row of INPUTS.filter((_, i) => i % 97 === 0)) {
    expect(decide(build(row))).toEqual(decide(build(row)));
  }
});
