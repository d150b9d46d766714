/**
 * A Postgres server as a program that faults can kill, start and restart. Who starts it after a
 * crash or at boot depends on who manages it: Patroni does that by itself, and whatever it likes;
 * without Patroni the service manager starts it in the role that it had. It also starts it when a
 * PANIC has ended it for good: systemd's Restart=on-failure, with a pause.
 */
import type { Host } from '../hardware/host.ts';
import { type Process, type ProcessGroup, SECOND } from '../kernel/index.ts';
import type { Instance } from '../replication/instance.ts';
import type { Program } from './world.ts';

/** RestartSec of a unit that is meant to wait for an administrator no longer than this. */
const SERVICE_RESTART_PAUSE = 5 * SECOND;

export class ServerProgram implements Program {
  readonly host: Host;
  readonly group: ProcessGroup;
  private readonly instance: Instance;
  private readonly managed: boolean;
  /** The last role in which it ran: a start that has not finished has none yet. */
  private role: 'primary' | 'standby';

  /** `managed`: Patroni decides when the server starts. To be made before the run begins. */
  constructor(instance: Instance, managed: boolean) {
    this.instance = instance;
    this.managed = managed;
    this.host = instance.server.host;
    this.group = instance.server.group;
    this.role = instance.server.state === 'primary' ? 'primary' : 'standby';
    this.host.onPowerOn(() => this.start());
    instance.server.context.sim.spawn(this.watchRole());
  }

  crash(): void {
    this.instance.server.crash();
  }

  start(): void {
    if (this.managed || this.host.state === 'off') return;
    this.startInRole();
  }

  readonly restart = (): void => {
    if (this.instance.server.isRunning) this.host.spawn(this.stopAndStart());
  };

  private *stopAndStart(): Process {
    this.instance.stop();
    while (this.instance.server.isRunning) yield this.instance.changed.wait();
    this.startInRole();
  }

  private startInRole(): void {
    const { instance, role } = this;
    instance.start(role, role === 'primary' ? null : instance.upstream);
  }

  private *watchRole(): Process {
    for (;;) {
      const { server } = this.instance;
      const { state } = server;
      if (state === 'primary') this.role = 'primary';
      else if (state === 'hot standby') this.role = 'standby';
      if (state === 'crashed' && server.panicReason !== null) this.restartLater();
      yield this.instance.changed.wait();
    }
  }

  /** The postmaster may start anew by itself; if it has, there is nothing to do. */
  private restartLater(): void {
    const { sim } = this.instance.server.context;
    const { instance, host } = this;
    sim.spawn(
      (function* (program: ServerProgram): Process {
        yield sim.hold(SERVICE_RESTART_PAUSE);
        if (host.state === 'up' && instance.server.state === 'crashed') program.start();
      })(this),
    );
  }
}
