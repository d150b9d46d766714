/** What `Agenda` must do, in the plainest way: one sorted array, new entries behind equals. */
export class NaiveAgenda {
  now = 0;
  private readonly entries: { instant: number; process: number }[] = [];

  get size(): number {
    return this.entries.length;
  }

  enter(instant: number, process: number): void {
    let at = 0;
    while (at < this.entries.length && this.entries[at]!.instant <= instant) at++;
    this.entries.splice(at, 0, { instant, process });
  }

  isPending(process: number): boolean {
    return this.entries.some((entry) => entry.process === process);
  }

  instantOf(process: number): number | undefined {
    return this.entries.find((entry) => entry.process === process)?.instant;
  }

  remove(process: number): void {
    const at = this.entries.findIndex((entry) => entry.process === process);
    if (at >= 0) this.entries.splice(at, 1);
  }

  removeFirst(): number {
    const { instant, process } = this.entries.shift()!;
    this.now = instant;
    return process;
  }
}
