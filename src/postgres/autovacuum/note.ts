/** What a vacuum's end says to people: the gist of the log line of log_autovacuum_min_duration. */
import { SECOND } from '../../kernel/index.ts';
import type { Table } from '../heap/relation.ts';
import type { VacuumReport } from './lazy-vacuum.ts';

/** `holder`: who has kept rows from being removed since before it began, if anybody. */
export function vacuumNote(
  table: Table,
  report: VacuumReport,
  isAutovacuum: boolean,
  holder: string | null = null,
): string {
  const { summary, outcome, duration, isAggressive, isFailsafe } = report;
  const kind = isAutovacuum ? 'autovacuum' : 'VACUUM';
  const how = isFailsafe ? ' (failsafe)' : isAggressive ? ' (aggressive)' : '';
  const end = outcome === 'done' ? 'took' : `was ${outcome} after`;
  const seconds = (duration / SECOND).toFixed(3);
  const parts = [
    `${summary.scannedPages} pages read and ${summary.skippedPages} skipped`,
    `${summary.tuplesRemoved} dead rows removed, ${summary.recentlyDead} not yet removable`,
    `index passes: ${summary.indexPasses}`,
  ];
  if (summary.recentlyDead > 0 && holder !== null) parts.push(`rows are kept for ${holder}`);
  if (summary.pagesCut > 0) parts.push(`${summary.pagesCut} pages cut off`);
  const { name } = table.definition;
  return `${kind}${how} of ${name} ${end} ${seconds} s: ${parts.join('; ')}`;
}
