import { formatSeconds } from '../report/units.ts';
import type { Output } from './io.ts';

const PERIOD_MILLISECONDS = 100;
const CLEAR = '\r\x1b[2K';

/** One line on a terminal that says how far the work has come; nothing at all elsewhere. */
export class Progress {
  private readonly output: Output;
  private readonly names: readonly string[];
  private readonly durationSeconds: number;
  private readonly done: number[];
  private readonly shown: boolean;
  private readonly started = performance.now();
  private finished = 0;
  private last = 0;

  /** `names`: what each task is called, in their order; all simulate the same duration. */
  constructor(output: Output, names: readonly string[], durationSeconds: number, quiet: boolean) {
    this.output = output;
    this.names = names;
    this.durationSeconds = durationSeconds;
    this.done = names.map(() => 0);
    this.shown = output.isTTY === true && !quiet;
  }

  advance(task: number, simulatedSeconds: number): void {
    this.done[task] = Math.min(1, simulatedSeconds / this.durationSeconds);
    this.draw(task);
  }

  complete(task: number): void {
    this.done[task] = 1;
    this.finished++;
    this.draw(task);
  }

  /** Takes the line away, so that results stand alone. */
  clear(): void {
    if (this.shown && this.last > 0) this.output.write(CLEAR);
  }

  private draw(task: number): void {
    if (!this.shown) return;
    const now = performance.now();
    if (this.last > 0 && now - this.last < PERIOD_MILLISECONDS) return;
    this.last = now;
    const share = this.done.reduce((sum, part) => sum + part, 0) / this.done.length;
    const elapsed = (now - this.started) / 1000;
    const left =
      share > 0.02 ? `, ${formatSeconds(Math.ceil((elapsed / share) * (1 - share)))} left` : '';
    const line =
      `${this.finished} of ${this.names.length} runs, ${Math.floor(share * 100)} %${left}: ` +
      this.names[task];
    this.output.write(CLEAR + line.slice(0, (this.output.columns || 80) - 1));
  }
}
