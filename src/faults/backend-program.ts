/**
 * One backend of a server as a program that a fault can kill: by a signal that it does not survive
 * (SIGSEGV after a fault of the program, SIGKILL). The postmaster hears of it and ends all other
 * children, because shared memory may be damaged; then it recovers (postmaster.c:
 * HandleChildCrash, restart_after_crash). Which backend it is makes no difference for the others:
 * it is the one that has been connected longest. Left out: a backend that ends by a FATAL error,
 * which leaves the others alone (session time-outs do that).
 */
import type { Host } from '../hardware/host.ts';
import type { ProcessGroup } from '../kernel/index.ts';
import type { Server } from '../postgres/server.ts';
import type { Program } from './world.ts';

export class BackendProgram implements Program {
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly restart = null;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
    this.host = server.host;
    this.group = server.group;
  }

  /** Nothing happens if nobody is connected. */
  crash(): void {
    const { server } = this;
    const [backend] = [...server.backends].filter(({ process }) => process >= 0);
    if (backend && server.isRunning) server.backendCrashed(backend);
  }

  /** Its client connects again when it likes. */
  start(): void {}
}
