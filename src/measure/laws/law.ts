import { instant } from '../causes.ts';

/** Something that holds in every run, whatever the scenario; if not, the program is wrong. */
export interface Law {
  /** Asked when the run is over: a sentence for each way in which it did not hold. */
  broken(): string[];
}

/** Remembers the first breach of each kind and how often there were more. */
export class Breaches {
  private readonly first = new Map<string, { text: string; more: number }>();

  /** The text is asked for once for each kind. */
  add(at: number, kind: string, text: () => string): void {
    const known = this.first.get(kind);
    if (known) known.more++;
    else this.first.set(kind, { text: `${text()} at ${instant(at)} (${at} ns)`, more: 0 });
  }

  sentences(): string[] {
    return [...this.first.values()].map(({ text, more }) =>
      more > 0 ? `${text}, and ${more} times more` : text,
    );
  }
}

/** Equal but for what the rounding of long sums leaves: 1e-9 of their size. */
export function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b), 1);
}
