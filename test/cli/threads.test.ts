import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { inlineExecutor, type Job, type TaskOutcome } from '../../src/cli/tasks.ts';
import { threadExecutor } from '../../src/cli/threads.ts';
import { stubIo, stubModel } from './stub.ts';

const execute = threadExecutor(new URL('./stub-worker.ts', import.meta.url));

function hooks(signal = new AbortController().signal) {
  const done: number[] = [];
  return { done, signal, onProgress: () => {}, onDone: (task: number) => done.push(task) };
}

function job(runs: string, jobs: number): Job {
  const text = `runs: ${runs}`;
  const count = Object.keys(JSON.parse(runs)).length;
  const tasks = Array.from({ length: count }, (_, run) => ({ run, seed: 1 }));
  return { source: { file: 'x.yaml', text }, set: [], tasks, jobs };
}

function namesOf(outcomes: TaskOutcome[]): string[] {
  return outcomes.map((each) => {
    if ('refused' in each) return 'refused';
    return 'result' in each ? each.result.variant : each.fault.message;
  });
}

describe('threads', () => {
  it('give the same results in the same order, however many there are', async () => {
    const runs = '{"a": {"takes": 80}, "b": {"takes": 1}, "c": {}, "d": {"takes": 5}}';
    const expected = await inlineExecutor(stubModel)(job(runs, 1), hooks());
    for (const jobs of [1, 2, 3, 9]) {
      expect(await execute(job(runs, jobs), hooks())).toEqual(expected);
    }
  });

  it('carry the whole command: JSON for one job and for four is the same', async () => {
    const json = async (jobs: string) => {
      const io = stubIo({ execute });
      await runProgram(['run', 'alpha', '--seeds', '2', '--jobs', jobs, '--json', '-'], io);
      return io.stdout.text;
    };
    const alone = await json('1');
    expect(JSON.parse(alone).runs).toHaveLength(6);
    expect(await json('4')).toBe(alone);
  });

  it('stop at the first fault in the order of the tasks, not in time', async () => {
    const late = '{"throws": "late", "takes": 60}';
    const runs = `{"a": {"takes": 60}, "b": ${late}, "c": {"throws": "early"}, "d": {}}`;
    for (const jobs of [1, 3]) {
      const outcomes = await execute(job(runs, jobs), hooks());
      expect(namesOf(outcomes)).toEqual(['a', 'RangeError: late']);
    }
  });

  it('are gone soon after an interrupt', async () => {
    const controller = new AbortController();
    const { done, ...rest } = hooks(controller.signal);
    const started = job('{"a": {"takes": 60000}, "b": {"takes": 60000}}', 2);
    setTimeout(() => controller.abort(), 50);
    expect(await execute(started, { ...rest })).toEqual([]);
    expect(done).toEqual([]);
  });

  it('report progress of each task', async () => {
    const seen: number[] = [];
    const { signal, onDone } = hooks();
    const onProgress = (task: number) => seen.push(task);
    await inlineExecutor(stubModel)(job('{"a": {}, "b": {}}', 1), { onProgress, onDone, signal });
    expect(seen).toEqual([0, 1]);
  });
});
