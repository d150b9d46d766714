import { Agenda, Random } from '../src/kernel/index.ts';
import { NaiveHeap } from './naive-heap.ts';
import type { Row } from './table.ts';
import { compare } from './timing.ts';

const STEPS = 200_000;

interface Pending {
  readonly now: number;
  enter(instant: number, process: number): void;
  removeFirst(): number;
}

/** The hold model: of n pending entries the first is removed and entered again, later. */
function holdModel(agenda: Pending, pending: number): () => number {
  const random = new Random(`hold ${pending}`);
  for (let process = 0; process < pending; process++) {
    agenda.enter(random.exponential(1_000_000), process);
  }
  const holds = Float64Array.from({ length: 65_536 }, () => random.exponential(1_000_000));
  let next = 0;
  return () => {
    for (let i = 0; i < STEPS; i++) {
      const process = agenda.removeFirst();
      agenda.enter(agenda.now + holds[next++ & 65_535]!, process);
    }
    return agenda.now;
  };
}

export async function agendas(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const pending of [1_000, 1_000_000]) {
    const [wheel, heap] = await compare(STEPS, [
      holdModel(new Agenda(pending), pending),
      holdModel(new NaiveHeap(), pending),
    ]);
    const what = `hold model, ${pending.toLocaleString('en')} pending`;
    rows.push({ what: `${what}: radix wheel`, nanoseconds: wheel!, per: 'hold' });
    rows.push({ what: `${what}: heap of objects`, nanoseconds: heap!, per: 'hold', to: wheel! });
  }
  return rows;
}
