/**
 * The steps of an agent's cycle: what the decision asks for before it can be made. Each returns
 * the progress with what it brought; without an answer from the store the view is gone.
 */
import { call } from '../../hardware/service.ts';
import { type Process, SECOND, Signal } from '../../kernel/index.ts';
import type { PatroniAgent } from './agent.ts';
import type { Answers, CycleProgress, MemberAnswer, Step } from './decision.ts';
import { FAILOVER, LEADER, STATUS } from './keys.ts';

/** The revision of a key that does not exist. */
const NEVER_WRITTEN = 0;
/** Answers of other members' REST APIs are waited for so long (ha.py:fetch_node_status). */
const API_TIMEOUT = 2 * SECOND;

export class Steps {
  private readonly agent: PatroniAgent;
  private publishedStatus = '';

  constructor(agent: PatroniAgent) {
    this.agent = agent;
  }

  *take(step: Step, progress: CycleProgress): Generator<undefined, CycleProgress, undefined> {
    switch (step.kind) {
      case 'renew': {
        const renewal = yield* this.renew(step.publish);
        if (renewal === 'failed') this.agent.view = null;
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
        yield this.agent.network.sim.hold(step.after);
        this.agent.view = yield* this.agent.dcs.cluster();
        return { ...progress, race: 'abstained' };
      case 'clear failover':
        yield* this.agent.dcs.delete(FAILOVER);
        this.agent.view = this.agent.view && { ...this.agent.view, failover: null };
        return progress;
    }
  }

  /** etcd3.py:_update_leader, then optime into /status where it changed. */
  private *renew(publish: boolean) {
    const { sim } = this.agent.network;
    if (!(yield* this.agent.dcs.refreshLease(true))) return 'failed' as const;
    if (this.agent.view?.leader?.session !== String(this.agent.dcs.lease)) {
      const kept = yield* this.takeOverKey();
      if (kept === 'failed') return 'failed' as const;
      if (!kept) return 'refused' as const;
    }
    this.agent.lastRenewal = sim.now;
    this.agent.events.renewed.emit(this.agent.options.index);
    if (publish && this.agent.instance.server.state === 'primary') {
      const status = JSON.stringify({ optime: this.agent.instance.server.wal.flushed.value });
      if (status !== this.publishedStatus) {
        const put = yield* this.agent.dcs.put(STATUS, status, { retrying: false });
        if (put === true) this.publishedStatus = status;
      }
    }
    return 'renewed' as const;
  }

  /** The lease is a new one: the key is moved to it while it still has my name, or made anew. */
  private *takeOverKey() {
    const key = LEADER;
    const put = { type: 'put', key, value: this.agent.name, lease: this.agent.dcs.lease! } as const;
    const create = {
      type: 'txn',
      compare: [{ key, target: 'create', result: '=', operand: 0 }],
      success: [put],
      failure: [],
    } as const;
    const compare = [{ key, target: 'value', result: '=', operand: this.agent.name }] as const;
    const txn = { type: 'txn', compare, success: [put], failure: [create] } as const;
    const answer = yield* this.agent.dcs.request(txn);
    if (answer === 'failed') return 'failed' as const;
    if (answer.type !== 'txn') return false;
    const nested = answer.responses[0];
    return answer.succeeded || (nested?.type === 'txn' && nested.succeeded);
  }

  private *acquire() {
    const { sim } = this.agent.network;
    if (!(yield* this.agent.dcs.refreshLease())) {
      this.agent.view = null;
      return null;
    }
    const options = { lease: true, unchangedSince: NEVER_WRITTEN };
    let created = yield* this.agent.dcs.put(LEADER, this.agent.name, options);
    if (
      created === false &&
      this.agent.dcs.lease === null &&
      (yield* this.agent.dcs.refreshLease())
    ) {
      created = yield* this.agent.dcs.put(LEADER, this.agent.name, options);
    }
    if (created === 'failed') {
      this.agent.view = null;
      return null;
    }
    if (created) this.agent.lastRenewal = sim.now;
    this.agent.view = yield* this.agent.dcs.cluster();
    return created ? ('won' as const) : ('lost' as const);
  }

  /** GET /patroni of several members at once. */
  private *ask(names: readonly string[]): Generator<undefined, Answers, undefined> {
    const { sim } = this.agent.network;
    const answers = new Map<string, MemberAnswer>();
    const done = new Signal(sim);
    const deadline = sim.now + API_TIMEOUT;
    for (const name of names) answers.set(name, 'unreachable');
    let open = names.length;
    const asking = function* (agent: PatroniAgent, name: string): Process {
      const peer = agent.peers.get(name);
      if (peer) {
        const request = { type: 'patroni' } as const;
        const reply = yield* call(agent.network, agent.host, peer.api.patroni, request, deadline);
        if (reply.outcome === 'answered') answers.set(name, reply.answer);
      }
      open--;
      done.fire();
    };
    for (const name of names) this.agent.host.spawn(asking(this.agent, name), this.agent.group);
    while (open > 0) yield done.wait();
    return answers;
  }
}
