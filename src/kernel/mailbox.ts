import type { ProcessId, Simulation } from './simulation.ts';
import { type Nanoseconds, NEVER } from './time.ts';

interface Letter<T> {
  readonly at: Nanoseconds;
  readonly message: T;
}

/**
 * Messages on their way to one reader, in the order of arrival (equal instants in the order of
 * sending). A message costs no event of its own: the reader is woken when the next one arrives.
 *
 * `const message = mailbox.take(); if (message === undefined) yield mailbox.receive(); else ...`
 */
export class Mailbox<T> {
  private readonly sim: Simulation;
  private letters: Letter<T>[] = [];
  private first = 0;
  private reader: ProcessId = -1;
  private ticket = 0;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  /** The message arrives at the given instant, or now if that is past. */
  send(message: T, at: Nanoseconds = this.sim.now): void {
    const letters = this.letters;
    let place = letters.length;
    while (place > this.first && letters[place - 1]!.at > at) place--;
    if (place === letters.length) letters.push({ at, message });
    else letters.splice(place, 0, { at, message });
    if (this.reader >= 0 && place === this.first) {
      if (at <= this.sim.now) this.sim.wake(this.reader, this.ticket);
      else this.sim.wakeAt(this.reader, this.ticket, at);
    }
  }

  /** The next message that has arrived, if one has. */
  take(): T | undefined {
    if (this.first === this.letters.length) return undefined;
    const letter = this.letters[this.first]!;
    if (letter.at > this.sim.now) return undefined;
    this.first++;
    if (this.first === this.letters.length) {
      this.letters.length = 0;
      this.first = 0;
    } else if (this.first > 64 && 2 * this.first > this.letters.length) {
      this.letters = this.letters.slice(this.first);
      this.first = 0;
    }
    return letter.message;
  }

  /** The running process, the only reader, waits for the next message or until the deadline. */
  receive(deadline: Nanoseconds = NEVER): undefined {
    const next = this.first < this.letters.length ? this.letters[this.first]!.at : NEVER;
    this.reader = this.sim.running;
    this.ticket = this.sim.park(next < deadline ? next : deadline);
  }

  /** Wakes the reader if it waits here, with or without a message: something else wants it. */
  nudge(): void {
    if (this.reader >= 0) this.sim.wake(this.reader, this.ticket);
  }

  /** Takes out what has not arrived yet and satisfies the condition; returns it in order. */
  withdraw(condition: (message: T) => boolean): T[] {
    const withdrawn: T[] = [];
    const kept: Letter<T>[] = [];
    for (const letter of this.letters.slice(this.first)) {
      if (letter.at > this.sim.now && condition(letter.message)) withdrawn.push(letter.message);
      else kept.push(letter);
    }
    this.letters = kept;
    this.first = 0;
    return withdrawn;
  }
}
