/** Which parts of an index a scan reads, lists of keys included. */
import type { Expression } from '../sql/expression.ts';
import { type Condition, elementsOf } from './conditions.ts';
import { type ReachOf, reachOf, type Scanned } from './entries.ts';
import type { PlannedIndex } from './world.ts';

/** One for each key of a list, or combination of several; null: a list is not written out. */
export function reachesOf(
  index: PlannedIndex,
  conditions: readonly Condition[],
  parameters: readonly Expression[],
  scanned: Scanned,
): ReachOf[] | null {
  let combinations: Condition[][] = [[]];
  for (const condition of conditions) {
    const isList = condition.operator === '= ANY';
    const texts = isList ? elementsOf(condition.text) : [condition.text];
    if (texts === null) return null;
    const operator = isList ? '=' : condition.operator;
    combinations = combinations.flatMap((before) =>
      texts.map((text) => [...before, { ...condition, operator, text }]),
    );
  }
  const estimate = scanned.estimate / combinations.length;
  return combinations.map((each) => reachOf(index, each, parameters, { ...scanned, estimate }));
}
