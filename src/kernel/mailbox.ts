import type { ProcessId, Simulation } from './simulation.ts';
import { type Nanoseconds, NEVER } from './time.ts';

interface Letter<T> {
  at: Nanoseconds;
  message: T | undefined;
  next: Letter<T> | null;
}

/**
 * Messages on their way to one reader, in the order of arrival (equal instants in the order of
 * sending). A message costs no event of its own: the reader is woken when the next one arrives.
 *
 * `const message = mailbox.take(); if (message === undefined) yield mailbox.receive(); else ...`
 */
export class Mailbox<T> {
  private readonly sim: Simulation;
  private first: Letter<T> | null = null;
  private last: Letter<T> | null = null;
  /** A letter that has been read, for the next message: most mailboxes never need a second one. */
  private spare: Letter<T> | null = null;
  private reader: ProcessId = -1;
  private ticket = 0;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  /** The message arrives at the given instant, or now if that is past. */
  send(message: T, at: Nanoseconds = this.sim.now): void {
    const letter = this.letter(message, at);
    this.insert(letter);
    if (this.reader >= 0 && this.first === letter) {
      if (at <= this.sim.now) this.sim.wake(this.reader, this.ticket);
      else this.sim.wakeAt(this.reader, this.ticket, at);
    }
  }

  /** The next message that has arrived, if one has. */
  take(): T | undefined {
    const letter = this.first;
    if (letter === null || letter.at > this.sim.now) return undefined;
    this.first = letter.next;
    if (letter.next === null) this.last = null;
    const { message } = letter;
    letter.message = undefined;
    this.spare = letter;
    return message;
  }

  /** The running process, the only reader, waits for the next message or until the deadline. */
  receive(deadline: Nanoseconds = NEVER): undefined {
    const next = this.first === null ? NEVER : this.first.at;
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
    let letter = this.first;
    this.first = this.last = null;
    while (letter !== null) {
      const { next } = letter;
      if (letter.at > this.sim.now && condition(letter.message!)) withdrawn.push(letter.message!);
      else this.append(letter);
      letter = next;
    }
    return withdrawn;
  }

  private letter(message: T, at: Nanoseconds): Letter<T> {
    const letter = this.spare;
    if (letter === null) return { at, message, next: null };
    this.spare = null;
    letter.at = at;
    letter.message = message;
    return letter;
  }

  private insert(letter: Letter<T>): void {
    if (this.last === null || this.last.at <= letter.at) this.append(letter);
    else if (this.first!.at > letter.at) {
      letter.next = this.first;
      this.first = letter;
    } else {
      let before = this.first!;
      while (before.next!.at <= letter.at) before = before.next!;
      letter.next = before.next;
      before.next = letter;
    }
  }

  private append(letter: Letter<T>): void {
    letter.next = null;
    if (this.last === null) this.first = letter;
    else this.last.next = letter;
    this.last = letter;
  }
}
