/** One figure that the project promises, beside what a run gives. */
export interface Figure {
  readonly what: string;
  /** What was promised: a value, or an interval. */
  readonly bound: string;
  readonly found: string;
  readonly holds: boolean;
}

/** A table with one line a figure. */
export function figureTable(figures: readonly Figure[]): string {
  const heads: Figure = { what: 'figure', bound: 'bound', found: 'found', holds: true };
  const width = (of: (figure: Figure) => string) =>
    Math.max(...[heads, ...figures].map((figure) => of(figure).length));
  const what = width((figure) => figure.what);
  const bound = width((figure) => figure.bound);
  const found = width((figure) => figure.found);
  const line = (figure: Figure, verdict: string) =>
    `${figure.what.padEnd(what)}  ${figure.bound.padStart(bound)}  ` +
    `${figure.found.padStart(found)}  ${verdict}\n`;
  return (
    line(heads, 'verdict') +
    figures.map((figure) => line(figure, figure.holds ? 'holds' : 'DOES NOT HOLD')).join('')
  );
}

/** A number for a table: five significant digits. */
export function digits(value: number): string {
  return Number(value.toPrecision(5)).toString();
}
