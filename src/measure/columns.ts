const FIRST_ROWS = 4096;

/**
 * Acknowledged (or unknown) commits as columns of numbers: 24 bytes each, so that a run may have
 * millions.
 */
export class CommitColumns {
  length = 0;
  /** Two places a row: position and instant; session, and branch with the flag below. */
  private wide = new Float64Array(2 * FIRST_ROWS);
  private narrow = new Int32Array(2 * FIRST_ROWS);

  /** `unreplicated` 1: acknowledged with the warning that the wait for standbys was cancelled. */
  push(session: number, branch: number, lsn: number, at: number, unreplicated: number): void {
    const place = 2 * this.length++;
    if (place === this.wide.length) this.grow();
    this.wide[place] = lsn;
    this.wide[place + 1] = at;
    this.narrow[place] = session;
    this.narrow[place + 1] = 2 * branch + unreplicated;
  }

  lsn(row: number): number {
    return this.wide[2 * row]!;
  }

  at(row: number): number {
    return this.wide[2 * row + 1]!;
  }

  session(row: number): number {
    return this.narrow[2 * row]!;
  }

  /** -1: the server never inserted the record. */
  branch(row: number): number {
    return this.narrow[2 * row + 1]! >> 1;
  }

  isUnreplicated(row: number): boolean {
    return (this.narrow[2 * row + 1]! & 1) === 1;
  }

  private grow(): void {
    const { wide, narrow } = this;
    this.wide = new Float64Array(2 * wide.length);
    this.narrow = new Int32Array(2 * narrow.length);
    this.wide.set(wide);
    this.narrow.set(narrow);
  }
}
