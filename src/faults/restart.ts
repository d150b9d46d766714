import type { FaultDefinition } from './definition.ts';
import { processRefusal } from './refusals.ts';
import { verb } from './words.ts';
import { programsOf } from './world.ts';

export const restart: FaultDefinition<'restart'> = {
  kind: 'restart',
  doc: `Restarts processes: Postgres by a fast shutdown (sessions end, standbys get all WAL) and a
    start in the same role, everything else by the end of the process and a new one at once.`,
  refusal(fault) {
    if (fault.for !== null) return 'restart has no `for`: it takes the time it takes';
    return processRefusal(fault.targets);
  },
  begins: ({ targets }) => verb(targets, 'is restarted', 'are restarted'),
  ends: ({ targets }) => verb(targets, 'has been restarted', 'have been restarted'),
  apply(world, { targets }) {
    for (const program of programsOf(world, targets)) {
      if (program.restart) program.restart();
      else {
        program.crash();
        program.start();
      }
    }
    return null;
  },
};
