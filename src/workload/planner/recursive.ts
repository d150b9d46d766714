/** WITH RECURSIVE as nodes of a tree: what is kept of the rows of each round, and who reads it. */
import type {
  KeptColumn,
  PlanWork,
  RecursiveNode,
  WorkTableNode,
} from '../../postgres/plan/plan-work.ts';
import type { Environment } from '../sql/functions.ts';
import type { Value } from '../sql/values.ts';
import { conditionsOf, operandOf } from './conditions.ts';
import { childrenOf, type PlanNode } from './plan.ts';
import type { PlanColumns } from './plan-columns.ts';
import type { QueryContext } from './query.ts';
import { recursesWithAll } from './words.ts';

export function recursiveNode(
  node: PlanNode,
  number: number,
  columns: PlanColumns,
  context: QueryContext,
  compiled: (node: PlanNode) => PlanWork,
): RecursiveNode {
  const [first, next] = childrenOf(node);
  const { cte } = columns.recursionOf(node);
  const places = [...cte.slots];
  const of = (term: PlanNode): KeptColumn[] =>
    places.map(([place, slot]) => ({ slot, value: columns.valueOf(term, place) }));
  return {
    kind: 'recursive',
    number,
    first: compiled(first!),
    next: compiled(next!),
    isDistinct: !recursesWithAll(context.statement),
    columns: [of(first!), of(next!)],
    expected: node['Plan Rows'],
    bytes: node['Plan Width'],
  };
}

export function workTableNode(
  node: PlanNode,
  number: number,
  recursion: { readonly node: PlanNode; readonly number: number },
  columns: PlanColumns,
  context: QueryContext,
): WorkTableNode {
  const { cte, work } = columns.recursionOf(recursion.node);
  const slots = [...cte.slots.keys()].map((place) => work.slots.get(place)!);
  const filter = filterOf(node, columns, context);
  const share = node.Filter === undefined ? 1 : 1 / 3; // selfuncs.h: DEFAULT_INEQ_SEL
  return { kind: 'work table', number, of: recursion.number, slots, filter, share };
}

const TESTS = new Map<string, (a: number, b: number) => boolean>([
  ['=', (a, b) => a === b],
  ['<', (a, b) => a < b],
  ['<=', (a, b) => a <= b],
  ['>', (a, b) => a > b],
  ['>=', (a, b) => a >= b],
  ['<>', (a, b) => a !== b],
]);

/** A filter that compares numbers, as `depth < 5`; null: there is none, or another. */
function filterOf(
  node: PlanNode,
  columns: PlanColumns,
  context: QueryContext,
): WorkTableNode['filter'] {
  const parts = conditionsOf(node.Filter).map((each) => context.generalised(each));
  const { parameters } = context.statement;
  const tests = parts.map(({ column, operator, text }) => ({
    left: columns.columns(node.Alias ?? '', column),
    right: operandOf(text, parameters, columns.columns),
    test: TESTS.get(operator),
  }));
  if (tests.length === 0) return null;
  if (tests.some(({ left, right, test }) => !left || right.kind !== 'number' || !test)) return null;
  return (slots, { environment }) => {
    const at: Environment = { ...(environment as Environment), slots };
    const number = (value: Value) => Number(value ?? Number.NaN);
    return tests.every(({ left, right, test }) => {
      const wanted = right.kind === 'number' ? right.expression.value(at) : Number.NaN;
      return test!(number(left!.value(at)), number(wanted));
    });
  };
}
