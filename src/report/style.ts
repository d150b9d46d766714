/** How text gets onto the page: width and colours, decided once by whoever knows the terminal. */
export interface Style {
  /** Columns; lines are broken or shortened to it. */
  readonly width: number;
  good(text: string): string;
  bad(text: string): string;
  doubtful(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

const same = (text: string) => text;

/** No escape sequences at all: for files, pipes and NO_COLOR. */
export function plainStyle(width = 100): Style {
  return { width, good: same, bad: same, doubtful: same, faint: same, strong: same };
}

/** ANSI colours, by the numbers of ECMA-48. */
export function colourStyle(width = 100): Style {
  const colour = (number: number) => (text: string) => `\x1b[${number}m${text}\x1b[0m`;
  return {
    width,
    good: colour(32),
    bad: colour(31),
    doubtful: colour(33),
    faint: colour(2),
    strong: colour(1),
  };
}

/** The text in so many columns, shortened with an ellipsis where it does not fit. */
export function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 1 ? text.slice(0, width) : `${text.slice(0, width - 1)}…`;
}

/** Breaks a paragraph at spaces; lines after the first are indented. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const room = lines.length === 0 ? width : width - indent;
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, index) => (index === 0 ? each : ' '.repeat(indent) + each));
}

/** A table: the first column to the left, the others to the right; the first row is its head. */
export function table(rows: readonly (readonly string[])[], style: Style, indent = 2): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row, index) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
    );
    const line = `${' '.repeat(indent)}${cells.join('  ')}`.trimEnd();
    return index === 0 ? style.strong(line) : line;
  });
}
