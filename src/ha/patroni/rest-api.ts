/** An agent's REST API: what other agents and load balancers are told. */
import { once, type Service } from '../../hardware/service.ts';
import type { PatroniAgent } from './agent.ts';
import type { MemberAnswer } from './decision.ts';
import { viewOf } from './postgres-view.ts';
import { type RestNode, type RestPath, restStatus } from './rest.ts';

export type ApiRequest = { readonly type: 'patroni' };

export class RestApi {
  /** GET of the paths that load balancers use. */
  readonly status: Service<RestPath, 200 | 503>;
  /** GET /patroni, by other agents. */
  readonly patroni: Service<ApiRequest, MemberAnswer>;
  private readonly agent: PatroniAgent;

  constructor(agent: PatroniAgent) {
    this.agent = agent;
    this.status = this.service((path: RestPath) => restStatus(path, this.restNode()));
    this.patroni = this.service(() => this.answer());
  }

  private service<Q, A>(handle: (request: Q) => A): Service<Q, A> {
    const { agent } = this;
    return {
      host: agent.host,
      group: agent.group,
      get listening() {
        return agent.alive;
      },
      handle: (request, respond) => whenPostgresAnswers(agent, () => respond(handle(request))),
    };
  }

  private answer(): MemberAnswer {
    const postgres = viewOf(this.agent.instance, this.agent.ranHere);
    const running = postgres.state === 'running';
    const standby = postgres.role !== 'primary';
    return {
      inRecovery: standby || !running,
      lsn: running && standby ? Math.max(postgres.receivedLsn, postgres.replayedLsn) : 0,
      timeline: postgres.timeline,
      tags: this.agent.options.tags,
    };
  }

  private restNode(): RestNode {
    const postgres = viewOf(this.agent.instance, this.agent.ranHere);
    const { view, settings, instance } = this.agent;
    return {
      name: this.agent.name,
      now: this.agent.network.sim.now,
      ttl: settings.ttl,
      lastRenewal: this.agent.lastRenewal,
      nextRun: this.agent.nextRun,
      postgres: {
        state: postgres.state,
        inRecovery: instance.server.inRecovery,
        receivedLsn: postgres.receivedLsn,
        replayedLsn: postgres.replayedLsn,
        latestEndLsn: postgres.receivedLsn,
        replicationState: postgres.replicationState,
      },
      noloadbalance: this.agent.options.tags.noloadbalance ?? false,
      synchronousMode: settings.synchronous_mode,
      cluster: view && { optime: view.status.optime, sync: view.sync },
      failsafeActive: false,
      maximumLagOnFailover: settings.maximum_lag_on_failover,
    };
  }
}

/** Every answer begins with a query, which a stopped Postgres answers when it goes on. */
function whenPostgresAnswers({ host, instance }: PatroniAgent, act: () => void): void {
  const { server } = instance;
  if (server.isRunning && server.group.frozen) host.spawn(once(act), server.group);
  else act();
}
