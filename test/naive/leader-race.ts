import type { SyncState } from '../../src/ha/patroni/cluster.ts';
import type { Answers } from '../../src/ha/patroni/decision.ts';

/**
 * The second step of the leader race, as set operations over whole lists: written from the rules
 * of mechanisms 10.3, not from the code that it is held against.
 */
export function naiveHealthiest(
  me: string,
  lsn: number,
  priority: number,
  mode: 'off' | 'on' | 'quorum',
  sync: SyncState,
  answers: Answers,
  lastLeader: string | null,
): boolean {
  const active = mode !== 'off' && sync.leader !== null;
  const quorum = mode === 'quorum' && active;
  const voters = quorum ? [sync.leader!, ...sync.standbys] : [];
  const rivals = [...answers].flatMap(([name, answer]) => {
    if (answer === 'unreachable' || answer.watchdogFailed) return [];
    if (answer.tags.nofailover) return [];
    return [{ name, ...answer, priority: answer.tags.failover_priority ?? 1 }];
  });
  const former = active ? sync.leader : lastLeader;
  const primaries = rivals.filter((rival) => !rival.inRecovery);
  const standbys = rivals.filter((rival) => rival.inRecovery);
  const ahead = standbys.filter((rival) => rival.lsn > lsn);
  const blocking = ahead.filter((rival) => !(active && rival.name === sync.leader));
  const preferred = standbys.filter(
    (rival) => rival.lsn === lsn && rival.priority > priority && rival.name !== former,
  );
  const heard = preferred.filter((rival) => !quorum || voters.includes(rival.name));
  if (primaries.length + blocking.length + heard.length > 0) return false;
  if (!quorum) return true;
  const votes = standbys.filter(
    (rival) => voters.includes(rival.name) && rival.lsn > 0 && rival.lsn <= lsn,
  );
  const enough = votes.length >= sync.quorum + (voters.includes(me) ? 0 : 1);
  return enough || (ahead.length === 0 && sync.leader === me);
}
