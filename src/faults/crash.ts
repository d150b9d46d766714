import type { FaultDefinition } from './definition.ts';
import { processRefusal } from './refusals.ts';
import { verb } from './words.ts';
import { programsOf } from './world.ts';

/** SIGKILL: the kernel sends what the process had written and closes its connections. */
export const crash: FaultDefinition<'crash'> = {
  kind: 'crash',
  doc: `Kills processes: a Postgres server, an agent, an etcd member, HAProxy. What they had sent
    still arrives, then their connections are closed. With \`for\` they are started again after it;
    a Postgres server under Patroni is started by Patroni, and as soon as it likes. A crash of one
    backend (\`pg1.backend\`: the one that is connected longest) makes the postmaster end all others
    and recover, as shared memory may be damaged, unless restart_after_crash is off.`,
  refusal: ({ targets }) => processRefusal(targets.filter(({ kind }) => kind !== 'backend')),
  begins: ({ targets }) => verb(targets, 'crashes', 'crash'),
  ends: ({ targets }) => verb(targets, 'is started again', 'are started again'),
  apply(world, { targets }) {
    const { overlaps } = world;
    const programs = programsOf(world, targets);
    for (const program of programs) {
      overlaps.enter('crashed', program);
      program.crash();
    }
    return () => {
      for (const program of programs) if (overlaps.leave('crashed', program)) program.start();
    };
  },
};
