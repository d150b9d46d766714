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
import { call, type Service } from '../../hardware/service.ts';
import {
  MILLISECOND,
  type Nanoseconds,
  type Process,
  type ProcessGroup,
  type Random,
  SECOND,
  Signal,
} from '../../kernel/index.ts';
import type { Instance } from '../../replication/instance.ts';
import type { HaEvents } from '../events.ts';
import type { PatroniSettings } from '../patroni-settings.ts';
import { Actions } from './actions.ts';
import { type ClusterView, clusterTimeline, type Tags } from './cluster.ts';
import type { Dcs } from './dcs.ts';
import { decide } from './decide.ts';
import {
  type Answers,
  type AsyncAction,
  CYCLE_START,
  type CycleProgress,
  type Decision,
  type HaInput,
  isPrimary,
  isStep,
  type MemberAnswer,
  type Outcome,
  type Step,
} from './decision.ts';
import { FAILOVER, HISTORY, LEADER, MEMBERS, type MemberData, STATUS } from './keys.ts';
import { viewOf } from './postgres-view.ts';
import { type RestNode, type RestPath, restStatus } from './rest.ts';
import { Synchronizer } from './synchronizer.ts';

/** Answers of other members' REST APIs are waited for so long (ha.py:fetch_node_status). */
const API_TIMEOUT = 2 * SECOND;
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

type Request = { readonly type: 'patroni' };

