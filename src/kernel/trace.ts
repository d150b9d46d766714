import type { Nanoseconds } from './time.ts';

/** What an observer of a topic is called with: the instant and the event's fields. */
export type Observer<Fields extends number[]> = (at: Nanoseconds, ...fields: Fields) => void;

/** Sees every event of a run, for recordings and for finding the first divergence of two runs. */
export type Witness = (at: Nanoseconds, topic: Topic<number[]>, fields: readonly number[]) => void;

/**
 * One kind of event. Emitting hashes the event into the run's digest and calls the observers;
 * fields are whole numbers: instants, positions in a log, indices of components.
 */
export interface Topic<Fields extends number[]> {
  readonly name: string;
  readonly fieldNames: readonly string[];
  /** How many events of this kind there were, whether or not anybody observes them. */
  readonly count: number;
  emit(...fields: Fields): void;
  observe(observer: Observer<Fields>): void;
}

class Emitter implements Topic<number[]> {
  readonly name: string;
  readonly fieldNames: readonly string[];
  count = 0;
  private readonly trace: Trace;
  private readonly salt: number;
  private readonly observers: Observer<number[]>[] = [];

  constructor(trace: Trace, name: string, fieldNames: readonly string[]) {
    this.trace = trace;
    this.name = name;
    this.fieldNames = fieldNames;
    this.salt = hashOf(name);
  }

  observe(observer: Observer<number[]>): void {
    this.observers.push(observer);
  }

  emit(a = 0, b = 0, c = 0, d = 0): void {
    this.count++;
    const at = this.trace.record(this, this.salt, a, b, c, d);
    for (let i = 0; i < this.observers.length; i++) this.observers[i]!(at, a, b, c, d);
  }
}

/** An event told in words. */
export interface Note {
  readonly at: Nanoseconds;
  readonly kind: string;
  readonly text: string;
}

/**
 * The one stream of everything observable. The model emits; metrics, laws, reports and recordings
 * observe and cannot change the run. The digest is a hash of all events in their order, and does
 * not depend on who observes.
 */
export class Trace {
  events = 0;
  /** What happened, in words, for people; in order of time. */
  readonly notes: Note[] = [];
  private readonly clock: { readonly now: Nanoseconds };
  private readonly topics = new Map<string, Topic<number[]>>();
  private first = 0x243f6a88;
  private second = 0x85a308d3;
  private witness: Witness | null = null;
  private noted: Topic<[kind: number, text: number]> | null = null;

  constructor(clock: { readonly now: Nanoseconds }) {
    this.clock = clock;
  }

  /** Declares a kind of event with at most four fields. */
  topic<Fields extends number[]>(name: string, fieldNames: readonly string[]): Topic<Fields> {
    const emitter = new Emitter(this, name, fieldNames);
    this.topics.set(name, emitter);
    return emitter as unknown as Topic<Fields>;
  }

  /** The kind of event with a name, if one has been declared. */
  find(name: string): Topic<number[]> | undefined {
    return this.topics.get(name);
  }

  /** Something rare and worth telling; its words are part of the digest. */
  note(kind: string, text: string): void {
    this.noted ??= this.topic<[kind: number, text: number]>('note', ['kind', 'text']);
    this.noted.emit(hashOf(kind), hashOf(text));
    this.notes.push({ at: this.clock.now, kind, text });
  }

  /** Every event from now on is shown to the witness as well. */
  witnessAll(witness: Witness | null): void {
    this.witness = witness;
  }

  /** 64 bits over all events so far, as 16 hexadecimal digits. */
  get digest(): string {
    const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
    return hex(finish(this.first ^ this.events)) + hex(finish(this.second));
  }

  /** Hashes one event. Called by topics only. */
  record(
    topic: Topic<number[]>,
    salt: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ): Nanoseconds {
    const at = this.clock.now;
    this.events++;
    const low = fold(at, a, b, c, d);
    const high = fold(upper(at), upper(a), upper(b), upper(c), upper(d));
    const h = mix(mix(this.first ^ salt, low), high);
    this.first = h;
    this.second = (Math.imul(this.second, 31) + (h ^ (h >>> 15))) | 0;
    if (this.witness) this.witness(at, topic, [a, b, c, d].slice(0, topic.fieldNames.length));
    return at;
  }
}

const IN_HIGH_WORD = 1 / 0x1_0000_0000;

/** The lower 32 bits of all fields; they do not wait for each other, as in a chain of steps. */
function fold(at: number, a: number, b: number, c: number, d: number): number {
  const x = Math.imul(a, 0x85ebca6b);
  const y = Math.imul(b, 0xc2b2ae35);
  const z = Math.imul(c, 0x27d4eb2f);
  const w = Math.imul(d, 0x165667b1);
  const turned = ((x << 7) | (x >>> 25)) ^ ((y << 13) | (y >>> 19)) ^ ((z << 19) | (z >>> 13));
  return Math.imul(at, 0x9e3779b1) ^ turned ^ ((w << 25) | (w >>> 7));
}

/** What is above the lower 32 bits. */
function upper(value: number): number {
  return Math.floor(value * IN_HIGH_WORD);
}

function mix(hash: number, value: number): number {
  const h = Math.imul(hash ^ value, 0x85ebca6b);
  return Math.imul((h << 13) | (h >>> 19), 0xc2b2ae35);
}

function finish(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
