import type { Nanoseconds } from '../../kernel/index.ts';
import type { Access } from '../../postgres/access.ts';
import type { ForeignKeyCheck } from '../../postgres/foreign-keys.ts';
import type { Opens } from '../../postgres/partitioning/opening.ts';
import type { RoutedPartition, Routing } from '../../postgres/partitioning/routing.ts';
import type { PlanValues, QueryPlan } from '../../postgres/plan/plan-work.ts';
import type {
  Keys,
  Relation,
  Statement,
  StatementDetails,
  StatementUsage,
  Verb,
} from '../../postgres/statement.ts';
import { changes } from '../../postgres/statement-rows.ts';
import type { Reach, ReachOf } from '../planner/entries.ts';
import type { RowRouting } from '../planner/routing.ts';
import { commitRecord, statement } from '../script.ts';
import type { Expression } from './expression.ts';
import type { Environment } from './functions.ts';
import type { Value } from './values.ts';

/** Which rows a statement is about, by values of the table's key. */
export type Rows =
  | { readonly kind: 'none' }
  /** `count`: of which so many are changed, where it is not all of them. */
  | { readonly kind: 'all'; readonly count?: number }
  | { readonly kind: 'one'; readonly key: Expression }
  | { readonly kind: 'range'; readonly first: Expression; readonly last: Expression }
  | { readonly kind: 'list'; readonly keys: readonly Expression[] }
  /** So many rows of which nothing is known, for an INSERT. */
  | { readonly kind: 'new'; readonly count: number }
  /** What a scan of an index reads, up to a number of rows. */
  | {
      readonly kind: 'reach';
      readonly index: number;
      readonly scan: Access['scan'];
      /** One for each key of a list. */
      readonly reach: readonly ReachOf[];
      readonly limit: number | null;
    }
  /** What a whole plan finds. */
  | { readonly kind: 'plan'; readonly plan: Omit<QueryPlan, 'values'> }
  /** The same for several partitions. */
  | { readonly kind: 'parts'; readonly parts: readonly Template[] }
  /** Those of the parts that these values lead to, and what such a plan opens. */
  | {
      readonly kind: 'pruned';
      readonly parts: readonly Template[];
      readonly choose: (environment: Environment) => readonly number[] | undefined;
      /** Null: the plan is kept, and opens the same whatever it prunes. */
      readonly opens: ((chosen: readonly number[]) => Opens) | null;
    }
  /** New rows of a partitioned table. */
  | { readonly kind: 'routed'; readonly routing: RowRouting; readonly count: number }
  /** COPY of so many rows. */
  | {
      readonly kind: 'copy';
      readonly count: Expression;
      readonly routing: RowRouting | null;
    }
  /** By the plan for these values, or by that of prepared statements. */
  | { readonly kind: 'planned'; readonly simple: Rows; readonly prepared: Rows };

/** What a foreign key wants of the rows of a statement, with its values. */
export type CheckFor = (environment: Environment) => ForeignKeyCheck;

/** A statement of SQL with places for the values of variables. */
export interface Template {
  readonly verb: Verb;
  readonly relation: Relation | null;
  readonly rows: Rows;
  /** Null for a statement without anything special about it, when it is about one row. */
  readonly details: StatementDetails | null;
  readonly checks?: readonly CheckFor[];
  /** An UPDATE of the partition key: where rows go, by the values of an execution. */
  readonly moves?: RowRouting;
}

export const PLAIN: StatementDetails = {
  rows: null,
  plan: null,
  parts: [],
  opens: null,
  command: null,
  vacuum: null,
  foreignKeys: [],
  job: null,
  routing: null,
  movesTo: null,
  isMove: false,
  strayKey: null,
  access: null,
  rowLock: null,
  changedBytes: 0,
  changedIndexes: [],
  isKeyGiven: false,
  onConflict: 'error',
  lockedRows: 'wait',
  sortedBytes: 0,
  settings: null,
  savepoint: null,
};

/** No row has this key. */
const NO_KEY = 0;

/** The key that a value stands for: null and fractions are no row's. Undefined: no value. */
function keyOf(value: Value): number | undefined {
  if (value === undefined || typeof value === 'boolean') return undefined;
  if (value === null) return NO_KEY;
  const key = Number(value);
  return Number.isSafeInteger(key) ? key : NO_KEY;
}

/** A bound: fractions count, null makes the range empty. */
function boundOf(value: Value): number | undefined {
  if (value === undefined || typeof value === 'boolean') return undefined;
  return value === null ? Number.NaN : Number(value);
}

