import type { Targets } from './fault.ts';
import { nameOf } from './words.ts';

/** Why a fault that strikes processes cannot strike these, if it cannot. */
export function processRefusal(targets: Targets): string | null {
  const wrong = targets.find(
    ({ kind }) => kind === 'host' || kind === 'zone' || kind === 'clients',
  );
  return wrong ? `${nameOf(wrong)} is no process; power_off strikes machines` : unbuilt(targets);
}

/** Why nothing can strike these, if nothing can; a backend can crash, which `crash` knows. */
export function unbuilt(targets: Targets): string | null {
  const backend = targets.find(({ kind }) => kind === 'backend');
  if (backend) return `${nameOf(backend)} can crash, and nothing else`;
  const wrong = targets.find(({ kind }) => kind === 'pgbouncer');
  return wrong ? `${nameOf(wrong)} is not part of the model yet` : null;
}
