/** etcd: raft, a key-value store with revisions and watches, leases, and a member as a process. */
export * from './api.ts';
export { type EtcdConfig, type EtcdFlags, etcdConfig, type LeadershipCheck } from './config.ts';
export { type Answer, EtcdCluster, type EtcdClusterOptions } from './driver.ts';
export { type EtcdDisk, EtcdMember, type MemberPorts, type PeerMessage } from './member.ts';
export { EtcdServer, type ServerPorts } from './server.ts';