/** The statement with its values; undefined if one of them has none. */
export function fillIn(
  template: Template,
  environment: Environment,
  prepared: boolean,
): Statement | undefined {
  const filled = withValues(template, environment, prepared);
  const { checks } = template;
  if (checks === undefined || filled === undefined) return filled;
  const { environment: own } = valuesOf(environment);
  const foreignKeys = checks.map((check) => check(own as Environment));
  return { ...filled, details: { ...(filled.details ?? PLAIN), foreignKeys } };
}

function noUsage(): StatementUsage {
  return { hits: 0, reads: 0, partitions: 0, planning: 0, execution: 0 };
}

function withValues(
  template: Template,
  environment: Environment,
  prepared: boolean,
): Statement | undefined {
  const { verb, relation } = template;
  const rows = rowsFor(template.rows, prepared);
  const commit = mayCommit(template) ? commitRecord() : null;
  const usage = template.rows.kind === 'planned' ? noUsage() : null;
  const about = (key: number, details: StatementDetails | null) =>
    statement(verb, relation, key, prepared, commit, details, usage);
  const own = ownDetails(template, environment);
  const details = own ?? PLAIN;
  switch (rows.kind) {
    case 'none':
      return about(NO_KEY, own);
    case 'all':
      return about(NO_KEY, { ...details, rows: 'all', access: spread(rows.count) });
    case 'one': {
      const key = keyOf(rows.key.value(environment));
      return key === undefined ? undefined : about(key, own);
    }
    case 'range':
    case 'list': {
      const keys = keysFor(rows, environment);
      return keys && about(NO_KEY, { ...details, rows: keys });
    }
    case 'new':
      return about(NO_KEY, { ...details, rows: newRows(rows.count) });
    case 'parts': {
      const parts = rows.parts.map((part) => fillIn(part, environment, prepared));
      if (!parts.every((part) => part !== undefined)) return undefined;
      return about(NO_KEY, { ...details, rows: 'parts', parts });
    }
    case 'pruned': {
      const found = prunedParts(rows, details, environment, prepared);
      if (found === undefined || 'rows' in found) return found && about(NO_KEY, found);
      return { ...found, commit, usage };
    }
    case 'routed':
      return about(NO_KEY, routedDetails(rows, environment, details));
    case 'copy': {
      const copied = copiedDetails(rows, details, environment);
      return copied && about(NO_KEY, copied);
    }
    case 'reach': {
      const found = rows.reach.map((reach) => reach(environment));
      if (!found.every((reach) => reach !== undefined)) return undefined;
      return about(...reached(found, rows, details));
    }
    case 'plan':
      return about(NO_KEY, {
        ...details,
        rows: 'plan',
        plan: { ...rows.plan, values: valuesOf(environment) },
      });
  }
}

function keysFor(
  rows: Extract<Rows, { kind: 'range' | 'list' }>,
  environment: Environment,
): Keys | undefined {
  if (rows.kind === 'range') {
    const first = boundOf(rows.first.value(environment));
    const last = boundOf(rows.last.value(environment));
    return first === undefined || last === undefined ? undefined : rangeOf(first, last);
  }
  const list = rows.keys.map((key) => keyOf(key.value(environment)));
  return list.every((key) => key !== undefined) ? { kind: 'list', list } : undefined;
}

function copiedDetails(
  { count: expression, routing }: Extract<Rows, { kind: 'copy' }>,
  details: StatementDetails,
  environment: Environment,
): StatementDetails | undefined {
  const count = boundOf(expression.value(environment));
  if (count === undefined || Number.isNaN(count)) return undefined;
  const own = routing ? routedDetails({ routing, count: 1 }, environment, details) : details;
  return { ...own, rows: { kind: 'copy', count: Math.max(0, Math.round(count)) } };
}

/** The statement on the one partition, or what is executed on several. */
function prunedParts(
  { parts: all, choose, opens: opensOf }: Extract<Rows, { kind: 'pruned' }>,
  details: StatementDetails,
  environment: Environment,
  prepared: boolean,
): Statement | StatementDetails | undefined {
  const chosen = choose(environment);
  const parts = chosen?.map((place) => fillIn(all[place]!, environment, prepared));
  if (!parts?.every((part) => part !== undefined)) return undefined;
  const opens = opensOf === null ? details.opens : opensOf(chosen!);
  const [first] = parts;
  if (parts.length !== 1) return { ...details, opens, rows: 'parts', parts };
  return { ...first!, details: { ...(first!.details ?? PLAIN), opens } };
}

function ownDetails(
  { details, moves }: Template,
  environment: Environment,
): StatementDetails | null {
  if (moves === undefined) return details;
  return { ...(details ?? PLAIN), movesTo: routingFor(moves, environment) };
}

