/** The settings that the planner reads, as a server has them and as SET takes them. */
import { findSetting, measureOf, type PostgresSettings } from '../../postgres/settings.ts';

/** Version 18's, without what no plan that is built depends on (JIT, GEQO's parameters). */
export const PLANNER_SETTINGS: readonly string[] = [
  'constraint_exclusion',
  'cpu_index_tuple_cost',
  'cpu_operator_cost',
  'cpu_tuple_cost',
  'cursor_tuple_fraction',
  'effective_cache_size',
  'enable_async_append',
  'enable_bitmapscan',
  'enable_distinct_reordering',
  'enable_gathermerge',
  'enable_group_by_reordering',
  'enable_hashagg',
  'enable_hashjoin',
  'enable_incremental_sort',
  'enable_indexonlyscan',
  'enable_indexscan',
  'enable_material',
  'enable_memoize',
  'enable_mergejoin',
  'enable_nestloop',
  'enable_parallel_append',
  'enable_parallel_hash',
  'enable_partition_pruning',
  'enable_partitionwise_aggregate',
  'enable_partitionwise_join',
  'enable_presorted_aggregate',
  'enable_self_join_elimination',
  'enable_seqscan',
  'enable_sort',
  'enable_tidscan',
  'from_collapse_limit',
  'geqo',
  'geqo_threshold',
  'hash_mem_multiplier',
  'join_collapse_limit',
  'max_parallel_workers',
  'max_parallel_workers_per_gather',
  'min_parallel_index_scan_size',
  'min_parallel_table_scan_size',
  'parallel_leader_participation',
  'parallel_setup_cost',
  'parallel_tuple_cost',
  'random_page_cost',
  'recursive_worktable_factor',
  'seq_page_cost',
  'work_mem',
];

/** How prepared statements choose their plans, which is decided here and not asked for. */
export const PLAN_CACHE_MODE = 'plan_cache_mode';

const VERSION_THAT_PLANS = 18;
const KILOBYTE = 1024;

/** Each with its value; those that the server's version does not have keep their defaults. */
export function plannerSettings(settings: PostgresSettings): (readonly [string, string])[] {
  return PLANNER_SETTINGS.flatMap((name) => {
    const value = settings[name];
    const fact = findSetting(name, VERSION_THAT_PLANS);
    if (value === undefined || fact === undefined) return [];
    if (typeof value === 'boolean') return [[name, value ? 'on' : 'off'] as const];
    if (measureOf(fact) !== 'bytes') return [[name, String(value)] as const];
    return [[name, `${Math.round(Number(value) / KILOBYTE)}kB`] as const];
  });
}
