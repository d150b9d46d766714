/** What an agent tells the others through the store: its member key, and the timelines' history. */
import type { PatroniAgent } from './agent.ts';
import { type ClusterView, clusterTimeline } from './cluster.ts';
import { isPrimary } from './decision.ts';
import { HISTORY, MEMBERS, type MemberData } from './keys.ts';
import { historyOf, viewOf } from './postgres-view.ts';

export class Publication {
  private readonly agent: PatroniAgent;
  private published = '';

  constructor(agent: PatroniAgent) {
    this.agent = agent;
  }

  /** After a promotion the leader tells where each timeline was left. */
  *writeHistory(view: ClusterView) {
    const { branch } = this.agent.instance.server.wal;
    if (this.agent.instance.server.state !== 'primary') return;
    if (clusterTimeline(view) === branch.timeline) return;
    yield* this.agent.dcs.put(HISTORY, JSON.stringify(historyOf(branch)), { retrying: false });
  }

  /** touch_member: the member key with what others need to know, written when it changed. */
  *publish() {
    if (!(yield* this.agent.dcs.refreshLease())) return;
    const value = JSON.stringify(this.memberData());
    const mine = this.agent.view?.members.get(this.agent.name);
    const current = mine && mine.session === String(this.agent.dcs.lease);
    if (current && value === this.published) return;
    const put = yield* this.agent.dcs.put(MEMBERS + this.agent.name, value, {
      lease: true,
      retrying: false,
    });
    if (put === true) this.published = value;
  }

  private memberData(): MemberData {
    const postgres = viewOf(this.agent.instance, this.agent.ranHere);
    const lsn = isPrimary(postgres)
      ? postgres.currentLsn
      : Math.max(postgres.receivedLsn, postgres.replayedLsn);
    return {
      state: postgres.state,
      role: postgres.role,
      lsn: postgres.state === 'running' ? lsn : null,
      timeline: postgres.timeline,
      tags: this.agent.options.tags,
      apiHost: this.agent.name,
      checkpointAfterPromote: this.agent.instance.checkpointedSincePromotion,
    };
  }
}
