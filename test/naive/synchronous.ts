import type { StandbyNames } from '../../src/replication/standby-names.ts';
import type { Candidate, Positions } from '../../src/replication/sync-rep.ts';

/**
 * The rule read literally: a position is released if some choice of n candidates that the method
 * allows has reached it. FIRST allows one choice, ANY all of them. Positions are small numbers.
 */
export function naiveReleased(
  names: StandbyNames,
  standbys: readonly Candidate[],
  highest: number,
): Positions | null {
  const listed: Candidate[] = [];
  for (const name of names.names) {
    for (const standby of standbys) {
      const matches = name === '*' || name.toLowerCase() === standby.applicationName.toLowerCase();
      if (!matches || !standby.streaming || standby.flush === 0) continue;
      if (!listed.includes(standby)) listed.push(standby);
    }
  }
  if (listed.length < names.count) return null;
  const choices =
    names.method === 'first' ? [listed.slice(0, names.count)] : subsets(listed, names.count);
  const upTo = (what: 'write' | 'flush' | 'apply') => {
    let released = 0;
    for (let lsn = 0; lsn <= highest; lsn++) {
      if (choices.some((choice) => choice.every((each) => each[what] >= lsn))) released = lsn;
    }
    return released;
  };
  return { write: upTo('write'), flush: upTo('flush'), apply: upTo('apply') };
}

function subsets<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) => {
    return subsets(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]);
  });
}
