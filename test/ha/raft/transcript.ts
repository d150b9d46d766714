import { EtcdCluster, type Response } from '../../../src/ha/etcd/index.ts';
import { type Message, type NodeId, RaftCluster, type Ready } from '../../../src/ha/raft/index.ts';
import { MILLISECOND, type Nanoseconds, SECOND } from '../../../src/kernel/index.ts';

/**
 * Plays transcripts: a paragraph, then commands after `> `, and below each what it led to, with
 * times in seconds. Times and timeouts are plain: every message takes 1 ms, every fsync 2 ms.
 */
export function play(text: string): string {
  const lines = text.trimEnd().split('\n');
  const firstCommand = lines.findIndex((line) => line.startsWith('> '));
  const output = lines.slice(0, firstCommand);
  const player = new Player();
  for (const line of lines.slice(firstCommand)) {
    if (line.startsWith('#') || line === '') output.push(line);
    if (!line.startsWith('> ')) continue;
    output.push(line, ...player.execute(line.slice(2)).map((said) => `  ${said}`));
  }
  return `${output.join('\n')}\n`;
}

const DELAY = MILLISECOND;
const FSYNC = 2 * MILLISECOND;

class Player {
  private raft: RaftCluster<string> | null = null;
  private etcd: EtcdCluster | null = null;
  private said: string[] = [];

  execute(command: string): string[] {
    this.said = [];
    const words = command.split(' ');
    const [verb, ...rest] = words;
    if (verb === 'raft') this.openRaft(rest);
    else if (verb === 'etcd') this.openEtcd(rest);
    else if (this.raft) this.commandRaft(this.raft, verb!, rest);
    else this.commandEtcd(this.etcd!, verb!, rest);
    return this.said;
  }

  private say(text: string): void {
    const sim = (this.raft ?? this.etcd)!.sim;
    this.said.push(`${seconds(sim.now)} ${text}`);
  }

  /** raft nodes=3 timeouts=10,12,14 pre-vote=on check-quorum=on: timeouts in ticks, by node. */
  private openRaft(words: readonly string[]): void {
    const options = optionsOf(words);
    const timeouts = options.get('timeouts')!.split(',').map(Number);
    this.raft = new RaftCluster<string>(
      {
        seed: 1,
        nodes: Number(options.get('nodes')),
        preVote: options.get('pre-vote') !== 'off',
        checkQuorum: options.get('check-quorum') !== 'off',
        phase: () => 100 * MILLISECOND,
        delay: () => DELAY,
        fsync: () => FSYNC,
        draw: (node) => timeouts[node - 1]!,
      },
      {
        sent: (message, arrival) => this.sayMessage(message, arrival),
        ready: (node, ready) => this.sayReady(node, ready),
        dropped: (node, data) => this.say(`${node} drops proposal ${data}: no leader`),
      },
    );
  }

  private sayMessage(message: Message<string>, arrival: Nanoseconds | null): void {
    const { type, from, to, term } = message;
    const lost = arrival === null ? ', lost' : '';
    if (type === 'vote' || type === 'pre-vote') {
      this.say(`${from} asks ${to} for a ${type} in term ${term}${lost}`);
    } else if (type === 'vote-reply' || type === 'pre-vote-reply') {
      const verb = message.reject ? 'refuses' : 'grants';
      this.say(`${from} ${verb} ${to} a ${type.replace('-reply', '')} in term ${term}${lost}`);
    } else if (type === 'append' && message.entries.length > 0) {
      const { previousIndex, previousTerm, entries } = message;
      const shown = entries.map((e) => `${e.term}:${e.data ?? '-'}`).join(' ');
      const after = `after ${previousIndex} (term ${previousTerm})`;
      this.say(`${from} appends at ${to} ${after}: ${shown}${lost}`);
    } else if (type === 'append-reply' && message.reject) {
      this.say(`${from} refuses what ${to} appends, hint ${message.hintIndex}${lost}`);
    }
  }

  private sayReady(node: NodeId, ready: Ready<string>): void {
    const { view } = this.raft!.node(node).host.raft;
    if (ready.softState) {
      const { role, leader } = ready.softState;
      const of = role === 'follower' && leader !== 0 ? ` of ${leader}` : '';
      this.say(`${node} is ${role}${of} in term ${view.term}`);
    }
    if (ready.committed.length > 0) {
      const shown = ready.committed.map((e) => `${e.index}:${e.data ?? '-'}`).join(' ');
      this.say(`${node} commits ${shown}`);
    }
    for (const { context, index } of ready.readStates) {
      this.say(`${node} may serve read ${context} at ${index}`);
    }
  }

