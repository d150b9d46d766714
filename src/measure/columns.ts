/**
 * Acknowledged (or unknown) commits as columns of numbers: 25 bytes each, so that a run may have
 * millions.
 */
export class CommitColumns {
  length = 0;
  session = new Int32Array(1024);
  branch = new Int32Array(1024);
  lsn = new Float64Array(1024);
  at = new Float64Array(1024);
  /** 1: acknowledged with the warning that the wait for standbys was cancelled. */
  unreplicated = new Uint8Array(1024);

  push(session: number, branch: number, lsn: number, at: number, unreplicated: number): void {
    if (this.length === this.session.length) this.grow();
    const row = this.length++;
    this.session[row] = session;
    this.branch[row] = branch;
    this.lsn[row] = lsn;
    this.at[row] = at;
    this.unreplicated[row] = unreplicated;
  }

  private grow(): void {
    const size = 2 * this.length;
    const { session, branch, lsn, at, unreplicated } = this;
    this.session = new Int32Array(size);
    this.branch = new Int32Array(size);
    this.lsn = new Float64Array(size);
    this.at = new Float64Array(size);
    this.unreplicated = new Uint8Array(size);
    this.session.set(session);
    this.branch.set(branch);
    this.lsn.set(lsn);
    this.at.set(at);
    this.unreplicated.set(unreplicated);
  }
}
