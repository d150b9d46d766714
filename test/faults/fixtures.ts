import { FaultEvents } from '../../src/faults/events.ts';
import type { Fault, FaultKind, FaultOf, FaultTarget } from '../../src/faults/fault.ts';
import { scheduleFaults } from '../../src/faults/schedule.ts';
import { ServerProgram } from '../../src/faults/server-program.ts';
import { type FaultWorld, Overlaps, type Program } from '../../src/faults/world.ts';
import type { Host } from '../../src/hardware/host.ts';
import { MILLISECOND, type Process, type Simulation, type Topic } from '../../src/kernel/index.ts';
import { PostgresEvents } from '../../src/postgres/events.ts';
import { Server } from '../../src/postgres/server.ts';
import { defaultSettings } from '../../src/postgres/settings.ts';
import { History } from '../../src/postgres/timeline.ts';
import { Instance } from '../../src/replication/instance.ts';
import { world } from '../hardware/network-fixtures.ts';
import { unimagedTables } from '../helpers/world.ts';

/** A program that counts its steps, one each millisecond, and remembers what was done to it. */
export class Agent implements Program {
  readonly host: Host;
  readonly group;
  readonly restart = null;
  readonly did: string[] = [];
  steps = 0;
  private readonly sim: Simulation;
  private running = false;

  constructor(sim: Simulation, host: Host) {
    this.sim = sim;
    this.host = host;
    this.group = host.newGroup();
    host.onPowerOff(() => {
      this.running = false;
    });
    host.onPowerOn(() => this.start());
    this.start();
  }

  crash(): void {
    this.note('crash');
    this.running = false;
    this.group.kill();
  }

  start(): void {
    if (this.running) return;
    this.note('start');
    this.running = true;
    this.host.spawn(this.run(), this.group);
  }

  private note(what: string): void {
    this.did.push(`${this.sim.now / MILLISECOND} ${what}`);
  }

  private *run(): Process {
    for (;;) {
      yield this.sim.hold(MILLISECOND);
      this.steps++;
    }
  }
}

export interface FaultyWorld extends FaultWorld {
  readonly hosts: readonly Host[];
  readonly agents: readonly Agent[];
  readonly switchovers: (string | null)[][];
  readonly ticks: Topic<number[]>;
  /** What the trace says of faults: `instant began 0`. */
  readonly log: string[];
}

/** Hosts a, b, c, each a zone of its own with an agent; servers pg1 (primary), pg2, pg3. */
export function faultyWorld(seed = 1, servers = false): FaultyWorld {
  const { sim, network, hosts } = world(['a', 'b', 'c'], {}, seed);
  const agents = hosts.map((host) => new Agent(sim, host));
  const events = new PostgresEvents(sim.trace);
  const context = { sim, network, events, history: new History() };
  const branch = context.history.begin('pg1');
  const database = unimagedTables();
  const instances = servers ? hosts.map((host, index) => makeInstance(host, index)) : [];
  const programs = instances.map((instance) => new ServerProgram(instance, false));
  const ticks = sim.trace.topic<number[]>('clock.tick', ['n']);
  const at = (name: string) => Number(name.slice(2)) - 1;
  const switchovers: (string | null)[][] = [];

  function makeInstance(host: Host, index: number): Instance {
    const name = `pg${index + 1}`;
    const settings = defaultSettings(18);
    const options = { name, index, host, settings, branch, database };
    return new Instance(new Server(context, options), name);
  }

  function hostsOf(target: FaultTarget): Host[] {
    if ('server' in target) return [hosts[at(target.server)]!];
    if (target.kind === 'zone') return hosts.filter(({ zone }) => zone === target.zone);
    if (target.kind === 'host') return hosts.filter(({ name }) => name === target.host);
    return [hosts[2]!];
  }

  function programOf(target: FaultTarget): Program | null {
    if (target.kind === 'patroni') return agents[at(target.server)]!;
    return target.kind === 'server' ? programs[at(target.server)]! : null;
  }

  const [first, ...rest] = instances;
  first?.beginInService(null);
  for (const each of rest) each.beginInService(first!);
  return {
    ...{ sim, network, hosts, agents, ticks, switchovers, hostsOf, programOf, log: [] },
    overlaps: new Overlaps(),
    instance: (server) => instances[at(server)]!,
    requestSwitchover: (from, to) => switchovers.push([from, to]),
    topic: (name) => (name === ticks.name ? ticks : undefined),
  };
}

export const zone = (name: string): FaultTarget => ({ kind: 'zone', zone: name });
export const host = (name: string): FaultTarget => ({ kind: 'host', host: name });
export const server = (name: string): FaultTarget => ({ kind: 'server', server: name });
export const patroni = (name: string): FaultTarget => ({ kind: 'patroni', server: name });

type Given<K extends FaultKind> = Omit<FaultOf<K>, 'index' | 'start' | 'for' | 'kind'>;

/** A fault at an instant, in milliseconds, perhaps for a time. */
export function fault<K extends FaultKind>(
  kind: K,
  at: number,
  lasts: number | null,
  what: Given<K>,
): Fault {
  const start = { kind: 'time', at: at * MILLISECOND } as const;
  const span = lasts === null ? null : lasts * MILLISECOND;
  return { kind, index: 0, start, for: span, ...what } as unknown as Fault;
}

/** Schedules the faults, numbered in their order, and logs their events. */
export function play(made: FaultyWorld, ...faults: readonly Fault[]): void {
  const events = new FaultEvents(made.sim.trace);
  const say = (what: string) => (at: number, index: number) => {
    made.log.push(`${at / MILLISECOND} ${what} ${index}`);
  };
  events.began.observe(say('began'));
  events.ended.observe(say('ended'));
  scheduleFaults(
    made,
    events,
    faults.map((each, index) => ({ ...each, index })),
  );
}

/** What the story says, with instants in milliseconds. */
export const story = ({ sim }: FaultyWorld): string[] =>
  sim.trace.notes.map(({ at, text }) => `${at / MILLISECOND} ${text}`);
