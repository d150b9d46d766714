/**
 * How long a failover takes when the primary's host is lost, phase by phase, against the laws that
 * its parts follow (Patroni's loop and ttl, etcd's lease and election), apart for a host that held
 * etcd's leader and one that did not: a new etcd leader begins every lease anew.
 */
import { Random, toSeconds } from '../../src/kernel/index.ts';
import { type Failover, Failovers, PHASES, type Phase } from '../../src/measure/failovers.ts';
import { estimate, wilsonInterval } from '../../src/measure/statistics.ts';
import { digits, type Figure } from './figure.ts';
import { kolmogorov } from './kolmogorov.ts';
import { play, scenarioOf } from './world.ts';

const TTL = 30;
const LOOP_WAIT = 10;
/** etcd: heartbeat and tick of 100 ms, election after 10 to 19 ticks, lessor twice a second. */
const TICK = 0.1;
const ELECTION_TICKS = 10;
const SCAN = 0.5;
const ONE_WAY = 0.0005;
/** A connection attempt at the lost host costs its time-out, with the time until the next one. */
const RECONNECT = 2.3;
const DRAWS = 20_000;

const SCENARIO = `
duration: 80s
network:
  zones: {a: us-east-1, b: us-east-1, c: us-east-1}
  rtt: {same-zone: 0.2ms, same-region: 1ms}
servers:
  pg1: {zone: a}
  pg2: {zone: b, standby_of: pg1}
  pg3: {zone: c, standby_of: pg1}
patroni: {ttl: ${TTL}, loop_wait: ${LOOP_WAIT}, retry_timeout: 10}
etcd: {members: [a, b, c]}           # on the hosts of pg1, pg2 and pg3
workload:
  transactions: {write: {builtin: simple-update}}
  clients:
    app:
      {zone: b, count: 2, rate: 5/s, run: write, reconnect: 100ms,
       connect: {hosts: all, target_session_attrs: read-write, connect_timeout: 2s,
                 tcp_user_timeout: 5s}}
faults:
  - {at: {min: 20s, max: 30s}, power_off: pg1}
`;

/** One lost host, in seconds. */
export interface LostHost {
  readonly heldEtcdLeader: boolean;
  /** From the failure to a new leader of etcd; null: the old one was elsewhere and stayed. */
  readonly election: number | null;
  /** From the failure to the end of the leader key. */
  readonly expiry: number;
  readonly phases: Readonly<Record<Phase, number>>;
}

export function lostHosts(seeds: number): LostHost[] {
  const scenario = scenarioOf(SCENARIO);
  return Array.from({ length: seeds }, (_, i) => lostHost(scenario, i + 1));
}

function lostHost(scenario: ReturnType<typeof scenarioOf>, seed: number): LostHost {
  return play(scenario, seed, (observed) => {
    let leader = -1;
    let failedAt = -1;
    let held = false;
    let electedAt: number | null = null;
    observed.ha.etcdLeader.observe((at, member) => {
      leader = member;
      if (failedAt >= 0) electedAt ??= at;
    });
    observed.faults.began.observe((at) => {
      failedAt = at;
      held = leader === 0;
    });
    const { list } = new Failovers(observed);
    return () => {
      const [failover, second] = list;
      if (!failover || second) throw new Error(`seed ${seed}: ${list.length} failovers`);
      return {
        heldEtcdLeader: held,
        election: electedAt === null ? null : toSeconds(electedAt - failedAt),
        expiry: toSeconds(failover.keyGoneAt - failedAt),
        phases: phasesOf(failover),
      };
    };
  });
}

function phasesOf(failover: Failover): Record<Phase, number> {
  const lengths = PHASES.map(({ name, of }) => [name, toSeconds(of(failover)!)] as const);
  return Object.fromEntries(lengths) as Record<Phase, number>;
}

/** From failure to expiry where etcd's leader stayed: the lease's age, and the lessor's scan. */
function expiryLaw(random: Random): number {
  return TTL - LOOP_WAIT * random.uniform() + SCAN * random.uniform();
}

/**
 * etcd's election, drawn from its rules: both followers heard the leader less than a tick before
 * the failure; each asks for votes at a tick of its own, 10 to 19 ticks later; the other refuses as
 * long as it has not counted 10 itself (raft.go: Step, inLease), and who was refused counts anew,
 * to the same number of ticks, but is no obstacle any more.
 */
