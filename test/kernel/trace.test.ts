import { describe, expect, test } from 'vitest';
import { Random, Trace } from '../../src/kernel/index.ts';

type Event = { at: number; topic: 'sent' | 'received'; fields: [number, number, number, number] };

function randomEvents(count: number, seed: string): Event[] {
  const random = new Random(seed);
  let at = 0;
  return Array.from({ length: count }, () => {
    at += random.integer(0, 1_000);
    const topic = random.chance(0.5) ? 'sent' : 'received';
    const field = () => random.integer(0, 1 << random.integer(1, 30));
    return { at, topic, fields: [field(), field(), field(), field()] };
  });
}

function digestOf(events: readonly Event[], prepare: (trace: Trace) => void = () => {}): string {
  const clock = { now: 0 };
  const trace = new Trace(clock);
  const names = ['a', 'b', 'c', 'd'];
  const sent = trace.topic<[number, number, number, number]>('sent', names);
  const received = trace.topic<[number, number, number, number]>('received', names);
  prepare(trace);
  sent.observe(() => {});
  for (const { at, topic, fields } of events) {
    clock.now = at;
    (topic === 'sent' ? sent : received).emit(...fields);
  }
  return trace.digest;
}

const EVENTS = randomEvents(200, 'trace');
const DIGEST = digestOf(EVENTS);

function changed(at: number, change: (event: Event) => Partial<Event>): string {
  return digestOf(EVENTS.map((event, i) => (i === at ? { ...event, ...change(event) } : event)));
}

function withField(index: number, change: (value: number) => number) {
  return ({ fields }: Event): Partial<Event> => ({
    fields: fields.map((value, i) => (i === index ? change(value) : value)) as Event['fields'],
  });
}

describe('digest', () => {
  test('is 16 hexadecimal digits and the same again', () => {
    expect(DIGEST).toMatch(/^[0-9a-f]{16}$/);
    expect(digestOf(EVENTS)).toBe(DIGEST);
  });

  test('does not depend on who observes or on a witness', () => {
    let seen = 0;
    const watched = digestOf(EVENTS, (trace) => {
      trace.witnessAll(() => {
        seen++;
      });
    });
    expect(watched).toBe(DIGEST);
    expect(seen).toBe(EVENTS.length);
  });

  test('changes with the instant, the topic, any field by any bit, and the order', () => {
    const digests = new Set([DIGEST]);
    let variants = 1;
    const add = (digest: string) => {
      digests.add(digest);
      variants++;
    };
    for (let i = 0; i < EVENTS.length; i += 9) {
      add(changed(i, ({ at }) => ({ at: at + 1 })));
      add(changed(i, ({ at }) => ({ at: at + 0x1_0000_0000 })));
      add(changed(i, ({ topic }) => ({ topic: topic === 'sent' ? 'received' : 'sent' })));
      for (let field = 0; field < 4; field++) {
        for (let bit = 1; bit < 2 ** 50; bit *= 2)
          add(
            changed(
              i,
              withField(field, (v) => v + bit),
            ),
          );
        add(
          changed(
            i,
            withField(field, (v) => -1 - v),
          ),
        );
        add(
          changed(
            i,
            withField(field, (v) => 0xffff_ffff - v),
          ),
        );
      }
      const swapped = [...EVENTS];
      [swapped[i], swapped[i + 1]] = [EVENTS[i + 1]!, EVENTS[i]!];
      add(digestOf(swapped));
      add(digestOf(EVENTS.toSpliced(i, 1)));
      add(digestOf(EVENTS.toSpliced(i, 0, EVENTS[i]!)));
    }
    expect(digests.size).toBe(variants);
  });

  test('100,000 short streams have 100,000 digests', () => {
    const digests = new Set<string>();
    for (let i = 0; i < 100_000; i++) {
      const fields: Event['fields'] = [i % 10, Math.floor(i / 10) % 100, Math.floor(i / 1_000), 0];
      digests.add(digestOf([{ at: 0, topic: 'sent', fields }]));
    }
    expect(digests.size).toBe(100_000);
  });
});

describe('topics', () => {
  test('count, show the instant and the fields to all observers in order of registration', () => {
    const clock = { now: 5 };
    const trace = new Trace(clock);
    const topic = trace.topic<[number, number]>('sent', ['bytes', 'link']);
    const seen: string[] = [];
    topic.observe((at, bytes, link) => seen.push(`first ${at} ${bytes} ${link}`));
    topic.observe((at, bytes, link) => seen.push(`second ${at} ${bytes} ${link}`));
    topic.emit(100, 2);
    clock.now = 6;
    topic.emit(200, 3);
    expect(topic.count).toBe(2);
    expect(trace.events).toBe(2);
    expect(seen).toEqual(['first 5 100 2', 'second 5 100 2', 'first 6 200 3', 'second 6 200 3']);
  });

  test('a witness sees every topic with exactly its fields', () => {
    const clock = { now: 1 };
    const trace = new Trace(clock);
    const none = trace.topic<[]>('none', []);
    const two = trace.topic<[number, number]>('two', ['a', 'b']);
    const seen: string[] = [];
    trace.witnessAll((at, topic, fields) => seen.push(`${at} ${topic.name} [${fields.join()}]`));
    none.emit();
    two.emit(3, 4);
    trace.witnessAll(null);
    two.emit(5, 6);
    expect(seen).toEqual(['1 none []', '1 two [3,4]']);
  });
});