/** Of a key whose value is known, where the row belongs; of another, any partition alike. */
export function routedDetails(
  { routing, count }: Pick<Extract<Rows, { kind: 'routed' }>, 'routing' | 'count'>,
  environment: Environment,
  details: StatementDetails,
): StatementDetails {
  const rows = count === 1 ? null : newRows(count);
  return { ...details, rows, routing: routingFor(routing, environment) };
}

function routingFor(routing: RowRouting, environment: Environment): Routing {
  const { choose, partitions, fallback, how, before, chunks } = routing;
  if (how !== 'given') {
    const ago = before?.(environment) ?? 0;
    return { how, partitions, fallback, ago, ...(chunks === undefined ? {} : { chunks }) };
  }
  const chosen = choose?.(environment) ?? {
    given: [anyOf(partitions, environment)],
    key: null,
  };
  return { how, partitions, fallback, ...chosen };
}

function anyOf(partitions: readonly RoutedPartition[], { random }: Environment): Relation {
  const whole = partitions.filter(({ isPart }) => isPart);
  return whole[random.integer(1, whole.length) - 1]!.relation;
}

function newRows(count: number): Keys {
  return { kind: 'list', list: new Array<number>(count).fill(NO_KEY) };
}

function spread(entries: number | undefined): Access | null {
  return entries === undefined ? null : { index: -1, scan: 'index', from: 0, entries };
}

function rowsFor(rows: Rows, prepared: boolean): Exclude<Rows, { kind: 'planned' }> {
  if (rows.kind !== 'planned') return rows;
  return rowsFor(prepared ? rows.prepared : rows.simple, prepared);
}

/** A plan is executed while the session waits, but its variables are the session's. */
function valuesOf({ random, variables }: Environment): PlanValues {
  return { environment: { random, variables: [...variables] }, lists: new Map() };
}

/** An index-only scan may leave out the row's page, so it is one of entries in any case. */
function reached(
  found: readonly Reach[],
  { index, scan, limit }: Extract<Rows, { kind: 'reach' }>,
  details: StatementDetails,
): [number, StatementDetails] {
  const [first] = found;
  if (found.length === 1 && first!.kind === 'row' && scan === 'index') {
    const access: Access = { index, scan, from: 0, entries: 1 };
    return [first!.key, { ...details, access }];
  }
  let left = limit ?? Number.POSITIVE_INFINITY;
  const all = distinctReaches(found).map((each): Access => {
    const { from, entries } = entriesOf(each);
    const wanted = Math.min(entries, left);
    left -= wanted;
    return { index, scan, from, entries: wanted };
  });
  const access = { ...all[0]!, further: all.slice(1) };
  return [NO_KEY, { ...details, rows: 'entries', access }];
}

/** Entries of an index: the one of a key, none of a key that is no row's. */
export function entriesOf(reach: Reach): { from: number; entries: number } {
  if (reach.kind === 'entries') return reach;
  return { from: Math.max(0, reach.key - 1), entries: reach.key >= 1 ? 1 : 0 };
}

/** Equal keys of a list are looked up once (nodeIndexscan.c: ExecIndexEvalArrayKeys). */
export function distinctReaches(found: readonly Reach[]): readonly Reach[] {
  const all = found.map(entriesOf);
  return found.filter((_, i) => all.findIndex(({ from }) => from === all[i]!.from) === i);
}

function rangeOf(first: number, last: number) {
  if (Number.isNaN(first) || Number.isNaN(last))
    return { kind: 'range', first: 1, last: 0 } as const;
  return { kind: 'range', first: Math.ceil(first), last: Math.floor(last) } as const;
}

/** Whether the answer may be that of a commit: COMMIT's, or that of a write outside of a block. */
function mayCommit({ verb, details }: Template): boolean {
  if (verb === 'select') return (details?.rowLock ?? null) !== null;
  return verb === 'commit' || changes(verb);
}

/** One step of a script. */
export type Command =
  | { readonly kind: 'set'; readonly variable: number; readonly expression: Expression }
  | { readonly kind: 'sleep'; readonly amount: Expression; readonly unit: Nanoseconds }
  | { readonly kind: 'statement'; readonly template: Template }
  | { readonly kind: 'jump'; to: number }
  /** Goes on behind it if the condition is true. */
  | { readonly kind: 'unless'; readonly condition: Expression; to: number };

/** A script that has been read. */
export interface Program {
  readonly commands: readonly Command[];
  /** Of each variable what it is at the beginning; undefined: not set yet. */
  readonly variables: readonly Value[];
  /** The variable that holds the client's number. */
  readonly clientId: number;
  readonly writes: boolean;
}
