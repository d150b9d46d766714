/** Rows without a table: VALUES and functions, how many rows they give and what these have. */
import type { PlanValues, Slots } from '../../postgres/plan/plan-work.ts';
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { operandOf, splitAtCommas } from './conditions.ts';
import type { PlanNode } from './plan.ts';
import type { QueryContext } from './query.ts';
import { valuesLists } from './words.ts';

/** Rows of a leaf when it is executed. */
export type RowCount = (slots: Slots, values: PlanValues) => number;

const SERIES = /^(?:pg_catalog\.)?generate_series\((.*)\)$/s;

/** The call as it is with parameters, where the plan has values. */
function callOf(node: PlanNode, context: QueryContext): string {
  return String(context.generalOf(node)['Function Call'] ?? '');
}

interface Series {
  readonly first: Expression;
  readonly last: Expression;
  readonly step: Expression | null;
}

/** Of a series of whole numbers its bounds; null: it is another function, or of another type. */
function seriesOf(node: PlanNode, context: QueryContext): Series | null {
  const found = SERIES.exec(callOf(node, context));
  if (found === null) return null;
  const { parameters } = context.statement;
  const given = splitAtCommas(found[1]!).map((text) => operandOf(text, parameters));
  const [first, last, step] = given.map((each) =>
    each.kind === 'number' ? each.expression : null,
  );
  if (!first || !last || (given.length > 2 && !step)) return null;
  return { first, last, step: step ?? null };
}

const numberOf = (expression: Expression, environment: Environment) =>
  Number(expression.value(environment) ?? Number.NaN);

export function rowCountOf(node: PlanNode, context: QueryContext): RowCount {
  const expected = Math.max(0, Math.round(node['Plan Rows']));
  const series = node['Node Type'] === 'Function Scan' ? seriesOf(node, context) : null;
  if (series === null) return () => expected;
  return (_slots, { environment }) => {
    const at = environment as Environment;
    const step = series.step === null ? 1 : numberOf(series.step, at);
    const count = Math.floor((numberOf(series.last, at) - numberOf(series.first, at)) / step) + 1;
    return Number.isFinite(count) ? Math.max(0, count) : 0;
  };
}

/** A column of a leaf's rows: a number where that is known, else something that is its own. */
export function leafColumn(
  node: PlanNode,
  slot: number,
  name: string,
  context: QueryContext,
): (Expression & { readonly isOpaque?: boolean }) | undefined {
  const rowOf = ({ slots }: Environment) => slots?.[slot] ?? 0;
  const series = node['Node Type'] === 'Function Scan' ? seriesOf(node, context) : null;
  if (series !== null) {
    const value = (environment: Environment) => {
      const step = series.step === null ? 1 : numberOf(series.step, environment);
      return numberOf(series.first, environment) + rowOf(environment) * step;
    };
    return { isConstant: false, value };
  }
  const { parameters } = context.statement;
  const place = Number(/^column(\d+)$/.exec(name)?.[1] ?? 0) - 1;
  const lists = node['Node Type'] === 'Values Scan' ? valuesLists(context.statement) : [];
  const given = lists.map((list) => operandOf(list[place] ?? 'NULL', parameters));
  if (given.length > 0 && given.length === Math.round(node['Plan Rows'])) {
    const isOpaque = given.some(({ kind }) => kind !== 'number');
    const value = (environment: Environment) => {
      const own = given[rowOf(environment)] ?? given[0]!;
      return own.kind === 'number' ? own.expression.value(environment) : own.place(environment);
    };
    return { isConstant: false, isOpaque, value };
  }
  const call = operandOf(`${callOf(node, context)}, ${name}`, parameters);
  const value = (environment: Environment) => {
    const own = call.kind === 'number' ? 0 : call.place(environment);
    return own + rowOf(environment);
  };
  return { isConstant: false, isOpaque: true, value };
}
