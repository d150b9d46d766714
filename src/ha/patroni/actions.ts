/**
 * What an agent does to its Postgres, and what of it blocks the loop: a demotion without an action
 * beside the loop blocks it until Postgres has stopped; promotions, rewinds and crash recovery run
 * beside it (ha.py: the executor).
 */
import { MILLISECOND, type Process, SECOND } from '../../kernel/index.ts';
import type { Instance } from '../../replication/instance.ts';
import type { PatroniAgent } from './agent.ts';
import type { ClusterView } from './cluster.ts';
import type { AsyncAction, BeforePromotion, DemoteMode, Outcome } from './decision.ts';
import { DEMOTIONS } from './demotion.ts';
import { LEADER, SYNC } from './keys.ts';

const POLL = 100 * MILLISECOND;

export class Actions {
  private readonly agent: PatroniAgent;

  constructor(agent: PatroniAgent) {
    this.agent = agent;
  }

  *carryOut(
    outcome: Exclude<Outcome, { kind: 'lead' }>,
    view: ClusterView | null,
  ): Generator<undefined, void, undefined> {
    const { instance } = this.agent;
    switch (outcome.kind) {
      case 'promote':
        return yield* this.promote(outcome.before);
      case 'demote':
        return yield* this.demote(outcome.mode);
      case 'follow':
        return instance.follow(this.instanceOf(outcome.leader));
      case 'start':
        return this.start(outcome.role, outcome.leader);
      case 'crash recovery':
        return this.beside('crash recovery', this.recoverFromCrash());
      case 'rewind':
        return this.beside('pg_rewind', this.rewind(outcome.leader));
      case 'reinitialize':
        return this.beside('reinitialize', this.reinitialize(outcome.leader));
      case 'release':
        yield* this.release();
        return;
      case 'cancel promotion':
      case 'nothing':
        return this.keepNames(view);
    }
  }

  private instanceOf(name: string | null): Instance | null {
    return name === null ? null : (this.agent.peers.get(name)?.instance ?? null);
  }

  /** Runs an action beside the loop; the loop knows that it runs. */
  private beside(action: AsyncAction, body: Generator<undefined, void, undefined>): void {
    const { agent } = this;
    agent.asyncAction = action;
    agent.asyncSince = agent.network.sim.now;
    const process = function* (): Process {
      yield* body;
      if (agent.asyncAction === action) agent.asyncAction = null;
    };
    agent.host.spawn(process(), agent.group);
  }

  private *promote(before: BeforePromotion | null) {
    const { agent } = this;
    if (before) {
      if (before.writeSync) {
        const written = yield* agent.dcs.put(SYNC, JSON.stringify(before.writeSync));
        if (written !== true) return;
      }
      agent.instance.syncRep.configure(before.synchronousStandbyNames);
    }
    agent.events.promoting.emit(agent.options.index);
    this.beside('promote', this.untilPromoted());
  }

  private *untilPromoted() {
    const { instance } = this.agent;
    instance.promote();
    while (instance.promoting) yield instance.changed.wait();
    if (instance.server.state === 'primary') instance.server.checkpointer.request();
  }

  private *demote(mode: DemoteMode) {
    const { agent } = this;
    const { instance, network } = agent;
    const demotion = DEMOTIONS[mode];
    agent.events.demoting.emit(agent.options.index);
    agent.lastRenewal = null;
    if (demotion.checkpoint && instance.server.state === 'primary') {
      instance.server.checkpointer.request();
    }
    if (demotion.stop === 'immediate') instance.server.crash();
    else instance.stop();
    while (instance.server.isRunning) yield instance.changed.wait();
    yield network.sim.hold(demotion.waitForStandbys);
    if (demotion.release) yield* this.release();
    yield network.sim.hold(demotion.waitAfterRelease);
    instance.syncRep.configure('');
    const view = demotion.offline ? null : yield* agent.dcs.cluster();
    const leader = view?.leader?.name ?? null;
    const upstream = leader === agent.name ? null : this.instanceOf(leader);
    if (upstream && agent.settings.use_pg_rewind && instance.divergedFrom(upstream)) return;
    instance.start('standby', upstream);
  }

  private start(role: 'primary' | 'replica', leader: string | null): void {
    const { instance } = this.agent;
    if (role === 'replica') instance.syncRep.configure('');
    instance.start(role === 'primary' ? 'primary' : 'standby', this.instanceOf(leader));
  }

  private *release() {
    const { agent } = this;
    agent.lastRenewal = null;
    yield* agent.dcs.delete(LEADER, agent.name);
  }

  /** Single-user mode: redo, a checkpoint, and a clean stop. */
  private *recoverFromCrash() {
    const { agent } = this;
    const { server } = agent.instance;
    yield* server.redo();
    server.checkpointer.follow(server.wal.insertLsn);
    server.enter('shut down');
    agent.crashRecoveryDone = true;
  }

  private *rewind(leader: string) {
    const { agent } = this;
    const { instance } = agent;
    const source = this.instanceOf(leader);
    if (!source) return;
    yield* this.stopped();
    if (source.server.state !== 'primary') {
      agent.rewindFailed = true;
      return;
    }
    yield* instance.rewind(source);
    instance.start('standby', source);
  }

  private *reinitialize(leader: string | null) {
    const source = this.instanceOf(leader);
    if (source?.server.state !== 'primary') return;
    yield* this.stopped();
    yield* this.agent.instance.copyFrom(source);
    this.agent.rewindFailed = false;
    this.agent.instance.start('standby', source);
  }

  private *stopped() {
    const { instance, network } = this.agent;
    instance.stop();
    while (instance.server.isRunning) yield instance.changed.wait(network.sim.now + POLL);
    yield network.sim.hold(SECOND / 10);
  }

  /** A standby waits for nobody: names are the primary's. */
  private keepNames(view: ClusterView | null): void {
    const { instance, settings } = this.agent;
    if (settings.synchronous_mode === 'off' || !view || !instance.server.inRecovery) return;
    if (instance.syncRep.setting !== '') instance.syncRep.configure('');
  }
}
