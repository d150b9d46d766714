import { expect, test } from 'vitest';
import { type Message, type NodeId, RaftCluster } from '../../../src/ha/raft/index.ts';
import { MICROSECOND, MILLISECOND, Random, SECOND } from '../../../src/kernel/index.ts';

const TICK = 100 * MILLISECOND;
const DELAY = MILLISECOND;
const FSYNC = 2 * MILLISECOND;

/** Three nodes; the leader dies after a heartbeat. Returns when it sent that, and who wins when. */
function failover(seed: number, phase?: () => number): { silence: number; winner: NodeId } {
  let elected = 0;
  const cluster = new RaftCluster<string>(
    {
      seed: `election/${seed}`,
      nodes: 3,
      delay: () => DELAY,
      fsync: () => FSYNC,
      ...(phase ? { phase } : {}),
    },
    {
      sent: (message) => {
        if (message.type === 'heartbeat') lastHeartbeat = cluster.sim.now;
      },
      ready: (_, ready) => {
        if (ready.softState?.role === 'leader') elected = cluster.sim.now;
      },
    },
  );
  let lastHeartbeat = 0;
  cluster.run(10 * SECOND);
  cluster.run(lastHeartbeat + TICK + MILLISECOND / 2); // just after the next heartbeat
  cluster.crash(cluster.leader);
  const silent = lastHeartbeat;
  elected = 0;
  const patience = cluster.sim.now + 60 * SECOND;
  while (elected === 0 && cluster.sim.now < patience) cluster.run(cluster.sim.now + SECOND);
  if (elected === 0) throw new Error('nobody was elected within a minute');
  return { silence: elected - silent, winner: cluster.leader };
}

/** Mean and second moment of the smaller of two independent whole numbers uniform in [10, 19]. */
function minimumOfTwo(): { mean: number; secondMoment: number } {
  let mean = 0;
  let secondMoment = 0;
  for (let a = 10; a <= 19; a++) {
    for (let b = 10; b <= 19; b++) {
      mean += Math.min(a, b) / 100;
      secondMoment += (Math.min(a, b) * Math.min(a, b)) / 100;
    }
  }
  return { mean, secondMoment };
}

/** Pre-vote and vote, there and back; the candidate's own vote, then the voter's, made durable. */
const ROUNDS = 4 * DELAY + 2 * FSYNC;

test('an election takes the smaller of two uniform timeouts in [10, 19] and two rounds', () => {
  // With all ticks at the same instants a tie (1 in 10) splits the vote and starts over:
  // E = E[min] + E / 10. The same for the second moment gives the error of the sample's mean.
  const { mean: min, secondMoment } = minimumOfTwo();
  expect(min).toBeCloseTo(12.85, 12);
  const mean = min / 0.9;
  const n = 1500;
  let sum = 0;
  let ties = 0;
  const counts = new Map<number, number>();
  for (let seed = 1; seed <= n; seed++) {
    const ticks = (failover(seed, () => TICK).silence - ROUNDS) / TICK;
    sum += ticks;
    if (ticks > 19) ties++;
    else counts.set(ticks, (counts.get(ticks) ?? 0) + 1);
  }
  const second = (secondMoment + (2 * 14.5 * mean) / 10) / 0.9;
  const error = Math.sqrt((second - mean * mean) / n);
  expect(Math.abs(sum / n - mean)).toBeLessThan(3.5 * error);
  expect(Math.abs(ties / n - 0.1)).toBeLessThan(3.5 * Math.sqrt(0.09 / n));
  for (let k = 10; k <= 18; k++) {
    const p = (2 * (19 - k)) / 100; // both are at least k, exactly one is k
    const observed = (counts.get(k) ?? 0) / n;
    expect(Math.abs(observed - p), `P(${k})`).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / n));
  }
  expect([...counts.keys()].every((ticks) => Number.isInteger(ticks))).toBe(true);
});

