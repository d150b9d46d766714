/**
 * What most would write for an agenda: a binary heap of objects, ordered by instant and then by a
 * sequence number.
 */
export class NaiveHeap {
  now = 0;
  private readonly entries: { instant: number; order: number; process: number }[] = [];
  private entered = 0;

  enter(instant: number, process: number): void {
    const { entries } = this;
    const entry = { instant, order: this.entered++, process };
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.precedes(entry, entries[up]!)) break;
      entries[at] = entries[up]!;
      at = up;
    }
    entries[at] = entry;
  }

  removeFirst(): number {
    const { entries } = this;
    const first = entries[0]!;
    const last = entries.pop()!;
    if (entries.length > 0) this.sink(last);
    this.now = first.instant;
    return first.process;
  }

  private sink(entry: { instant: number; order: number; process: number }): void {
    const { entries } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && this.precedes(entries[child + 1]!, entries[child]!))
        child++;
      if (!this.precedes(entries[child]!, entry)) break;
      entries[at] = entries[child]!;
      at = child;
    }
    entries[at] = entry;
  }

  private precedes(
    a: { instant: number; order: number },
    b: { instant: number; order: number },
  ): boolean {
    return a.instant < b.instant || (a.instant === b.instant && a.order < b.order);
  }
}
