/** Something wrong in a scenario, or worth a warning, and where it stands. */
export interface Problem {
  readonly file: string;
  /** Both count from 1; the column counts UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
  /** What was found: `postgresql.shared_bufers`. */
  readonly what: string;
  /** Why it cannot stand: `is not a setting of PostgreSQL 18`. */
  readonly why: string;
  /** The nearest right thing. */
  readonly nearest?: string;
}

/** `file:line:column: what, why; did you mean ...` */
export function formatProblem(problem: Problem): string {
  const { file, line, column, what, why, nearest } = problem;
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return `${file}:${line}:${column}: ${what}: ${why}${hint}`;
}

/** The way from the top of a scenario to one of its values. */
export type Path = readonly (string | number)[];

/** A problem before it is known where its path stands in a file. */
export interface Finding {
  readonly path: Path;
  readonly why: string;
  readonly nearest?: string | undefined;
  /** What to call it, where the path does not say it well. */
  readonly what?: string | undefined;
  /** Whether to point at the key itself rather than at its value. */
  readonly atKey?: boolean | undefined;
  /** Characters into the text of the value. */
  readonly offset?: number | undefined;
}

/** A path as one writes it in `set`: `servers.pg1.zone`. */
export function pathText(path: Path): string {
  return path.length === 0 ? 'the scenario' : path.join('.');
}

/** Collects what is wrong while a scenario is resolved. */
export class Findings {
  readonly problems: Finding[] = [];
  readonly warnings: Finding[] = [];

  /** Something that makes the scenario unusable. */
  problem(path: Path, why: string, more: Partial<Finding> = {}): void {
    this.problems.push({ path, why, ...more });
  }

  /** Something that a reader of the results should know. */
  warning(path: Path, why: string, more: Partial<Finding> = {}): void {
    this.warnings.push({ path, why, ...more });
  }
}
