/**
 * Storage parameters of a table (CREATE TABLE ... WITH, ALTER TABLE ... SET) by their names, beside
 * its fillfactor; what is not given is the server's setting. Left out: those of TOAST tables,
 * parallel workers, index cleanup, multixacts, the logging of autovacuum.
 */
export interface TableOptions {
  readonly autovacuum_enabled?: boolean;
  readonly autovacuum_vacuum_threshold?: number;
  readonly autovacuum_vacuum_scale_factor?: number;
  /** 18; -1 for none. */
  readonly autovacuum_vacuum_max_threshold?: number;
  /** -1 for none. */
  readonly autovacuum_vacuum_insert_threshold?: number;
  readonly autovacuum_vacuum_insert_scale_factor?: number;
  readonly autovacuum_analyze_threshold?: number;
  readonly autovacuum_analyze_scale_factor?: number;
  /** In milliseconds, as it is written. */
  readonly autovacuum_vacuum_cost_delay?: number;
  readonly autovacuum_vacuum_cost_limit?: number;
  readonly autovacuum_freeze_min_age?: number;
  readonly autovacuum_freeze_max_age?: number;
  readonly autovacuum_freeze_table_age?: number;
  readonly vacuum_truncate?: boolean;
}

const FLAGS: readonly string[] = ['autovacuum_enabled', 'vacuum_truncate'];
const NUMBERS: readonly string[] = [
  'autovacuum_vacuum_threshold',
  'autovacuum_vacuum_scale_factor',
  'autovacuum_vacuum_max_threshold',
  'autovacuum_vacuum_insert_threshold',
  'autovacuum_vacuum_insert_scale_factor',
  'autovacuum_analyze_threshold',
  'autovacuum_analyze_scale_factor',
  'autovacuum_vacuum_cost_delay',
  'autovacuum_vacuum_cost_limit',
  'autovacuum_freeze_min_age',
  'autovacuum_freeze_max_age',
  'autovacuum_freeze_table_age',
] satisfies readonly (keyof TableOptions)[];

/** As pg_class.reloptions has them: words that Postgres has checked; those left out are dropped. */
export function tableOptions(words: Readonly<Record<string, string>>): TableOptions {
  const options: Record<string, number | boolean> = {};
  for (const [name, word] of Object.entries(words)) {
    if (NUMBERS.includes(name)) options[name] = Number(word);
    else if (FLAGS.includes(name)) options[name] = /^(on|t|y|1)/i.test(word);
  }
  return options;
}
