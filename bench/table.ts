export interface Row {
  readonly what: string;
  readonly nanoseconds: number;
  /** What the time is for: one step, one draw. */
  readonly per: string;
  /** The time of the row that this one is compared with. */
  readonly to?: number;
}

export function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  return rows
    .map(({ what, nanoseconds, per, to }) => {
      const ratio = to === undefined ? '' : `  x ${(nanoseconds / to).toFixed(2)}`;
      return `${what.padEnd(width)}  ${nanoseconds.toFixed(1).padStart(8)} ns/${per}${ratio}\n`;
    })
    .join('');
}