function electionLaw(random: Random): number {
  const heard = ONE_WAY - TICK * random.uniform();
  const [mine, yours] = [follower(random), follower(random)];
  const [first, second] = mine.asks < yours.asks ? [mine, yours] : [yours, mine];
  const again = first.asks + first.ticks * TICK;
  const asks = first.asks >= second.mayVote ? first.asks : Math.min(second.asks, again);
  return heard + asks + VOTES;
}

/** A pre-vote and a vote, a round trip each. */
const VOTES = 4 * ONE_WAY;

function follower(random: Random) {
  const ticks = random.integer(ELECTION_TICKS, 2 * ELECTION_TICKS - 1);
  const phase = TICK * random.uniform();
  return { ticks, asks: ticks * TICK - phase, mayVote: ELECTION_TICKS * TICK - phase };
}

/** From failure to expiry where etcd's leader died: an election, then everything anew. */
function renewedExpiryLaw(random: Random): number {
  return electionLaw(random) + TTL + ELECTION_TICKS * TICK + SCAN * random.uniform();
}

/** Everything that is promised of a failover's time, for so many seeds. */
export function failoverTimeFigures(seeds: number): Figure[] {
  const hosts = lostHosts(seeds);
  const stayed = hosts.filter(({ heldEtcdLeader }) => !heldEtcdLeader);
  const moved = hosts.filter(({ heldEtcdLeader }) => heldEtcdLeader);
  const elections = moved.map(({ election }) => election!);
  const expiries = (of: readonly LostHost[]) => of.map(({ expiry }) => expiry);
  const elsewhere = 'etcd’s leader elsewhere';
  const there = 'etcd’s leader on the lost host';
  return [
    shareFigure(moved.length, hosts.length),
    ...lawFigures(`failure to expiry, ${elsewhere}`, expiries(stayed), expiryLaw),
    ...lawFigures('failure to etcd’s new leader', elections, electionLaw),
    ...lawFigures(`failure to expiry, ${there}`, expiries(moved), renewedExpiryLaw),
    ...phaseFigures(elsewhere, stayed, TTL - LOOP_WAIT, TTL + SCAN),
    ...phaseFigures(there, moved, TTL + 1.8, TTL + 3.8),
  ];
}

/** A third of all hosts, as the leader of etcd is drawn. */
function shareFigure(count: number, of: number): Figure {
  const { low, high } = wilsonInterval(count, of, 0.99);
  return {
    what: `lost hosts that held etcd’s leader: ${of} seeds`,
    bound: '1 of 3',
    found: `${count} (99%: ${digits(low)} to ${digits(high)})`,
    holds: low <= 1 / 3 && 1 / 3 <= high,
  };
}

function lawFigures(what: string, sample: readonly number[], law: (random: Random) => number) {
  const random = new Random(what);
  const draws = Array.from({ length: DRAWS }, () => law(random));
  const { distance, critical } = kolmogorov(sample, draws);
  const expected = estimate(draws)!.mean;
  const { mean, low, high } = estimate(sample, 0.99)!;
  return [
    {
      what: `${what}: ${sample.length} hosts, mean (s)`,
      bound: digits(expected),
      found: `${digits(mean)} (99%: ${digits(low!)} to ${digits(high!)})`,
      holds: low! <= expected && expected <= high!,
    },
    {
      what: `${what}: distance from its law (Kolmogorov, 1%)`,
      bound: `< ${digits(critical)}`,
      found: digits(distance),
      holds: distance < critical,
    },
  ];
}

/** Detection and expiry together, then what comes after them, each between its bounds. */
function phaseFigures(
  what: string,
  hosts: readonly LostHost[],
  leastExpiry: number,
  mostExpiry: number,
): Figure[] {
  const between = (name: string, low: number, high: number, of: (host: LostHost) => number) => {
    const sample = hosts.map(of);
    const { mean, low: from, high: to } = estimate(sample)!;
    return {
      what: `${what}: ${name} (s)`,
      bound: `${low} to ${high}`,
      found: `${digits(mean)} (mean 95%: ${digits(from!)} to ${digits(to!)})`,
      holds: sample.every((each) => low <= each && each <= high),
    };
  };
  return [
    between('detection and expiry', leastExpiry, mostExpiry, ({ expiry }) => expiry),
    between('race', 2, 2.5, ({ phases }) => phases.race),
    between('promotion', 0.05, 0.2, ({ phases }) => phases.promotion),
    between('reconnect', 0, RECONNECT, ({ phases }) => phases.reconnect),
    between('total', leastExpiry + 2, mostExpiry + 2.7 + RECONNECT, ({ phases }) => phases.total),
  ];
}
