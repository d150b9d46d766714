/** What a scenario says of its tables' contents (`workload.statistics`), as plain data. */
import { z } from 'zod';

const column = z.object({
  /** Different values; null: not said. */
  distinct: z.number().nullable(),
  /** Mean bytes of a value as pg_stats.avg_width has it. */
  width: z.number().nullable(),
  nullFraction: z.number().nullable(),
  /** Between the order of values and that of rows. */
  correlation: z.number().nullable(),
  /** The most common values, each with its share. */
  common: z.array(z.object({ value: z.string(), share: z.number() })),
  /** Values that divide the others into parts of equal size. */
  histogram: z.array(z.string()),
});

const table = z.object({
  rows: z.number(),
  columns: z.record(z.string(), column),
  /** It is not there until somebody creates it. */
  isAbsent: z.boolean().optional(),
});

export const factsSchema = z.record(z.string(), table);

export type ColumnFacts = z.output<typeof column>;
export type TableFacts = z.output<typeof table>;
/** By the table's name. */
export type Facts = z.output<typeof factsSchema>;

export const NO_FACTS: ColumnFacts = {
  distinct: null,
  width: null,
  nullFraction: null,
  correlation: null,
  common: [],
  histogram: [],
};
