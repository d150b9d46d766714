/** What an experiment is for the harness: points, each a scenario and what was measured of it. */
import type { Calibration } from './calibrate.ts';
import type { Meta } from './measurements.ts';
import type { Measured, Predicted } from './row.ts';

/** A scenario as plain values, before it is written as text for the loader. */
export type ScenarioFile = Readonly<Record<string, unknown>>;

export type Metrics = Readonly<Record<string, number | null>>;

export interface Point {
  readonly name: string;
  readonly measured: Measured;
  readonly scenario: ScenarioFile;
  /** Metrics without which the run would mean nothing: of mechanisms that may not be built yet. */
  readonly needs: readonly string[];
  /** Runs with as many seeds, whose predictions are averaged. */
  readonly seeds: number;
  /** Why there is no scenario for it yet. */
  readonly missing?: string;
  predict(metrics: Metrics): Predicted;
}

export interface Experiment {
  readonly name: string;
  readonly title: string;
  /** What differs between the measurement and the scenario, for the report. */
  readonly differences: readonly string[];
  /** Whether it is worth while to run it without each mechanism: it is about resources. */
  readonly ablated: boolean;
  /** The points of its file in this directory. */
  points(folder: string, calibration: Calibration): Point[];
}

/** The machine of the measurements, with its profile: clients and servers share it. */
export function machine(meta: Meta, calibration: Calibration): Record<string, unknown> {
  const cores = Number(/(\d+) vCPU/.exec(meta.hardware ?? '')?.[1] ?? 2);
  const memory = Number(/(\d+) GB RAM/.exec(meta.hardware ?? '')?.[1] ?? 24);
  return { cores, memory: `${memory}GB`, profile: calibration.profile };
}

/** Settings of the measurements and the version that they were made with. */
export function postgresql(meta: Meta, own: Record<string, unknown> = {}) {
  const version = Number.parseInt(String(meta.pg_version ?? 15), 10);
  return { version, ...meta.settings, ...own };
}

/** pgbench's tables as the measurement made them. */
export function tables(meta: Meta): Record<string, unknown> {
  return { scale: meta.scale ?? 1, ...(meta.fillfactor ? { fillfactor: meta.fillfactor } : {}) };
}

/** CPU time of pgbench for one transaction. */
export function clientCpu(builtin: string, statements: number, calibration: Calibration): string {
  if (!statements) throw new Error(`${builtin} is no script of pgbench's`);
  return `${Math.round(statements * calibration.clientMessage * 1000)}ns`;
}
