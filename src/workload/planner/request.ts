/**
 * What Postgres is asked about a workload, and what it answered: plain data, so that a request can
 * be a key and an answer can be kept. Equal requests have equal texts.
 */
import { z } from 'zod';
import { catalogSchema } from './catalog.ts';
import { type Facts, factsSchema } from './facts.ts';
import { type PlanNode, planSchema } from './plan.ts';

/** Grows when the answer to the same request would be another. */
export const PLAN_FORMAT = 3;

/** One statement of a transaction. */
export interface StatementRequest {
  /** With `$1`, `$2` ... where the script has variables. */
  readonly sql: string;
  /** Types of the parameters; empty: Postgres finds them, as in the extended protocol. */
  readonly types: readonly string[];
  /** Values of the parameters, as a run of the script gave them, for custom plans. */
  readonly samples: readonly (readonly (string | null)[])[];
}

export interface PlanRequest {
  readonly format: number;
  readonly schema: string;
  /** Commands that make partitions, behind the schema. */
  readonly partitions: readonly { readonly table: string; readonly sql: string }[];
  readonly facts: Facts;
  /** The server's version, by which tables and indexes are laid out. */
  readonly version: number;
  /** Settings of the planner, as SET takes them, in order of name. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly statements: readonly StatementRequest[];
}

/** A request as one text: what plans are kept under. */
export function requestText(request: PlanRequest): string {
  return JSON.stringify(request);
}

const statement = z.object({
  /** For whatever values. */
  generic: planSchema,
  /** One for each sample. */
  custom: z.array(planSchema),
});

export const answerSchema = z.object({
  format: z.literal(PLAN_FORMAT),
  /** Who planned: `PostgreSQL 18.6 (PGlite 0.5.16)`. */
  planner: z.string(),
  catalog: catalogSchema,
  facts: factsSchema,
  statements: z.array(statement),
});

export type PlanAnswer = z.output<typeof answerSchema>;

export interface StatementPlans {
  readonly generic: PlanNode;
  readonly custom: readonly PlanNode[];
}

/** What Postgres did not take, in its own words. */
export interface PlanError {
  readonly at:
    | { readonly kind: 'schema' }
    | { readonly kind: 'partitions'; readonly table: string }
    | { readonly kind: 'statement'; readonly index: number }
    | { readonly kind: 'statistics'; readonly table: string; readonly column: string | null }
    | { readonly kind: 'settings'; readonly name: string };
  /** Characters (UTF-16 units) into the schema or the statement; -1: Postgres does not say. */
  readonly offset: number;
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
}

export type Planned =
  | { readonly ok: true; readonly answer: PlanAnswer }
  | { readonly ok: false; readonly errors: readonly PlanError[] };

/** The error as psql shows it. */
export function errorText({ message, detail, hint }: PlanError): string {
  const more = [detail && `DETAIL:  ${detail}`, hint && `HINT:  ${hint}`].filter(Boolean);
  return [`ERROR:  ${message}`, ...more].join('\n');
}
