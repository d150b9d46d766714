import { Bench } from 'tinybench';

const ROUNDS = 7;

/**
 * Nanoseconds per operation of several tasks that each do `operations` of them per call. The tasks
 * take turns, round by round, so that a slow minute of the machine hits all alike; the median of
 * the rounds counts. All must return the same at the same call: they do the same work.
 */
export async function compare(
  operations: number,
  tasks: readonly (() => number)[],
): Promise<number[]> {
  const results = tasks.map((): number[] => []);
  const rounds = tasks.map((): number[] => []);
  const bench = new Bench({ time: 0, iterations: 5, warmup: false, throws: true });
  tasks.forEach((task, i) => {
    bench.add(String(i), () => {
      results[i]!.push(task());
    });
  });
  for (let round = 0; round <= ROUNDS; round++) {
    await bench.run();
    bench.tasks.forEach(({ result }, i) => {
      if (!('latency' in result)) throw new Error(`task ${i} did not run: ${result.state}`);
      if (round > 0) rounds[i]!.push((result.latency.p50 * 1e6) / operations);
      expectSame(results[0]!, results[i]!);
    });
    bench.reset();
  }
  return rounds.map(median);
}

function expectSame(a: readonly number[], b: readonly number[]): void {
  const differs = a.findIndex((value, i) => value !== b[i]);
  if (differs < 0) return;
  throw new Error(`call ${differs}: ${a[differs]} and ${b[differs]} are not the same work`);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
