/** Everything that `npm run fidelity` computes, from a directory of measurements to rows. */
import { readdirSync } from 'node:fs';
import { naturalCompare } from '../../src/scenario/natural.ts';
import { ABLATIONS } from './ablations.ts';
import { type Calibration, calibrate } from './calibrate.ts';
import { readCalibrationData } from './calibration-data.ts';
import type { Experiment, Point } from './experiment.ts';
import { EXPERIMENTS } from './experiments/index.ts';
import { BadMeasurements, has } from './measurements.ts';
import { predict } from './predict.ts';
import { type Row, withNoiseFloor } from './row.ts';

export interface Options {
  readonly folder: string;
  /** Names of experiments; null: all that the directory has. */
  readonly only: readonly string[] | null;
  readonly ablations: boolean;
  /** Hears what is being run, and how much of all is done. */
  readonly onProgress: (what: string, done: number, of: number) => void;
}

export interface AblationResult {
  readonly name: string;
  readonly rows: readonly Row[];
}

export interface ExperimentResult {
  readonly experiment: Experiment;
  readonly rows: readonly Row[];
  /** Why points have no prediction: reason by point. */
  readonly refused: ReadonlyMap<string, string>;
  readonly ablations: readonly AblationResult[];
}

export interface Fidelity {
  readonly calibration: Calibration;
  readonly results: readonly ExperimentResult[];
  /** Experiments of the directory that have no scenarios yet. */
  readonly without: readonly string[];
}

/** Throws `BadMeasurements` for a directory that cannot be used. */
export function measureFidelity(options: Options): Fidelity {
  const { folder } = options;
  const calibration = calibrate(readCalibrationData(folder));
  const plans = chosen(options).map((experiment) => ({
    experiment,
    points: experiment.points(folder, calibration),
  }));
  const isAblated = ({ ablated }: Experiment) => options.ablations && ablated;
  const passes = (each: Experiment) => (isAblated(each) ? 1 + ABLATIONS.length : 1);
  const of = plans.reduce((sum, plan) => sum + plan.points.length * passes(plan.experiment), 0);
  let done = 0;
  const tick = (what: string) => options.onProgress(what, done++, of);
  const results = plans.map(({ experiment, points }) =>
    resultOf(experiment, points, isAblated(experiment), tick),
  );
  return { calibration, results, without: options.only === null ? unknownTo(folder) : [] };
}

function chosen({ folder, only }: Options): Experiment[] {
  const present = EXPERIMENTS.filter(({ name }) => has(folder, name));
  if (only === null) {
    const isResult = ({ name }: Experiment) => name.startsWith('V');
    if (present.some(isResult)) return present;
    const names = EXPERIMENTS.filter(isResult).map(({ name }) => `${name}.json`);
    throw unusable(folder, `has none of ${names.join(', ')}`);
  }
  return only.map((wanted) => {
    const found = EXPERIMENTS.find(({ name }) => name === wanted);
    const known = EXPERIMENTS.map(({ name }) => name).join(', ');
    if (!found) throw unusable(wanted, `is no experiment that has scenarios; there is ${known}`);
    if (!present.includes(found)) throw unusable(folder, `has no ${wanted}.json`);
    return found;
  });
}

function unknownTo(folder: string): string[] {
  const known = new Set(EXPERIMENTS.map(({ name }) => name));
  return readdirSync(folder)
    .flatMap((file) => /^(V\d+)\.json$/.exec(file)?.[1] ?? [])
    .filter((name) => !known.has(name))
    .sort(naturalCompare);
}

function unusable(file: string, why: string): BadMeasurements {
  return new BadMeasurements([{ file, line: 1, column: 1, what: 'the directory', why }]);
}

function resultOf(
  experiment: Experiment,
  points: readonly Point[],
  ablations: boolean,
  tick: (what: string) => void,
): ExperimentResult {
  const refused = new Map<string, string>();
  const rows = points.flatMap((point) => {
    tick(`${experiment.name}: ${point.name}`);
    const outcome = predict(experiment.name, point);
    if (outcome.refused !== null) refused.set(point.name, outcome.refused);
    return outcome.rows;
  });
  const runnable = points.filter(({ name }) => !refused.has(name));
  const without = ablations
    ? ABLATIONS.flatMap(({ name, changes }): AblationResult[] => {
        const changed = runnable.flatMap((point) => {
          const set = changes(point.scenario);
          tick(`${experiment.name} with ${name}: ${point.name}`);
          return set === null ? [] : predict(experiment.name, point, set).rows;
        });
        return changed.length === 0 ? [] : [{ name, rows: changed }];
      })
    : [];
  return { experiment, rows: withNoiseFloor(rows), refused, ablations: without };
}
