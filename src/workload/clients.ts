/**
 * Groups of clients. In an open loop transactions arrive at a rate, whatever becomes of those
 * before them, and queue for a free session, the one idle longest first. In a closed loop each
 * session thinks, runs a transaction, thinks again.
 *
 * Kept: arrivals as a Poisson process, latency from the arrival, sessions that connect again after
 * a failure, retries (`retry.ts`). Left out until their issues: `reread`, several statements in one
 * message.
 */
import type { Host } from '../hardware/host.ts';
import type { Network } from '../hardware/network.ts';
import {
  type Distribution,
  type Nanoseconds,
  type Process,
  type ProcessId,
  type Random,
  SECOND,
  type Simulation,
} from '../kernel/index.ts';
import type { ConnectionOptions } from '../routing/libpq.ts';
import type { WorkloadEvents } from './events.ts';
import { Queue } from './queue.ts';
import type { Retrying } from './retry.ts';
import type { Script } from './script.ts';
import { Session } from './session.ts';
import { ClientThread } from './thread.ts';

export interface ClientGroupOptions {
  readonly name: string;
  readonly index: number;
  readonly host: Host;
  readonly sessions: number;
  /** The number of the group's first session over all groups. */
  readonly firstSession: number;
  /** Arrivals per second; null: a closed loop. */
  readonly rate: number | null;
  readonly think: Distribution | null;
  readonly mix: readonly { readonly script: Script; readonly weight: number }[];
  readonly connection: ConnectionOptions;
  readonly connectionPerTransaction: boolean;
  readonly prepared: boolean;
  readonly starts: Nanoseconds;
  readonly ends: Nanoseconds;
  /** How long a session waits after a failed or broken connection, spread by half. */
  readonly reconnect: Distribution;
  /** CPU time of the client per transaction, charged to its host. */
  readonly cpu: Distribution | null;
  /** Threads that share this time of all sessions; null: each session is a process of its own. */
  readonly threads: number | null;
  /** When a transaction is tried again; never, if not given. */
  readonly retry?: Retrying | null;
}

export interface WorkloadContext {
  readonly sim: Simulation;
  readonly network: Network;
  readonly events: WorkloadEvents;
}

/** A transaction that has arrived. */
export interface Arrival {
  readonly at: Nanoseconds;
  readonly script: Script;
}

export class ClientGroup {
  readonly options: ClientGroupOptions;
  readonly context: WorkloadContext;
  readonly sessions: Session[] = [];
  readonly threads: ClientThread[] = [];
  private readonly random: Random;
  private readonly totalWeight: number;
  private readonly waiting = new Queue<Arrival>();
  private readonly idle = new Queue<{ process: ProcessId; ticket: number }>();

  constructor(context: WorkloadContext, options: ClientGroupOptions) {
    this.context = context;
    this.options = options;
    this.random = context.sim.random(`clients/${options.name}`);
    this.totalWeight = options.mix.reduce((sum, { weight }) => sum + weight, 0);
    for (let i = 0; i < (options.threads ?? 0); i++) {
      this.threads.push(new ClientThread(context.sim, options.host.cpu));
    }
    for (const thread of this.threads) thread.start();
    for (let i = 0; i < options.sessions; i++) this.sessions.push(new Session(this, i));
    for (const session of this.sessions) context.sim.spawn(session.run());
    if (options.rate !== null) context.sim.spawn(this.arrivals(SECOND / options.rate));
  }

  /** Arrivals that no session has taken yet. */
  get queueLength(): number {
    return this.waiting.length;
  }

  /** The transaction that a session starts or that arrives. */
  drawScript(): Script {
    let at = this.random.uniform() * this.totalWeight;
    for (const { script, weight } of this.options.mix) {
      at -= weight;
      if (at < 0) return script;
    }
    return this.options.mix[this.options.mix.length - 1]!.script;
  }

  /** The oldest arrival, if one waits. */
  takeArrival(): Arrival | undefined {
    return this.waiting.shift();
  }

  /** The running session has nothing to do: it will be woken when it is its turn. */
  becomeIdle(): undefined {
    const { sim } = this.context;
    this.idle.push({ process: sim.running, ticket: sim.park() });
  }

  private *arrivals(meanGap: Nanoseconds): Process {
    const { sim, events } = this.context;
    const { starts, ends, index } = this.options;
    yield sim.holdUntil(starts);
    for (;;) {
      const gap = this.random.exponential(meanGap);
      if (sim.now + gap >= ends) break;
      yield sim.hold(gap);
      const script = this.drawScript();
      const next = this.idle.shift();
      events.invoked.emit(-1 - index, script.index);
      this.waiting.push({ at: sim.now, script });
      if (next) sim.wake(next.process, next.ticket);
      else events.queued.emit(index, this.queueLength);
    }
    yield sim.holdUntil(ends);
    this.dismissIdle();
  }

  /** It is over: who is idle hangs up, as the others do after their transaction. */
  private dismissIdle(): void {
    for (let next = this.idle.shift(); next; next = this.idle.shift()) {
      this.context.sim.wake(next.process, next.ticket);
    }
  }
}
