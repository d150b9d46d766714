/**
 * A Patroni agent: the HA loop of one member (patroni/__main__.py, ha.py). Each cycle reads the
 * cluster from the store, asks `decide` what to do, carries it out step by step, and publishes the
 * member. Between cycles the leader sleeps; a standby's cycle begins at once when the leader key
 * or the status changes.
 *
 * Kept: the order of a cycle, what blocks the loop and what runs beside it, requests with their
 * time-outs, the REST API. Left out: callbacks, pause, bootstrap, slots of members (issue 6).
 */
import type { Host } from '../../hardware/host.ts';
import type { Network } from '../../hardware/network.ts';
import { once } from '../../hardware/service.ts';
import {
  MILLISECOND,
  type Nanoseconds,
  type Process,
  type ProcessGroup,
  type Random,
  type Signal,
} from '../../kernel/index.ts';
import type { Instance } from '../../replication/instance.ts';
import type { HaEvents } from '../events.ts';
import type { PatroniSettings } from '../patroni-settings.ts';
import { Actions } from './actions.ts';
import type { ClusterView, Tags } from './cluster.ts';
import type { Dcs } from './dcs.ts';
import { decide } from './decide.ts';
import {
  type AsyncAction,
  CYCLE_START,
  type CycleProgress,
  type Decision,
  type HaInput,
  isStep,
  type Outcome,
} from './decision.ts';
import { FAILOVER } from './keys.ts';
import { historyOf, localHistory, viewOf } from './postgres-view.ts';
import { Publication } from './publication.ts';
import { RestApi } from './rest-api.ts';
import { divergence } from './rewind.ts';
import { Steps } from './steps.ts';
import { Synchronizer } from './synchronizer.ts';

/** Standbys give the leader's loop this much more time (etcd3.py:watch). */
const STANDBY_SLACK = 500 * MILLISECOND;

export interface AgentOptions {
  readonly name: string;
  readonly index: number;
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly instance: Instance;
  readonly settings: PatroniSettings;
  readonly tags: Tags;
  readonly fencing: HaInput['fencing'];
}

export class PatroniAgent {
  readonly options: AgentOptions;
  readonly network: Network;
  readonly dcs: Dcs;
  readonly group: ProcessGroup;
  readonly host: Host;
  readonly api: RestApi;
  /** All agents of the cluster by name, this one included. */
  peers: ReadonlyMap<string, PatroniAgent> = new Map();
  lastRenewal: Nanoseconds | null = null;
  asyncAction: AsyncAction | null = null;
  asyncSince: Nanoseconds = 0;
  crashRecoveryDone = false;
  rewindFailed = false;
  /** The previous cycle tried to start Postgres. */
  recovering = false;
  readonly events: HaEvents;
  private readonly random: Random;
  private readonly actions: Actions;
  private publication: Publication;
  private steps: Steps;
  private readonly synchronizer: Synchronizer;
  private readonly woken: Signal;
  /** The process runs. */
  alive = true;
  /** Postgres has run under this life of the agent. */
  ranHere = true;
  /** The cluster as read in this cycle, or null if the store could not be reached. */
  view: ClusterView | null = null;
  /** When the next cycle is due. */
  nextRun: Nanoseconds = 0;
  private lastHealthyCluster: ClusterView | null = null;
  private unlockedSince: Nanoseconds | null = null;
  private previousLsn: number | null = null;
  private lastMessage = '';

  constructor(network: Network, events: HaEvents, dcs: Dcs, random: Random, options: AgentOptions) {
    this.network = network;
    this.events = events;
    this.dcs = dcs;
    this.random = random;
    this.options = options;
    this.host = options.host;
    this.group = options.group;
    this.actions = new Actions(this);
    this.publication = new Publication(this);
    this.steps = new Steps(this);
    this.synchronizer = new Synchronizer(this);
    this.woken = dcs.changed;
    this.api = new RestApi(this);
    this.host.onPowerOff(() => {
      this.alive = false;
    });
    this.host.onPowerOn(() => this.start());
  }

  get name(): string {
    return this.options.name;
  }

  get instance(): Instance {
    return this.options.instance;
  }

  /** It holds the leader key as far as it knows. */
  get leads(): boolean {
    return this.view?.leader?.name === this.name;
  }

  get settings(): PatroniSettings {
    return this.options.settings;
  }

  /** The run begins: the loop has been running, and is somewhere in its cycle. */
  beginInService(isLeader: boolean): void {
    const phase = this.random.integer(0, this.settings.loop_wait - 1);
    if (isLeader) this.lastRenewal = this.network.sim.now;
    this.dcs.start();
    this.host.spawn(this.run(phase), this.group);
  }

  /** The process starts anew: at boot, or after a crash. */
  start(): void {
    if (this.alive) return;
    this.alive = true;
    this.ranHere = false;
    this.lastRenewal = this.asyncAction = null;
    this.crashRecoveryDone = this.rewindFailed = this.recovering = false;
    this.view = this.lastHealthyCluster = null;
    this.publication = new Publication(this);
    this.steps = new Steps(this);
    this.dcs.reset();
    this.host.spawn(this.run(0), this.group);
  }

