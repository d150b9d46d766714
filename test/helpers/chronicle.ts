import type { Topic } from '../../src/kernel/index.ts';
import { SERVER_STATES } from '../../src/postgres/events.ts';
import { formatLsn } from '../../src/postgres/lsn.ts';
import type { Client, World } from './world.ts';

const WIDTH = 95;

/** What happened in a small world as a text: each event, each word of a client, with its time. */
export class Chronicle {
  private readonly lines: string[] = [];
  private readonly world: World;
  private readonly since: number;

  /** Instants count from the given one, in milliseconds; what was before is not told. */
  constructor(world: World, since: number) {
    this.world = world;
    this.since = since;
    world.sim.trace.witnessAll((at, topic, fields) => {
      if (at >= since) this.line(at, describe(world, topic, fields));
    });
  }

  private line(at: number, text: string): void {
    const instant = ((at - this.since) / 1e6).toFixed(3).padStart(9);
    this.lines.push(`${instant}  ${text}`);
  }

  note(text: string): void {
    this.line(this.world.sim.now, text);
  }

  /** Has the client say something and writes down when it did and what it heard. */
  *say(client: Client, verb: Parameters<Client['say']>[0], key = 0) {
    const row = verb === 'update' ? ` of row ${key}` : '';
    this.note(`client ${client.name} sends ${verb}${row}`);
    const answer = yield* client.say(verb, key);
    this.note(`client ${client.name} hears ${answer}`);
    return answer;
  }

  /** The chronicle under a paragraph that says what it shows. */
  text(about: string): string {
    return `${wrapped(about)}\n\n${this.lines.join('\n')}\n`;
  }
}

function describe(world: World, topic: Topic<number[]>, fields: readonly number[]): string {
  const told = topic.fieldNames.map((name, i) => `${name}=${printed(world, name, fields[i]!)}`);
  return `${topic.name} ${told.join(' ')}`;
}

function printed(world: World, name: string, value: number): string {
  if (name === 'server' || name === 'standby') {
    return [...world.instances.keys()][value] ?? String(value);
  }
  if (name.toLowerCase().endsWith('lsn')) return formatLsn(value);
  if (name === 'state') return SERVER_STATES[value]!;
  if (['write', 'flush', 'replay'].includes(name)) {
    return value < 0 ? '-' : `${(value / 1e6).toFixed(3)}ms`;
  }
  return String(value);
}

function wrapped(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length >= WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