  private commandRaft(raft: RaftCluster<string>, verb: string, rest: readonly string[]): void {
    const node = Number(rest[0]);
    if (verb === 'run') raft.run(instant(rest[0]!));
    else if (verb === 'propose') raft.propose(node, rest[1]!);
    else if (verb === 'read') raft.readIndex(node, Number(rest[1]));
    else if (verb === 'isolate') raft.isolate(node);
    else if (verb === 'heal') raft.heal();
    else if (verb === 'crash') raft.crash(node);
    else if (verb === 'restart') raft.restart(node);
    else if (verb === 'logs') {
      for (const { host } of raft.nodes) {
        const { log, id } = host.raft.view;
        const shown = log.from(1).map((e) => `${e.term}:${e.data ?? '-'}`);
        this.said.push(`${id}: ${shown.join(' ')} | committed ${log.committed}`);
      }
    } else throw new Error(`no command ${verb}`);
  }

  /** etcd members=3 seed=1 version=3.5.16 */
  private openEtcd(words: readonly string[]): void {
    const options = optionsOf(words);
    this.etcd = new EtcdCluster({
      seed: options.get('seed')!,
      members: Number(options.get('members')),
      flags: { version: options.get('version')! },
      delay: () => DELAY,
      fsync: () => FSYNC,
    });
  }

  private commandEtcd(etcd: EtcdCluster, verb: string, rest: readonly string[]): void {
    const member = rest[0] === 'leader' ? etcd.leader : Number(rest[0]);
    if (verb === 'run') this.runEtcd(etcd, instant(rest[0]!));
    else if (verb === 'crash') etcd.member(member).crash();
    else if (verb === 'restart') etcd.member(member).start();
    else if (verb === 'isolate') etcd.isolate(member);
    else if (verb === 'heal') etcd.heal();
    else if (verb === 'grant') {
      const [, id, ttl] = rest.map(Number);
      etcd.ask(member, { type: 'lease-grant', id: id!, ttlSeconds: ttl! });
    } else if (verb === 'put') {
      const [, key, value, lease] = rest;
      etcd.ask(member, { type: 'put', key: key!, value: value!, lease: Number(lease ?? 0) });
    } else if (verb === 'keepalive') {
      this.pending.push(etcd.ask(member, { type: 'lease-keepalive', id: Number(rest[1]) }));
    } else if (verb === 'watch') this.watches.push(etcd.ask(member, watchOf(rest[1]!)));
    else if (verb === 'leases') this.sayLeases(etcd, Number(rest[0]));
    else throw new Error(`no command ${verb}`);
  }

  private pending: ReturnType<EtcdCluster['ask']>[] = [];
  private watches: ReturnType<EtcdCluster['ask']>[] = [];
  private shown: string[] = [];

  /** Runs in small steps, so that what happens is said soon after. */
  private runEtcd(etcd: EtcdCluster, until: Nanoseconds): void {
    while (etcd.sim.now < until) {
      etcd.run(Math.min(until, etcd.sim.now + MILLISECOND));
      for (const member of etcd.members) this.sayMember(member.id, describe(etcd, member.id));
      for (const answer of this.pending) {
        if (answer.response) this.say(`keepalive at ${answer.member}: ${shown(answer.response)}`);
      }
      this.pending = this.pending.filter((answer) => answer.response === null);
      for (const { member, all } of this.watches) {
        for (const response of all.splice(0)) this.say(`watch at ${member}: ${shown(response)}`);
      }
    }
  }

  private sayMember(id: NodeId, description: string): void {
    if (this.shown[id] !== description) this.say(`${id} ${description}`);
    this.shown[id] = description;
  }

  private sayLeases(etcd: EtcdCluster, id: number): void {
    for (const member of etcd.members) {
      if (!member.isUp) continue;
      const expiry = member.server.lessor.expiryOf(id);
      const text = expiry === undefined ? 'unknown' : `expires ${seconds(expiry)}`;
      this.said.push(`${member.id}: ${text}`);
    }
  }
}

function describe(etcd: EtcdCluster, id: NodeId): string {
  const member = etcd.member(id);
  if (!member.isUp) return 'is down';
  if (member.leader === id) return `leads in term ${member.term}`;
  return member.leader === 0 ? 'knows no leader' : `follows ${member.leader}`;
}

function shown(response: Response): string {
  if (response.type === 'error') return response.error;
  if (response.type === 'lease-keepalive') return `time to live ${response.ttlSeconds} s`;
  if (response.type !== 'watch-events') return response.type;
  return response.events
    .map(({ type, keyValue }) => `${type} ${keyValue.key} at revision ${keyValue.modRevision}`)
    .join(', ');
}

function watchOf(prefix: string) {
  return { type: 'watch', key: prefix, prefix: true } as const;
}

function optionsOf(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => word.split('=') as [string, string]));
}

function instant(word: string): Nanoseconds {
  return Math.round(Number(word.replace('s', '')) * SECOND);
}

function seconds(at: Nanoseconds): string {
  return Number.isFinite(at) ? (at / SECOND).toFixed(3) : 'never';
}
