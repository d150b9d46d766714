import type { FaultDefinition } from './definition.ts';
import { unbuilt } from './refusals.ts';
import { verb } from './words.ts';
import { hostsOfAll, programsOf } from './world.ts';

/** SIGSTOP for processes, a stopped virtual machine for hosts; a machine's kernel goes silent. */
export const pause: FaultDefinition<'pause'> = {
  kind: 'pause',
  doc: `Stops processes (their kernel goes on answering SYNs and acknowledging data) or, given a
    host, a zone or a group of clients, whole virtual machines, which then answer nothing. When they
    go on, deadlines that have passed meanwhile have passed.`,
  refusal: ({ targets }) => unbuilt(targets),
  begins: ({ targets }) => verb(targets, 'is paused', 'are paused'),
  ends: ({ targets }) => verb(targets, 'goes on', 'go on'),
  apply(world, { targets }) {
    const { overlaps } = world;
    const programs = programsOf(world, targets);
    const machines = hostsOfAll(
      world,
      targets.filter((target) => world.programOf(target) === null),
    );
    for (const program of programs) {
      if (overlaps.enter('paused', program)) program.host.pause(program.group);
    }
    for (const host of machines) if (overlaps.enter('paused', host)) host.pause();
    return () => {
      for (const program of programs) {
        if (overlaps.leave('paused', program)) program.host.resume(program.group);
      }
      for (const host of machines) if (overlaps.leave('paused', host)) host.resume();
    };
  },
};
