import { CONFLICT_REASONS } from '../../postgres/recovery-conflict.ts';
import type { MetricFamily } from '../family.ts';

/** What replay has ended on standbys (pg_stat_database_conflicts). */
export const conflictFamily: MetricFamily = {
  metrics: [
    {
      name: 'servers.<server>.conflicts.{tablespace,database,lock,snapshot,bufferpin,deadlock}',
      kind: 'number',
      unit: 'count',
      doc: 'Statements and sessions of this standby that replay has ended, by what for.',
    },
  ],
  measure: ({ instances, postgres }) => {
    const counts = instances.map(() => CONFLICT_REASONS.map(() => 0));
    postgres.recoveryConflict.observe((_, server, reason) => {
      counts[server]![reason]!++;
    });
    return {
      restart: () => {
        for (const each of counts) each.fill(0);
      },
      report: (sheet) => {
        instances.forEach(({ server: { name } }, index) => {
          CONFLICT_REASONS.forEach((reason, i) => {
            sheet.put(`servers.${name}.conflicts.${reason}`, counts[index]![i]!);
          });
        });
      },
    };
  },
};
