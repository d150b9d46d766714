import type { FaultDefinition } from './definition.ts';

export const switchover: FaultDefinition<'switchover'> = {
  kind: 'switchover',
  doc: `An operator's \`patronictl switchover\`: the leader (or the server named \`from\`) hands
    over to \`to\`, or to whom Patroni finds fittest.`,
  refusal: (fault) => (fault.for === null ? null : 'a switchover is not undone: it has no `for`'),
  begins({ from, to }) {
    const roles = `${from === null ? '' : ` from ${from}`}${to === null ? '' : ` to ${to}`}`;
    return `an operator asks for a switchover${roles}`;
  },
  ends: () => 'the switchover has been asked for',
  apply(world, { from, to }) {
    world.requestSwitchover(from, to);
    return null;
  },
};
