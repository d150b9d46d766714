import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { shippedPlans } from '../../src/cli/plans/cache.ts';
import { MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import type { RunResult } from '../../src/measure/result.ts';
import { expandRuns, formatProblem, loadScenario, type Run } from '../../src/scenario/index.ts';
import { type SimulateOptions, simulate } from '../../src/scenario/simulate.ts';

const FOLDER = fileURLToPath(new URL('../../scenarios/', import.meta.url));
/** Points of a sweep are judged in full by `npm run scenarios` alone. */
const CUT = 300 * MILLISECOND;

/** What is not built yet: the run, and what it is told. */
const REFUSED = [
  'stuck-agent-watchdog: failover/split-brain.yaml:46:20: ' +
    'fencing: fencing: watchdog is not built yet',
];

/** The runs that a reader of the files is told about. */
const TOLD = [
  'async-failover base',
  'async-failover sync',
  'durability-gradient base',
  'split-brain base',
  'split-brain lease',
  'split-brain stuck-agent',
  'split-brain two-nodes',
  'split-brain witness',
  'crash-recovery asynchronous',
  'deadlock ordered',
  'hot-row synchronous',
  'idle-in-transaction timeout',
  'quorum-commit first-far',
  'switchover base',
  'aws-ladder largest',
  'backend-crash base',
  'backend-writes lru-maxpages',
  'connection-ramp raised',
  'context-switch-storm base',
  'coordination-budget ocean',
  'fork-churn many',
  'group-commit commit-delay',
  'idle-hundreds calls-within',
  'instance-resize behind-a-standby',
  'is-it-meaningful idle',
  'lsn-coordinates lost-link',
  'recovery-conflict base',
  'recovery-conflict wait',
  'recovery-conflict feedback',
  'vacuum-against-report base',
  'cancel-or-lag at-once',
  'feedback-on drop',
  'bloat-anchor without',
  'ten-minute-report feedback',
  'horizon-watch slot-of-the-dead',
  'memory-sizing ten',
  'oom-risk twice',
  'procarray-knee before-14',
  'process-per-connection busy',
  'sublinear-cores reads-64',
  'ten-x-growth nothing-month-1',
  'three-axes fast-disk',
  'vertical-ladder base',
  'working-set bigger-pool',
  'big-table-lookup ten-billion',
  'colocated-join off',
  'detach-concurrently concurrently',
  'fk-restriction deleted-without-index',
  'freeze-cold forced',
  'hash-4 regions',
  'hot-partition base',
  'hypertable-autochunk weeks',
  'hypertable-autochunk no-manager',
  'hypertable-compress many-devices',
  'hypertable-compress random-floats',
  'lab-orders-monthly forgotten',
  'missing-partition default-partition',
  'monolith-vacuum partitioned',
  'missing-partition premade',
  'missing-partition too-late',
  'pg-partman-rotation lapsed',
  'pg-partman-rotation too-late',
  'pg-partman-rotation default-partition',
  'pg-partman-rotation retention',
  'prune-vs-fanout weeks',
  'retention-delete-vs-drop drop',
  'subplans-removed version-10',
  'unique-key-rule base',
  'year-of-events one-table',
];

interface Bundled {
  readonly name: string;
  readonly run: Run;
}

const RUNS: readonly Bundled[] = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .sort()
  .flatMap((file) => {
    const options = { plans: shippedPlans };
    const loaded = loadScenario(readFileSync(FOLDER + file, 'utf8'), { file, ...options });
    const expanded = loaded.ok ? expandRuns(loaded.document, options) : loaded;
    if (!expanded.ok) throw new Error(expanded.problems.map(formatProblem).join('\n'));
    return expanded.runs.map((run) => ({ name: `${run.scenario.name} ${run.variant}`, run }));
  });

/** A refusal is found before the first step, so nothing is simulated to find it. */
const refusalOf = ({ run }: Bundled) => {
  const outcome = simulate(run, { until: 0 });
  return 'refused' in outcome ? outcome.refused.map(formatProblem) : [];
};
const BUILT = RUNS.filter((each) => refusalOf(each).length === 0);

function resultOf(run: Run, options: SimulateOptions = {}): RunResult {
  const outcome = simulate(run, options);
  if ('refused' in outcome) throw new Error(outcome.refused.map(formatProblem).join('\n'));
  return outcome;
}

describe('the bundled scenarios', () => {
  it('need nothing that is not built, but for what is known', () => {
    const refused = RUNS.flatMap((each) =>
      refusalOf(each).map((problem) => `${each.run.variant}: ${problem}`),
    );
    expect(refused).toEqual(REFUSED);
  });

  it('have the runs that they are known for', () => {
    const names = BUILT.filter(({ run }) => run.kind !== 'point').map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(TOLD));
  });
});

/** Those that take more than some 2 s, with the simulated seconds of them that are played here. */
const LONG: Readonly<Record<string, number>> = {
  'async-failover base': 40,
  'async-failover sync': 40,
  'fan-out base': 1,
  'gradient-table off': 3,
  'hot-row spread': 2,
  'recovery-conflict base': 40,
  'recovery-conflict feedback': 40,
  'recovery-conflict wait': 40,
};
const WHOLE = BUILT.filter(({ name, run }) => run.kind !== 'point' && LONG[name] === undefined);

describe('cut short: within the laws, and the same again', () => {
  it.each(Object.entries(LONG))('%s', (name, seconds) => {
    const { run } = BUILT.find((each) => each.name === name)!;
    const until = seconds * SECOND;
    expect(until).toBeLessThan(run.scenario.duration);
    const result = resultOf(run, { until });
    expect(result.lawsBroken).toEqual([]);
    expect(result.cost.transactions).toBeGreaterThan(0);
    expect(resultOf(run, { until }).digest).toBe(result.digest);
  });
});

describe('in full: held, and within the laws', () => {
  it.each(WHOLE)('$name', ({ run }) => {
    const { verdict, observe, expect: expected, lawsBroken } = resultOf(run);
    expect([...observe, ...expected].filter(({ holds }) => !holds)).toEqual([]);
    expect(observe.length + expected.length).toBeGreaterThan(0);
    expect(verdict).toBe('held');
    expect(lawsBroken).toEqual([]);
  });
});

describe('points of sweeps, cut short: within the laws, and the same again', () => {
  it.each(BUILT.filter(({ run }) => run.kind === 'point'))('$name', ({ run }) => {
    const result = resultOf(run, { until: CUT });
    expect(result.lawsBroken).toEqual([]);
    expect(result.cost.transactions).toBeGreaterThan(0);
    expect(resultOf(run, { until: CUT }).digest).toBe(result.digest);
  });

  it('no two of them are the same run', () => {
    const points = BUILT.filter(({ run }) => run.kind === 'point');
    const early = points.map(({ run }) => resultOf(run, { until: CUT }).digest);
    const isAlone = (digest: string) => early.indexOf(digest) === early.lastIndexOf(digest);
    const digests = points.map(({ run }, i) =>
      isAlone(early[i]!) ? early[i]! : resultOf(run).digest,
    );
    expect(new Set(digests).size).toBe(points.length);
  });
});
