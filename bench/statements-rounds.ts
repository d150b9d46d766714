/**
 * The worker behind `bench/statements.ts`: plays one server with 64 sessions that say one statement
 * after the other, with all metrics and laws on, by the package's own files and in a thread with
 * the command line's nursery. V8's profiler watches first, from before anything is compiled, so
 * that it knows what was inlined where; rounds are timed when it is gone.
 */
import { type Profiler, Session } from 'node:inspector';
import { performance } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import type { Run } from '../src/scenario/index.ts';

const ROUNDS = 6;
/**
 * Simulated seconds of a round. Updates run longer, so that not most of them are the first ones of
 * their pages, which are logged with an image.
 */
const DURATION = { select: 5, update: 10 } as const;

export type StatementKind = keyof typeof DURATION;

/** What one kind of statement cost. */
export interface StatementRounds {
  readonly kind: StatementKind;
  /** Machine time of a statement in nanoseconds, round by round. */
  readonly nanoseconds: readonly number[];
  readonly statements: number;
  /** Share of the profiled time by folder under src, or what V8 itself did. */
  readonly shares: readonly (readonly [subsystem: string, share: number])[];
}

/** A module of the built package, with the types of its source. */
const built = (path: string) => import(new URL(`../dist/${path}`, import.meta.url).href);

type Scenarios = typeof import('../src/scenario/index.ts');
const { simulate }: typeof import('../src/scenario/simulate.ts') =
  await built('scenario/simulate.js');
const { loadScenario }: Scenarios = await built('scenario/index.js');

const SCRIPT = {
  select: 'builtin: select-only',
  update: `script: |
        \\set aid random(1, 100000 * :scale)
        \\set delta random(-5000, 5000)
        UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;`,
} as const;

function runOf(kind: StatementKind): Run {
  const text = `
duration: ${DURATION[kind]}s
network: {zones: {a: us-east-1}, rtt: {same-zone: 0.1ms}}
hardware: {db: {cores: 16, memory: 16GB, disk: {kind: nvme, fsync: 0.3ms}}}
postgresql: {shared_buffers: 1GB, max_wal_size: 16GB}
servers: {main: {zone: a, hardware: db}}
workload:
  pgbench: {scale: 20}
  transactions:
    statement:
      ${SCRIPT[kind]}
  clients: {app: {zone: a, count: 64, run: statement, connect: main}}
`;
  const loaded = loadScenario(text, { file: 'statements.yaml' });
  if (!loaded.ok) throw new Error(loaded.problems.map(({ why }) => why).join('\n'));
  return loaded.runs[0]!;
}

/** Statements that a run played; a law that broke would be a fault of the program. */
function play(run: Run): number {
  const result = simulate(run);
  if ('refused' in result) throw new Error(result.refused.map(({ why }) => why).join('\n'));
  if (result.lawsBroken.length > 0) throw new Error(result.lawsBroken.join('\n'));
  return result.cost.transactions;
}

function profiled(session: Session, task: () => void): Profiler.Profile {
  let profile: Profiler.Profile | null = null;
  session.post('Profiler.start');
  task();
  session.post('Profiler.stop', (_, stopped) => {
    profile = stopped.profile;
  });
  if (profile === null) throw new Error('the profiler has nothing to say');
  return profile;
}

/** `postgres/wal`, `kernel`: of postgres its folders, of others the storey. */
function subsystemOf({ url, functionName }: Profiler.ProfileNode['callFrame']): string {
  const [, path] = /\/dist\/(.+)$/.exec(url) ?? [];
  if (path === undefined) {
    return functionName === '(garbage collector)' ? 'garbage collector' : 'Node and V8';
  }
  const folders = path.split('/').slice(0, -1);
  return folders.slice(0, folders[0] === 'postgres' ? 2 : 1).join('/');
}

function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile) {
  const subsystems = new Map(nodes.map(({ id, callFrame }) => [id, subsystemOf(callFrame)]));
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id),
  );
  const times = new Map<string, number>();
  let all = 0;
  samples.forEach((id, i) => {
    if (idle.has(id)) return;
    const subsystem = subsystems.get(id)!;
    times.set(subsystem, (times.get(subsystem) ?? 0) + timeDeltas[i]!);
    all += timeDeltas[i]!;
  });
  const shares = [...times].map(([subsystem, time]) => [subsystem, time / all] as const);
  return shares.sort((a, b) => b[1] - a[1]);
}

/** Of each kind of statement the shares of its time, once what it runs is compiled. */
function watched(kinds: readonly StatementKind[]) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 200 });
  const shares = kinds.map((kind) => {
    const run = runOf(kind);
    play(run);
    return sharesOf(profiled(session, () => play(run)));
  });
  session.disconnect();
  return shares;
}

function timed(kind: StatementKind) {
  const run = runOf(kind);
  let statements = play(run); // the compiler warms up
  const nanoseconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    statements = play(run);
    nanoseconds.push(((performance.now() - started) * 1e6) / statements);
  }
  return { kind, nanoseconds, statements };
}

const KINDS = ['select', 'update'] as const;
const shares = watched(KINDS);
const rounds = KINDS.map((kind, i): StatementRounds => ({ ...timed(kind), shares: shares[i]! }));
parentPort?.postMessage(rounds);