export class PatroniAgent {
  readonly options: AgentOptions;
  readonly network: Network;
  readonly dcs: Dcs;
  readonly group: ProcessGroup;
  readonly host: Host;
  /** GET of the paths that load balancers use. */
  readonly rest: Service<RestPath, 200 | 503>;
  /** GET /patroni, by other agents. */
  readonly api: Service<Request, MemberAnswer>;
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
  private readonly synchronizer: Synchronizer;
  private readonly woken: Signal;
  private alive = true;
  private ranHere = true;
  private view: ClusterView | null = null;
  private lastHealthyCluster: ClusterView | null = null;
  private unlockedSince: Nanoseconds | null = null;
  private previousLsn: number | null = null;
  private nextRun: Nanoseconds = 0;
  private published = '';
  private publishedStatus = '';
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
    this.synchronizer = new Synchronizer(this);
    this.woken = dcs.changed;
    const answers = <Q, A>(handle: (request: Q) => A): Service<Q, A> => {
      const agent = this;
      return {
        host: this.host,
        group: this.group,
        get listening() {
          return agent.alive;
        },
        handle: (request, respond) => respond(handle(request)),
      };
    };
    this.rest = answers((path: RestPath) => restStatus(path, this.restNode()));
    this.api = answers(() => this.answer());
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
    this.published = this.publishedStatus = '';
    this.dcs.reset();
    this.host.spawn(this.run(0), this.group);
  }

  /** The process is killed; Postgres goes on without it. */
  crash(): void {
    this.alive = false;
    this.group.kill();
  }

  /** An operator's `patronictl switchover`, through the store. */
  requestSwitchover(from: string | null, to: string | null): void {
    this.host.spawn(this.writeFailover(from, to), this.group);
  }

  private *writeFailover(from: string | null, to: string | null): Process {
    const leader = from ?? this.view?.leader?.name ?? null;
    const index = (name: string | null) =>
      name === null ? -1 : (this.peers.get(name)?.options.index ?? -1);
    this.events.switchover.emit(index(leader), index(to));
    yield* this.dcs.put(FAILOVER, JSON.stringify({ leader, candidate: to }));
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
        const leads = this.view?.leader?.name === this.name;
        yield this.woken.wait(this.nextRun + (leads ? 0 : STANDBY_SLACK));
        if (!sim.timedOut) this.nextRun = sim.now;
      }
    }
  }

  private *cycle() {
    this.view = yield* this.dcs.cluster();
    this.noticeCluster();
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
      progress = yield* this.take(decision, progress);
    }
    this.previousLsn = this.instance.server.wal.written;
    yield* this.publish();
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
    if (!this.instance.server.inRecovery && this.instance.server.isRunning) return 'unknown';
    return this.instance.divergedFrom(other.instance) ? 'diverged' : 'none';
  }

  /** Carries out a step of the cycle; what it brought is in the view and the progress. */
  private *take(
    step: Step,
    progress: CycleProgress,
  ): Generator<undefined, CycleProgress, undefined> {
    switch (step.kind) {
      case 'renew': {
        const renewal = yield* this.renew(step.publish);
        if (renewal === 'failed') this.view = null;
        return renewal === 'failed' ? progress : { ...progress, renewal };
      }
      case 'ask': {
        const answers = yield* this.ask(step.members);
        if (step.purpose === 'race') return { ...progress, raceAnswers: answers };
        if (step.purpose === 'failover') return { ...progress, failoverAnswers: answers };
        return { ...progress, candidateAnswers: answers };
      }
      case 'ask failsafe':
        return { ...progress, failsafeAnswers: new Map() };
      case 'acquire':
        return { ...progress, race: yield* this.acquire() };
      case 'reread':
        yield this.network.sim.hold(step.after);
        this.view = yield* this.dcs.cluster();
        return { ...progress, race: 'abstained' };
      case 'clear failover':
        yield* this.dcs.delete(FAILOVER);
        this.view = this.view && { ...this.view, failover: null };
        return progress;
    }
  }

  /** etcd3.py:_update_leader, then optime into /status where it changed. */
  private *renew(publish: boolean) {
    const { sim } = this.network;
    if (!(yield* this.dcs.refreshLease(true))) return 'failed' as const;
    if (this.view?.leader?.session !== String(this.dcs.lease)) {
      const kept = yield* this.takeOverKey();
      if (kept === 'failed') return 'failed' as const;
      if (!kept) return 'refused' as const;
    }
    this.lastRenewal = sim.now;
    this.events.renewed.emit(this.options.index);
    if (publish && this.instance.server.state === 'primary') {
      const status = JSON.stringify({ optime: this.instance.server.wal.flushed.value });
      if (status !== this.publishedStatus) {
        const put = yield* this.dcs.put(STATUS, status, { retrying: false });
        if (put === true) this.publishedStatus = status;
      }
    }
    return 'renewed' as const;
  }

  /** The lease is a new one: the key is moved to it while it still has my name, or made anew. */
  private *takeOverKey() {
    const key = LEADER;
    const put = { type: 'put', key, value: this.name, lease: this.dcs.lease! } as const;
    const create = {
      type: 'txn',
      compare: [{ key, target: 'create', result: '=', operand: 0 }],
      success: [put],
      failure: [],
    } as const;
    const compare = [{ key, target: 'value', result: '=', operand: this.name }] as const;
    const txn = { type: 'txn', compare, success: [put], failure: [create] } as const;
    const answer = yield* this.dcs.request(txn);
    if (answer === 'failed') return 'failed' as const;
    if (answer.type !== 'txn') return false;
    const nested = answer.responses[0];
    return answer.succeeded || (nested?.type === 'txn' && nested.succeeded);
  }

  private *acquire() {
    const { sim } = this.network;
    if (!(yield* this.dcs.refreshLease())) {
      this.view = null;
      return null;
    }
    const options = { lease: true, create: true };
    let created = yield* this.dcs.put(LEADER, this.name, options);
    if (created === false && this.dcs.lease === null && (yield* this.dcs.refreshLease())) {
      created = yield* this.dcs.put(LEADER, this.name, options);
    }
    if (created === 'failed') {
      this.view = null;
      return null;
    }
    if (created) this.lastRenewal = sim.now;
    this.view = yield* this.dcs.cluster();
    return created ? ('won' as const) : ('lost' as const);
  }

  /** GET /patroni of several members at once. */
  private *ask(names: readonly string[]): Generator<undefined, Answers, undefined> {
    const { sim } = this.network;
    const answers = new Map<string, MemberAnswer>();
    const done = new Signal(sim);
    const deadline = sim.now + API_TIMEOUT;
    for (const name of names) answers.set(name, 'unreachable');
    let open = names.length;
    const asking = function* (agent: PatroniAgent, name: string): Process {
      const peer = agent.peers.get(name);
      if (peer) {
        const request = { type: 'patroni' } as const;
        const reply = yield* call(agent.network, agent.host, peer.api, request, deadline);
        if (reply.outcome === 'answered') answers.set(name, reply.answer);
      }
      open--;
      done.fire();
    };
    for (const name of names) this.host.spawn(asking(this, name), this.group);
    while (open > 0) yield done.wait();
    return answers;
  }

  private *carryOut(outcome: Outcome) {
    if (outcome.kind === 'lead') {
      if (!outcome.failsafe && this.view) {
        yield* this.writeHistory(this.view);
        yield* this.synchronizer.run(this.view);
      }
    } else yield* this.actions.carryOut(outcome, this.view);
  }

  /** After a promotion the leader tells where each timeline was left. */
  private *writeHistory(view: ClusterView) {
    const { branch } = this.instance.server.wal;
    if (this.instance.server.state !== 'primary') return;
    if (clusterTimeline(view) === branch.timeline) return;
    const lines = [];
    for (let b = branch; b.parent; b = b.parent) {
      lines.unshift({ timeline: b.parent.timeline, switchpoint: b.forkLsn });
    }
    yield* this.dcs.put(HISTORY, JSON.stringify(lines), { retrying: false });
  }

  /** touch_member: the member key with what others need to know, written when it changed. */
  private *publish() {
    if (!(yield* this.dcs.refreshLease())) return;
    const value = JSON.stringify(this.memberData());
    const mine = this.view?.members.get(this.name);
    const current = mine && mine.session === String(this.dcs.lease);
    if (current && value === this.published) return;
    const put = yield* this.dcs.put(MEMBERS + this.name, value, { lease: true, retrying: false });
    if (put === true) this.published = value;
  }

  memberData(): MemberData {
    const postgres = viewOf(this.instance, this.ranHere);
    const lsn = isPrimary(postgres)
      ? postgres.currentLsn
      : Math.max(postgres.receivedLsn, postgres.replayedLsn);
    return {
      state: postgres.state,
      role: postgres.role,
      lsn: postgres.state === 'running' ? lsn : null,
      timeline: postgres.timeline,
      tags: this.options.tags,
      apiHost: this.name,
      checkpointAfterPromote: this.instance.checkpointedSincePromotion,
    };
  }

  private answer(): MemberAnswer {
    const postgres = viewOf(this.instance, this.ranHere);
    const running = postgres.state === 'running';
    const standby = postgres.role !== 'primary';
    return {
      inRecovery: standby || !running,
      lsn: running && standby ? Math.max(postgres.receivedLsn, postgres.replayedLsn) : 0,
      timeline: postgres.timeline,
      tags: this.options.tags,
    };
  }

  private restNode(): RestNode {
    const postgres = viewOf(this.instance, this.ranHere);
    const { view, settings } = this;
    return {
      name: this.name,
      now: this.network.sim.now,
      ttl: settings.ttl,
      lastRenewal: this.lastRenewal,
      nextRun: this.nextRun,
      postgres: {
        state: postgres.state,
        inRecovery: this.instance.server.inRecovery,
        receivedLsn: postgres.receivedLsn,
        replayedLsn: postgres.replayedLsn,
        latestEndLsn: postgres.receivedLsn,
        replicationState: postgres.replicationState,
      },
      noloadbalance: this.options.tags.noloadbalance ?? false,
      synchronousMode: settings.synchronous_mode,
      cluster: view && { optime: view.status.optime, sync: view.sync },
      failsafeActive: false,
      maximumLagOnFailover: settings.maximum_lag_on_failover,
    };
  }

  /** Tells what is decided, unless it is what was decided last time. */
  private say(decision: Decision): void {
    const routine = decision.kind === 'renew' || decision.kind === 'lead';
    if (routine || decision.message === this.lastMessage) return;
    this.lastMessage = decision.message;
    this.network.sim.trace.note('patroni', `${this.name}: ${decision.message}`);
  }
}
