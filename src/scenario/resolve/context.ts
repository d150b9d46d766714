import type { Planned, PlanRequest } from '../../workload/planner/request.ts';
import type { MetricScope } from '../metric-names.ts';
import { Findings, type Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { nearest } from '../suggest.ts';

/** What the parts of the resolver share: the file's values and the list of what is wrong. */
export interface Context {
  readonly file: ScenarioFile;
  readonly findings: Findings;
  readonly options: ResolveOptions;
}

/** What the language cannot know by itself. */
export interface ResolveOptions {
  /** Whether a metric can exist in a scenario; without it the language's own list decides. */
  readonly knownMetric?: ((name: string, scope: MetricScope) => MetricVerdict) | undefined;
  /** The names of all invariants; without it every name is taken. */
  readonly invariants?: readonly string[] | undefined;
  /** Reads a hardware profile that is a file; without it profiles are written out. */
  readonly readProfile?: ((file: string) => ProfileText) | undefined;
  /** What Postgres answers about a schema; undefined: it has not been asked yet. */
  readonly plans?: ((request: PlanRequest) => Planned | undefined) | undefined;
}

/** The text of a profile, or why it cannot be read. */
export type ProfileText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string };

/** Whether a metric exists, and the nearest one that does. */
export type MetricVerdict =
  | { readonly known: true }
  | { readonly known: false; readonly nearest?: string | undefined };

/** A context for one run of the resolver. */
export function contextOf(file: ScenarioFile, options: ResolveOptions): Context {
  return { file, findings: new Findings(), options };
}

/** Complains of a name that nothing has; `kind` is a phrase such as `a zone`. */
export function unknownName(
  context: Context,
  path: Path,
  wrong: string,
  kind: string,
  names: Iterable<string>,
): void {
  const known = [...names];
  const listed = known.length <= 8 ? known.join(', ') : `${known.slice(0, 8).join(', ')}, ...`;
  const why = known.length === 0 ? `${kind} is not defined` : `is not ${kind}; there is ${listed}`;
  context.findings.problem(path, why, { nearest: nearest(wrong, known) });
}
