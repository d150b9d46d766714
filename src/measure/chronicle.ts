import { type Nanoseconds, NEVER } from '../kernel/time.ts';
import { SERVER_STATES } from '../postgres/events.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { Branch } from '../postgres/timeline.ts';
import type { Observed, ObservedServer } from './observed.ts';

/** How a primary ceased to be one. */
export type Departure = 'lost power' | 'crashed' | 'was shut down';

/** A server that was primary on a branch for a while. */
export interface Reign {
  readonly server: ObservedServer;
  readonly branch: Branch;
  readonly from: Nanoseconds;
  /** `NEVER` while it goes on; a shutdown ends it when it begins. */
  to: Nanoseconds;
  departure: Departure | null;
  /** The end of what WAL it kept; read when it ended. */
  endLsn: Lsn;
}

/** A new timeline. */
export interface Promotion {
  readonly at: Nanoseconds;
  readonly server: ObservedServer;
  readonly branch: Branch;
  /** The last that was primary on the branch it came from, if there was one. */
  readonly predecessor: Reign | null;
  /** The WAL that the predecessor had at that instant, beyond the new branch's beginning. */
  readonly bytesNotReceived: number;
}

const PRIMARY = SERVER_STATES.indexOf('primary');

/** Who was primary when and on which timeline: what the causes of losses are read from. */
export class Chronicle {
  readonly reigns: Reign[] = [];
  /** By the index of the branch; none for the first branch of a cluster. */
  readonly promotions = new Map<number, Promotion>();
  /** Who holds the leader key, -1: nobody. */
  leaderKeyHolder: number;
  private readonly run: Observed;
  private readonly current: (Reign | null)[];

  constructor(run: Observed) {
    this.run = run;
    this.leaderKeyHolder = run.initialLeader;
    this.current = run.instances.map(() => null);
    for (const { server } of run.instances) {
      if (server.state === 'primary') this.begin(server, run.clock.now);
    }
    run.postgres.state.observe((at, server, state) => this.changed(at, server, state));
    run.postgres.promoted.observe((at, server, branch, forkLsn) => {
      this.promoted(at, server, branch, forkLsn);
    });
    run.ha.leaderKey.observe((_, server) => {
      this.leaderKeyHolder = server;
    });
  }

  /** The last that was primary on a branch at an instant or before it. */
  reignOn(branch: Branch, at: Nanoseconds): Reign | null {
    let found: Reign | null = null;
    for (const reign of this.reigns) if (reign.branch === branch && reign.from <= at) found = reign;
    return found;
  }

  private changed(at: Nanoseconds, index: number, state: number): void {
    const { server } = this.run.instances[index]!;
    const reign = this.current[index] ?? null;
    if (state === PRIMARY) {
      if (reign) this.finish(reign, at);
      this.begin(server, at);
    } else if (reign) this.finish(reign, at);
    else this.settle(server);
  }

  private begin(server: ObservedServer, at: Nanoseconds): void {
    const { branch, insertLsn } = server.wal;
    const reign = { server, branch, from: at, to: NEVER, departure: null, endLsn: insertLsn };
    this.current[server.index] = reign;
    this.reigns.push(reign);
  }

  private finish(reign: Reign, at: Nanoseconds): void {
    const { server } = reign;
    reign.to = at;
    reign.departure = departureOf(server);
    reign.endLsn = server.wal.insertLsn;
    this.current[server.index] = null;
  }

  /** A shutdown that ends, or that a crash cuts short: the WAL that is kept is known now. */
  private settle(server: ObservedServer): void {
    if (server.state !== 'shut down' && server.state !== 'crashed') return;
    const last = this.reigns.findLast((reign) => reign.server === server);
    if (!last || last.branch !== server.wal.branch || last.departure !== 'was shut down') return;
    last.endLsn = server.wal.insertLsn;
    if (server.state === 'crashed') last.departure = departureOf(server);
  }

  private promoted(at: Nanoseconds, index: number, branchIndex: number, forkLsn: Lsn): void {
    const branch = this.run.branches[branchIndex]!;
    const { server } = this.run.instances[index]!;
    const predecessor = branch.parent ? this.reignOn(branch.parent, at) : null;
    const running = predecessor?.to === NEVER;
    const end = running ? predecessor.server.wal.insertLsn : (predecessor?.endLsn ?? forkLsn);
    const bytesNotReceived = Math.max(0, end - forkLsn);
    this.promotions.set(branchIndex, { at, server, branch, predecessor, bytesNotReceived });
  }
}

function departureOf(server: ObservedServer): Departure {
  if (server.state !== 'crashed') return 'was shut down';
  return server.host.state === 'off' ? 'lost power' : 'crashed';
}
