/**
 * What the store holds when a run begins on a cluster in service: each agent's lease and member
 * key, the leader key, and the status, as a raft log that all members have on disk and committed.
 */
import type { Command, KeyValue, LeaseId, Operation } from '../etcd/index.ts';
import type { Entry, Persisted } from '../raft/index.ts';
import type { SyncState } from './cluster.ts';
import { HISTORY, INITIALIZE, LEADER, MEMBERS, type MemberData, STATUS, SYNC } from './keys.ts';

export interface InitialMember {
  readonly name: string;
  readonly lease: LeaseId;
  readonly data: MemberData;
}

export interface InitialState {
  readonly log: Persisted<Command>;
  readonly keys: readonly KeyValue[];
  readonly revision: number;
}

const TERM = 1;

export function initialState(
  members: readonly InitialMember[],
  leader: InitialMember,
  optime: number,
  ttlSeconds: number,
  sync: SyncState | null,
): InitialState {
  const puts: { key: string; value: string; lease: LeaseId }[] = [
    { key: INITIALIZE, value: '1', lease: 0 },
    ...members.map(({ name, lease, data }) => ({
      key: MEMBERS + name,
      value: JSON.stringify(data),
      lease,
    })),
    { key: HISTORY, value: '[]', lease: 0 },
    { key: STATUS, value: JSON.stringify({ optime }), lease: 0 },
    ...(sync ? [{ key: SYNC, value: JSON.stringify(sync), lease: 0 }] : []),
    { key: LEADER, value: leader.name, lease: leader.lease },
  ];
  const requests: Command['request'][] = [
    ...members.map(({ lease }) => ({ type: 'lease-grant', ttlSeconds, id: lease }) as const),
    ...puts.map((put): Operation => ({ type: 'put', ...put })),
  ];
  const entries = requests.map(
    (request, i): Entry<Command> => ({
      index: i + 1,
      term: TERM,
      data: { member: 0, incarnation: 0, sequence: i + 1, request },
    }),
  );
  const hardState = { term: TERM, vote: 0, commit: entries.length };
  const keys = puts.map((put, i) => ({
    ...put,
    createRevision: i + 2, // an empty store has revision 1
    modRevision: i + 2,
    version: 1,
  }));
  return { log: { hardState, entries }, keys, revision: puts.length + 1 };
}