  /** The process is killed; Postgres goes on without it. */
  crash(): void {
    this.alive = false;
    this.group.kill();
  }

  /**
   * An operator's `patronictl switchover`: a POST to the leader's REST API, which writes the wish
   * into the store and wakes its loop (api.py:do_POST_failover).
   */
  requestSwitchover(from: string | null, to: string | null): void {
    this.host.spawn(this.writeFailover(from, to), this.group);
  }

  private *writeFailover(from: string | null, to: string | null): Process {
    const leader = from ?? this.view?.leader?.name ?? null;
    const index = (name: string | null) =>
      name === null ? -1 : (this.peers.get(name)?.options.index ?? -1);
    this.events.switchover.emit(index(leader), index(to));
    yield* this.dcs.put(FAILOVER, JSON.stringify({ leader, candidate: to }));
    this.woken.fire();
  }

  /**
   * Each cycle asks the local Postgres for its position, over a connection without any time-out:
   * while Postgres hangs, so does the loop (ha.py:_run_cycle, touch_member).
   */
  private *askPostgres() {
    const { server, changed } = this.instance;
    while (server.isRunning && server.group.frozen) {
      this.host.spawn(
        once(() => changed.fire()),
        server.group,
      );
      yield changed.wait();
    }
  }

  private *run(phase: Nanoseconds): Process {
    const { sim } = this.network;
    const { loop_wait } = this.settings;
    yield sim.hold(phase);
    this.nextRun = sim.now;
    for (;;) {
      this.dcs.newCycle();
      yield* this.cycle();
      this.nextRun += loop_wait;
      if (this.nextRun <= sim.now) this.nextRun = sim.now;
      else {
        yield this.woken.wait(this.nextRun + (this.leads ? 0 : STANDBY_SLACK));
        if (!sim.timedOut) this.nextRun = sim.now;
      }
    }
  }

  private *cycle() {
    this.view = yield* this.dcs.cluster();
    this.noticeCluster();
    yield* this.askPostgres();
    let progress = CYCLE_START;
    for (;;) {
      const input = this.input(progress);
      const decision = decide(input);
      this.say(decision);
      if (!isStep(decision)) {
        this.recovering = decision.kind === 'start';
        yield* this.carryOut(decision);
        break;
      }
      progress = yield* this.steps.take(decision, progress);
    }
    this.previousLsn = this.instance.server.wal.written;
    yield* this.publication.publish();
  }

  private noticeCluster(): void {
    const { view } = this;
    if (view?.leader) {
      this.lastHealthyCluster = view;
      this.unlockedSince = null;
    } else if (view) this.unlockedSince ??= this.network.sim.now;
  }

  private input(progress: CycleProgress): HaInput {
    const { instance, options, view } = this;
    if (instance.server.isRunning) this.ranHere = true;
    const postgres = viewOf(instance, this.ranHere);
    if (postgres.state === 'running') this.crashRecoveryDone = false;
    return {
      me: options.name,
      tags: options.tags,
      settings: options.settings,
      now: this.network.sim.now,
      cluster: view ?? 'unreachable',
      lastHealthyCluster: this.lastHealthyCluster,
      failsafeTopology: view?.failsafe ?? null,
      failsafeLeader: null,
      postgres,
      lastRenewal: this.lastRenewal,
      asyncAction: this.asyncAction,
      asyncSince: this.asyncSince,
      recovering: this.recovering,
      crashRecoveryDone: this.crashRecoveryDone,
      divergence: this.divergence(),
      rewindFailed: this.rewindFailed,
      watchdog: 'off',
      fencing: options.fencing,
      previousLsn: this.previousLsn,
      unlockedSince: this.unlockedSince,
      progress,
    };
  }

  /** Asked of the leader over a replication connection, if it can be reached and is a primary. */
  private divergence(): HaInput['divergence'] {
    const leader = this.view?.leader?.name;
    const other = leader === undefined ? undefined : this.peers.get(leader);
    if (!other || other === this || other.instance.server.state !== 'primary') return 'unknown';
    if (!this.network.path(this.host, other.host).open) return 'unknown';
    const local = localHistory(this.instance);
    const { branch } = other.instance.server.wal;
    return local ? divergence(local, branch.timeline, historyOf(branch)) : 'unknown';
  }

  private *carryOut(outcome: Outcome) {
    if (outcome.kind === 'lead') {
      if (!outcome.failsafe && this.view) {
        yield* this.publication.writeHistory(this.view);
        yield* this.synchronizer.run(this.view);
      }
    } else yield* this.actions.carryOut(outcome, this.view);
  }

  /** Tells what is decided, unless it is what was decided last time, or nothing to begin with. */
  private say(decision: Decision): void {
    const routine = decision.kind === 'renew' || decision.kind === 'lead';
    if (routine || decision.message === this.lastMessage) return;
    const isFirst = this.lastMessage === '';
    this.lastMessage = decision.message;
    if (isFirst && decision.kind === 'nothing') return;
    this.network.sim.trace.note('patroni', `${this.name}: ${decision.message}`);
  }
}