test('with phases of their own an election comes 0.9 to 1.9 s after the last heartbeat', () => {
  // A timeout of k ticks ends between k - 1 and k intervals after a heartbeat arrived.
  const silences = Array.from({ length: 400 }, (_, i) => failover(i + 1).silence - ROUNDS - DELAY);
  const first = silences.filter((silence) => silence <= 1.9 * SECOND);
  expect(Math.min(...silences)).toBeGreaterThan(0.9 * SECOND);
  expect(first.length / silences.length).toBeGreaterThan(0.9); // the others: a split or a refusal
  expect(Math.min(...silences)).toBeLessThan(1.1 * SECOND);
  expect(Math.max(...first)).toBeGreaterThan(1.6 * SECOND);
});

/**
 * published-results P7.3 (Ongaro and Ousterhout 2014, figure 16): downtime in ms after the leader
 * of five died, for election timeouts between `low` and `high` ms. Logs of four lengths, so that
 * two survivors can win; one-way delay 3.5 ± 1.5 ms; no pre-vote; timers as in the paper. Without
 * randomness the broadcast is as synchronised as can be: equal delays and clocks.
 * The worst of 1,000 trials is not asserted: at 150-200 it was 494 to 839 ms in twelve batches, on
 * average 584 (printed: 513, one batch), so that a single batch says little.
 */
function downtimes(low: number, high: number, trials: number, etcdTimers = false): number[] {
  const tick = MILLISECOND;
  const spread = low === high ? 0 : 1500;
  const found: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const random = new Random(`p7.3/${low}-${high}/${trial}`);
    let elected = 0;
    const cluster = new RaftCluster<number>(
      {
        seed: `p7.3/${trial}`,
        nodes: 5,
        preVote: false,
        checkQuorum: false,
        keepTimerOnHigherTerm: !etcdTimers,
        ...(spread === 0 ? { phase: () => tick } : {}),
        tickInterval: tick,
        electionTicks: (low * MILLISECOND) / tick,
        delay: () => random.integer(3500 - spread, 3500 + spread) * MICROSECOND,
        fsync: () => 0,
        draw: () => random.integer(low, high),
        persisted: (node) => ({
          hardState: { term: 1, vote: 5, commit: 0 },
          entries: Array.from({ length: node }, (_, i) => ({ index: i + 1, term: 1, data: i })),
        }),
      },
      {
        ready: (_, ready) => {
          if (ready.softState?.role === 'leader') elected = cluster.sim.now;
        },
      },
    );
    cluster.crash(5);
    const heartbeat = { type: 'heartbeat', from: 5, term: 1, commit: 0, reads: 0 } as const;
    for (let to = 1; to <= 4; to++) {
      const message: Message<number> = { ...heartbeat, to };
      const arrival = random.integer(3500 - spread, 3500 + spread) * MICROSECOND;
      cluster.node(to).deliver({ kind: 'message', message }, arrival);
    }
    const crash = random.uniform() * (low / 2);
    while (elected === 0 && cluster.sim.now < 12 * SECOND) {
      cluster.run(cluster.sim.now + 200 * MILLISECOND);
    }
    found.push((elected === 0 ? 12 * SECOND : elected) / MILLISECOND - crash);
  }
  return found.sort((a, b) => a - b);
}

const quantile = (sorted: readonly number[], p: number) => sorted[Math.floor(p * sorted.length)]!;

test('P7.3: randomness of the timeout decides how long elections take', () => {
  const none = downtimes(150, 150, 3);
  expect(none[0]).toBeGreaterThan(10_000);
  const little = quantile(downtimes(150, 155, 400), 0.5);
  expect(Math.abs(little / 287 - 1), `150-155: ${little}`).toBeLessThan(0.15);
  expect(little * 20).toBeLessThan(none[0]!);
  const medians = [
    [175, 140],
    [200, 144],
    [300, 173],
  ] as const;
  for (const [high, median] of medians) {
    const found = quantile(downtimes(150, high, 400), 0.5);
    expect(Math.abs(found / median - 1), `150-${high}: ${found}`).toBeLessThan(0.15);
  }
});

test('P7.3 with etcd timers: a candidate that cannot win sets everybody back', () => {
  // Half of the time a node with too short a log runs first; its term starts all timers anew.
  const paper = quantile(downtimes(150, 300, 400), 0.5);
  const etcd = quantile(downtimes(150, 300, 400, true), 0.5);
  expect(etcd / paper).toBeGreaterThan(1.3);
});
