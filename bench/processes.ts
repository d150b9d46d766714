import { MILLISECOND } from '../src/kernel/index.ts';
import type { Row } from './table.ts';
import { compare } from './timing.ts';
import { TransactionOpcodes } from './transaction-opcodes.ts';
import { TransactionProcesses } from './transaction-processes.ts';
import type { Workload } from './workload.ts';

const PIECE = 200 * MILLISECOND;
/** Generators may cost so much more than the same by hand: the model is written in them. */
const TARGET = 1.7;

/** Walks on by one piece at each call; the number returned stands for all that has happened. */
function walk(workload: Workload): () => number {
  let until = 0;
  return () => {
    until += PIECE;
    const { completed, latencySum, steps } = workload.advance(until);
    return completed + latencySum + steps;
  };
}

export async function processes(): Promise<Row[]> {
  const steps = new TransactionOpcodes().advance(PIECE).steps;
  const [byHand, generators] = await compare(steps, [
    walk(new TransactionOpcodes()),
    walk(new TransactionProcesses()),
  ]);
  const verdict = generators! / byHand! <= TARGET ? 'within' : 'ABOVE';
  return [
    { what: 'transaction by opcodes, by hand', nanoseconds: byHand!, per: 'step' },
    {
      what: `transaction by generators (${verdict} the target of ${TARGET})`,
      nanoseconds: generators!,
      per: 'step',
      to: byHand!,
    },
  ];
}
