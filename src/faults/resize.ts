import type { Host } from '../hardware/host.ts';
import type { Process } from '../kernel/index.ts';
import type { Instance } from '../replication/instance.ts';
import type { FaultDefinition } from './definition.ts';
import type { FaultOf } from './fault.ts';
import { verb } from './words.ts';
import { type FaultWorld, hostsOfAll } from './world.ts';

/** One resize: the way down, the change, the way up. */
class Resize {
  private isOff = false;
  private isOver = false;
  private readonly world: FaultWorld;
  private readonly host: Host;
  private readonly fault: FaultOf<'resize'>;

  constructor(world: FaultWorld, fault: FaultOf<'resize'>) {
    this.world = world;
    this.fault = fault;
    this.host = hostsOfAll(world, fault.targets)[0]!;
  }

  /** Postgres ends in order before the machine does, unless Patroni would start it again. */
  *shutDown(instance: Instance | null): Process {
    instance?.stop();
    while (instance?.server.isRunning) yield instance.changed.wait();
    this.world.overlaps.enter('off', this.host);
    this.host.powerOff();
    this.isOff = true;
    if (this.isOver) this.boot();
  }

  boot(): void {
    this.isOver = true;
    if (!this.isOff) return;
    const { host, fault } = this;
    host.resize(fault.cores, fault.memoryBytes);
    if (this.world.overlaps.leave('off', host)) host.powerOn();
  }
}

export const resize: FaultDefinition<'resize'> = {
  kind: 'resize',
  doc: `A machine becomes another one of the section \`hardware\`, with its cores and its memory;
    the volume stays. Postgres ends by a fast shutdown, the machine is away for as long as \`for\`
    says, and starts what starts at boot. Under Patroni it goes as by a loss of power: switch over
    first. Settings and the price stay as they were.`,
  begins: ({ targets, hardware }) =>
    `${verb(targets, 'is stopped', 'are stopped')} to become a machine of ${hardware}`,
  ends: ({ targets }) => verb(targets, 'boots with its new size', 'boot with their new size'),
  apply(world, fault) {
    const [target] = fault.targets;
    const server = target?.kind === 'server' ? target.server : '';
    const managed = world.programOf({ kind: 'patroni', server }) !== null;
    const change = new Resize(world, fault);
    world.sim.spawn(change.shutDown(managed ? null : world.instance(server)));
    return () => change.boot();
  },
};
