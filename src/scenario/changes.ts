import { type ScenarioDocument, setValue } from './document.ts';
import type { Problem } from './problem.ts';
import { readYaml } from './yaml.ts';

/** A document with the command line's changes made to it. */
export type ChangedDocument =
  | { readonly ok: true; readonly document: ScenarioDocument }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const OPTION = '--set';

/** Makes the changes of `--set path=value`, in their order; a value is YAML, null removes. */
export function applyOptions(
  document: ScenarioDocument,
  options: readonly string[],
): ChangedDocument {
  let changed = document;
  for (const option of options) {
    const result = applySet(changed, option);
    if (!result.ok) return result;
    changed = result.document;
  }
  return { ok: true, document: changed };
}

/** Makes one change; problems are located as `--set:1:column`. */
export function applySet(document: ScenarioDocument, option: string): ChangedDocument {
  const equals = option.indexOf('=');
  if (equals < 1) return refused(option, 1, 'is not of the form path=value');
  const value = readYaml(option.slice(equals + 1));
  if (!value.ok) {
    const [first] = value.errors;
    return refused(option, equals + 2 + first!.offset, first!.why);
  }
  const origin = { kind: 'option' as const, name: OPTION, column: equals + 2 };
  const target = option.slice(0, equals).trim();
  const result = setValue(document, target, value.source.value, origin);
  return result.ok ? result : refused(option, 1, result.why);
}

function refused(option: string, column: number, why: string): ChangedDocument {
  const what = option.length > 80 ? `${option.slice(0, 80)}...` : option;
  return { ok: false, problems: [{ file: OPTION, line: 1, column, what, why }] };
}
