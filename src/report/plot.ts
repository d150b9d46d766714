import type { SeriesPoints } from '../measure/series.ts';

/** Plots of one line: eight heights of block, a dot where nothing was observed. */
const BLOCKS = '▁▂▃▄▅▆▇█';

/** A series as one line of so many characters, scaled from 0 to `top`. */
export function sparkline(points: SeriesPoints, columns: number, top: number): string {
  return resample(points.v, columns)
    .map((value) => (value === null ? '·' : block(value, top)))
    .join('');
}

/** The largest value of a series; 0 where it has none. */
export function peak(points: SeriesPoints): number {
  return points.v.reduce<number>(
    (most, value) => (value !== null && value > most ? value : most),
    0,
  );
}

/**
 * The scale of several series: their common peak, unless that is a burst, more than twice what
 * nine tenths of the time stay below; then twice that, and what is above it is cut off.
 */
export function scale(all: readonly SeriesPoints[]): { top: number; peak: number } {
  const highest = Math.max(0, ...all.map(peak));
  const usual = Math.max(0, ...all.map((points) => quantile(points, 0.9)));
  return { top: usual > 0 ? Math.min(highest, 2 * usual) : highest, peak: highest };
}

function quantile(points: SeriesPoints, p: number): number {
  const values = points.v.filter((value) => value !== null).sort((a, b) => a - b);
  return values[Math.floor(p * (values.length - 1))] ?? 0;
}

/** A line with a mark under each instant, for a plot of a run of that duration. */
export function marks(
  instants: readonly number[],
  durationSeconds: number,
  columns: number,
): string {
  const line = Array.from({ length: columns }, () => ' ');
  for (const instant of instants) {
    const column = Math.floor((instant / durationSeconds) * columns);
    if (column >= 0 && column < columns) line[column] = '▲';
  }
  return line.join('').trimEnd();
}

function block(value: number, top: number): string {
  if (value <= 0 || top <= 0) return ' ';
  const level = Math.ceil((value / top) * BLOCKS.length) - 1;
  return BLOCKS[Math.min(BLOCKS.length - 1, level)]!;
}

/**
 * As many values as there are columns. Where several share a column the smallest is taken: a short
 * outage must not disappear in a mean.
 */
function resample(values: readonly (number | null)[], columns: number): (number | null)[] {
  const result: (number | null)[] = [];
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns));
    let least: number | null = null;
    for (const value of values.slice(from, to)) {
      if (value !== null && (least === null || value < least)) least = value;
    }
    result.push(least);
  }
  return result;
}
