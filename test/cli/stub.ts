import { writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Io, Output } from '../../src/cli/io.ts';
import type { LoadOutcome, Model, PlannedRun } from '../../src/cli/model.ts';
import { inlineExecutor } from '../../src/cli/tasks.ts';
import type { RunResult, Verdict } from '../../src/measure/result.ts';

/** A model whose scenarios say what their runs shall come to. */
export const stubModel: Model = {
  load: async (source, set) => load(source.file, source.text, set),
  schema: () => ({ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' }),
  starter: (name) => `name: ${name}\nduration: 10\nruns: {base: {tps: 100}}\n`,
};

interface StubRun {
  tps?: number;
  verdict?: Verdict;
  broken?: string;
  throws?: string;
  refused?: string;
  /** A file that is made when the run has begun. */
  touches?: string;
  /** Milliseconds of the machine's time: so that later tasks end earlier. */
  takes?: number;
}

interface StubScenario {
  name?: string;
  title?: string;
  duration?: number;
  warning?: string;
  runs: Record<string, StubRun>;
}

function load(file: string, text: string, set: readonly string[]): LoadOutcome {
  const document = parse(text) as StubScenario;
  const wrong = set.find((setting) => setting.startsWith('wrong'));
  const at = { file, line: 3, column: 5 };
  if (wrong) {
    const what = wrong.split('=')[0]!;
    return { ok: false, problems: [{ ...at, what, why: 'is no setting', nearest: 'right' }] };
  }
  const { name = 'stub', title, duration = 10, warning } = document;
  return {
    ok: true,
    scenario: {
      name,
      ...(title === undefined ? {} : { title }),
      seed: 7,
      durationSeconds: duration,
      warmupSeconds: 0,
      warnings: warning ? [{ ...at, what: 'huge_pages', why: warning }] : [],
      runs: Object.entries(document.runs).map(([variant, run]) =>
        planned(variant, run, duration, set),
      ),
    },
  };
}

function planned(
  variant: string,
  run: StubRun,
  duration: number,
  set: readonly string[],
): PlannedRun {
  return {
    variant,
    async simulate(seed, onProgress) {
      if (run.touches) writeFileSync(run.touches, '');
      onProgress(duration / 2);
      if (run.takes) await new Promise((resolve) => setTimeout(resolve, run.takes));
      if (run.throws) throw new RangeError(run.throws);
      if (run.refused) {
        const at = { file: 'it.yaml', line: 2, column: 9 };
        return { refused: [{ ...at, what: run.refused, why: 'is not built yet' }] };
      }
      return resultOf(variant, run, seed, duration, set);
    },
  };
}

function resultOf(
  variant: string,
  run: StubRun,
  seed: number,
  duration: number,
  set: readonly string[],
): RunResult {
  const tps = (run.tps ?? 100) + seed;
  const verdict = run.verdict ?? 'held';
  const comparison = { text: 'throughput.tps > 1', left: tps, right: 1 };
  return {
    variant,
    set: Object.fromEntries(set.map((setting) => setting.split('=') as [string, string])),
    seed,
    digest: `${variant}/${seed}`,
    verdict,
    metrics: { 'throughput.tps': tps },
    observe: verdict === 'inconclusive' ? [{ ...comparison, holds: false }] : [],
    expect: [{ ...comparison, holds: verdict !== 'failed' }],
    claims: [],
    warnings: [],
    series: {},
    events: [],
    losses: [],
    lawsBroken: run.broken ? [run.broken] : [],
    cost: { machineSeconds: 0.5, simulatedSeconds: duration, transactions: tps * duration },
  };
}

/** A stream that remembers what was written to it. */
export class Recorder implements Output {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 100;

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

export type StubIo = Io & { stdout: Recorder; stderr: Recorder };

export function stubIo(fields: Partial<StubIo> = {}): StubIo {
  return {
    stdout: new Recorder(),
    stderr: new Recorder(),
    env: {},
    version: '1.2.3',
    model: stubModel,
    execute: inlineExecutor(stubModel),
    interrupted: new AbortController().signal,
    scenarios: new URL('./scenarios', import.meta.url).pathname,
    ...fields,
  };
}
