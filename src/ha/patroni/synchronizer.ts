/** Keeps synchronous_standby_names and `/sync` in step, once a cycle of the leader. */

import { priorityOf, type StandbyNames } from '../../replication/standby-names.ts';
import type { WalSender } from '../../replication/walsender.ts';
import type { PatroniAgent } from './agent.ts';
import type { ClusterView, SyncState } from './cluster.ts';
import { SYNC } from './keys.ts';
import {
  NO_SYNC_MEMORY,
  RELOAD_WAIT,
  rememberNames,
  type SyncInput,
  type SyncMemory,
  type SyncStep,
  synchronousPlan,
  type Walsender,
} from './synchronous.ts';

export class Synchronizer {
  private readonly agent: PatroniAgent;
  private memory: SyncMemory = NO_SYNC_MEMORY;
  private readonly configuredNames: string;

  constructor(agent: PatroniAgent) {
    this.agent = agent;
    this.configuredNames = agent.instance.server.settings.synchronous_standby_names;
  }

  *run(view: ClusterView): Generator<undefined, void, undefined> {
    const { instance, network, settings } = this.agent;
    if (instance.server.state !== 'primary') return;
    const deadline = network.sim.now + settings.loop_wait;
    let { sync } = view;
    for (let waited = false; ; waited = true) {
      const plan = synchronousPlan(this.input(view, sync, waited));
      this.memory = plan.memory;
      let wait = 0;
      for (const step of plan.steps) {
        if (step.kind === 'wait') wait = step.duration;
        else {
          const next = yield* this.take(step, sync);
          if (!next) return;
          sync = next;
        }
      }
      if (wait === 0 || network.sim.now + wait > deadline) return;
      yield network.sim.hold(wait);
    }
  }

  private *take(step: Exclude<SyncStep, { kind: 'wait' }>, sync: SyncState) {
    const { instance, network, name, dcs } = this.agent;
    network.sim.trace.note('patroni', `${name}: ${describe(step)}: ${step.message}`);
    if (step.kind === 'write sync') {
      const unchangedSince = dcs.cache.get(SYNC)?.modRevision ?? 0;
      const written = yield* dcs.put(SYNC, JSON.stringify(step.sync), { unchangedSince });
      return written === true ? step.sync : null;
    }
    instance.syncRep.configure(step.standbyNames);
    yield network.sim.hold(RELOAD_WAIT);
    const { flushed } = instance.server.wal;
    this.memory = rememberNames(this.memory, step.standbyNames, flushed.value);
    return sync;
  }

  private input(view: ClusterView, sync: SyncState, waited: boolean): SyncInput {
    const { instance, name, settings } = this.agent;
    return {
      me: name,
      settings,
      sync,
      members: view.members,
      standbyNames: instance.syncRep.setting,
      configuredNames: this.configuredNames,
      walsenders: this.walsenders(),
      currentLsn: instance.server.wal.flushed.value,
      memory: this.memory,
      waited,
    };
  }

  private walsenders(): Walsender[] {
    const { senders, syncRep, server } = this.agent.instance;
    const level = server.settings.synchronous_commit;
    return senders.map((sender) => ({
      applicationName: sender.applicationName,
      syncState: syncState(sender, senders, syncRep.names),
      lsn: sender.streaming ? positionOf(sender, level) : null,
    }));
  }
}

function positionOf(sender: WalSender, level: string): number {
  if (level === 'remote_write') return sender.write;
  return level === 'remote_apply' ? sender.apply : sender.flush;
}

/** pg_stat_replication.sync_state (walsender.c:pg_stat_get_wal_senders). */
function syncState(
  sender: WalSender,
  all: readonly WalSender[],
  names: StandbyNames | null,
): Walsender['syncState'] {
  const priority = names ? priorityOf(names, sender.applicationName) : 0;
  if (!names || priority === 0) return 'async';
  if (names.method === 'any') return 'quorum';
  const better = all.filter((other) => {
    const theirs = priorityOf(names, other.applicationName);
    return other.streaming && theirs > 0 && theirs < priority;
  });
  return better.length < names.count ? 'sync' : 'potential';
}

function describe(step: Exclude<SyncStep, { kind: 'wait' }>): string {
  if (step.kind === 'set names') return `synchronous_standby_names = '${step.standbyNames}'`;
  return `/sync = ${step.sync.standbys.join(', ') || 'nobody'}`;
}
