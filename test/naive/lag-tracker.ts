interface Sample {
  readonly lsn: number;
  readonly at: number;
}

/**
 * Replication lag by its definition, over a list of all samples: the time since the newest sample
 * that a report passed; if it passed none, the time since the instant on the straight line between
 * the sample before it and the one after; if it has never fallen behind since it caught up, the
 * time since the sample after it.
 */
export class NaiveLag {
  private readonly samples: Sample[] = [];
  private reported = -1;
  private last: Sample | null = null;

  note(lsn: number, at: number): void {
    if (this.samples.at(-1)?.lsn !== lsn) this.samples.push({ lsn, at });
  }

  lagOf(lsn: number, now: number): number | null {
    const passed = this.samples.filter((s, i) => i > this.reported && s.lsn <= lsn);
    this.reported += passed.length;
    const newest = passed.at(-1);
    const next = this.samples[this.reported + 1];
    if (newest) {
      this.last = next ? newest : null;
      return now - newest.at;
    }
    if (!next) {
      this.last = null;
      return null;
    }
    if (!this.last) return now - next.at;
    if (lsn < this.last.lsn) return null;
    const share = (lsn - this.last.lsn) / (next.lsn - this.last.lsn);
    return now - Math.round(this.last.at + share * (next.at - this.last.at));
  }
}
