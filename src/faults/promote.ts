import type { FaultDefinition } from './definition.ts';
import { namesOf } from './words.ts';

export const promote: FaultDefinition<'promote'> = {
  kind: 'promote',
  doc: `Somebody calls pg_promote() on a standby, whatever its primary does: the mistake that makes
    two primaries. Nothing happens on a server that is no standby.`,
  refusal({ targets, for: duration }) {
    if (duration !== null) return 'a promotion is not undone: it has no `for`';
    return targets.every(({ kind }) => kind === 'server') ? null : 'promote strikes servers';
  },
  begins: ({ targets }) => `an operator promotes ${namesOf(targets)}`,
  ends: ({ targets }) => `${namesOf(targets)} has been promoted`,
  apply(world, { targets }) {
    for (const target of targets) {
      if (target.kind === 'server') world.instance(target.server).promote();
    }
    return null;
  },
};
