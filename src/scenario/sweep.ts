/** A point of a sweep: a value for every swept path. */
export interface SweepPoint {
  /** `path=value,...`, in the order of the file. */
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The points, or why there are none. */
export type SweepPoints =
  | { readonly ok: true; readonly points: readonly SweepPoint[] }
  | { readonly ok: false; readonly why: string };

const MOST_POINTS = 5_000;

/** The cross product of all swept values, the last path varying fastest. */
export function sweepPoints(
  sweep: Readonly<Record<string, readonly unknown[]>> | undefined,
): SweepPoints {
  if (sweep === undefined) return { ok: true, points: [] };
  const entries = Object.entries(sweep);
  const total = entries.reduce((product, [, values]) => product * values.length, 1);
  if (total > MOST_POINTS)
    return { ok: false, why: `has ${total} points; at most ${MOST_POINTS} are run` };
  let points: (readonly [string, unknown])[][] = entries.length === 0 ? [] : [[]];
  for (const [path, values] of entries)
    points = points.flatMap((point) => values.map((value) => [...point, [path, value] as const]));
  return {
    ok: true,
    points: points.map((point) => ({
      name: point.map(([path, value]) => `${path}=${valueText(value)}`).join(','),
      values: Object.fromEntries(point),
    })),
  };
}

/** A value as it reads in the name of a point. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value) ?? String(value);
}
