import { empirical, exponential, logNormal, Random } from '../src/kernel/index.ts';
import type { Row } from './table.ts';
import { compare } from './timing.ts';

const DRAWS = 100_000;

const LAWS: [string, (random: Random) => number][] = [
  ['uniform number', (random) => random.uniform()],
  ['whole number', (random) => random.integer(1, 1_000)],
  ['exponential by logarithm', (random) => random.exponential(1e6)],
  ['exponential by table', drawing(exponential(1e6))],
  ['log-normal by table', drawing(logNormal(1e6, 5e6))],
  ['empirical, 1,000 samples', drawing(empirical(Array.from({ length: 1_000 }, (_, i) => i * i)))],
];

function drawing(law: { draw(random: Random): number }): (random: Random) => number {
  return (random) => law.draw(random);
}

export async function draws(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, draw] of LAWS) {
    const random = new Random(what);
    const [nanoseconds] = await compare(DRAWS, [
      () => {
        let sum = 0;
        for (let i = 0; i < DRAWS; i++) sum += draw(random);
        return sum;
      },
    ]);
    rows.push({ what: `draw: ${what}`, nanoseconds: nanoseconds!, per: 'draw' });
  }
  let seeded = 0;
  const [seeding] = await compare(1_000, [
    () => {
      for (let i = 0; i < 1_000; i++) new Random(`42/hosts/${seeded++}/disk`);
      return seeded;
    },
  ]);
  return [...rows, { what: 'a stream seeded by its name', nanoseconds: seeding!, per: 'stream' }];
}
