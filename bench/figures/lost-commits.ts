/**
 * How many acknowledged commits a failover loses on asynchronous replication. The local flush wakes
 * the backend, which answers its client, and the walsender, which has its turn; with the power
 * whatever has not left the host is gone, and what has left it arrives. So at a random instant as
 * many commits are at stake as Little's law says: (rate) x (time from the answer to the WAL's
 * sending), and where a cut drops the path at the same instant, the one-way delay more. With a
 * synchronous standby: none.
 *
 * The load is high and short, the machines have cores and bandwidth to spare, warm caches and pages
 * without images, so that the closed form needs no queue and the rate is steady; the fault strikes
 * at a time that is drawn for each seed.
 */
import { MICROSECOND, MILLISECOND, Random, SECOND } from '../../src/kernel/index.ts';
import { Ledger } from '../../src/measure/ledger.ts';
import { type Estimate, estimate } from '../../src/measure/statistics.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { digits, type Figure } from './figure.ts';
import { play, scenarioOf } from './world.ts';

const ONE_WAY = 1 * MILLISECOND;
/** The rate is counted between the time when all sessions run and the first fault. */
const STEADY = 20 * MILLISECOND;
const EARLIEST = 30 * MILLISECOND;
const LATEST = 50 * MILLISECOND;

/**
 * A backend that slept until the flush goes on first. The leader of each flush, of the fifteen
 * commits in it, has done so by then: its share is left out.
 */
const ANSWERED = DEFAULT_COSTS.sleep;
const UNSENT = DEFAULT_COSTS.walSender - ANSWERED;

const BASE = `
duration: 32s
network:
  zones: {a: us-east-1, b: us-east-1, c: us-east-1}
  rtt: {same-zone: 0.02ms, same-region: 2ms}
hardware:
  db: {cores: 64, memory: 64GB, network: 100Gbit, disk: {kind: nvme, fsync: 0.02ms},
    profile: {processor: {cache_refill: 0}}}
postgresql: {full_page_writes: off}
hosts:
  e1: {zone: b}
  e2: {zone: c}
  e3: {zone: c}
servers:
  pg1: {zone: a}
  pg2: {zone: b, standby_of: pg1}
patroni: {ttl: 20, loop_wait: 1, retry_timeout: 3}
etcd:                                # elsewhere, so that its leader never goes with the primary
  election-timeout: 5000
  heartbeat-interval: 500
  members:
    - {name: e1, host: e1}
    - {name: e2, host: e2}
    - {name: e3, host: e3}
workload:
  transactions: {write: {builtin: simple-update}}
  clients:
    app: {zone: a, count: 16, run: write, protocol: prepared, connect: pg1}
`;

const POWER_OFF = (at: string) => `faults:\n  - {at: ${at}, power_off: pg1}\n`;
const CUT_AND_POWER_OFF = (at: string) =>
  `faults:\n  - {at: ${at}, partition: [[a], [b, c]]}\n  - {at: ${at}, power_off: pg1}\n`;
const SYNC = ['patroni.synchronous_mode=true', 'postgresql.synchronous_commit="on"'];

export interface Losses {
  readonly seeds: number;
  /** Acknowledged commits per second before the fault. */
  readonly rate: number;
  /** (rate) x (time at stake). */
  readonly expected: number;
  /** Lost commits a run, with a 95% confidence interval. */
  readonly lost: Estimate;
  readonly most: number;
  /** Runs in which another server was promoted and led at the end. */
  readonly failovers: number;
}

export function lossesByPowerOff(seeds: number): Losses {
  return losses(seeds, POWER_OFF, [], UNSENT);
}

export function lossesByCutAndPowerOff(seeds: number): Losses {
  return losses(seeds, CUT_AND_POWER_OFF, [], UNSENT + ONE_WAY);
}

/** In synchronous mode, by the loss of power alone, or with the path at the same instant. */
export function lossesWithSynchronousMode(seeds: number, cut: boolean): Losses {
  return losses(seeds, cut ? CUT_AND_POWER_OFF : POWER_OFF, SYNC, 0);
}

export function lostCommitFigures(seeds: number): Figure[] {
  return [
    figure('the host loses power', lossesByPowerOff(seeds)),
    figure('and a cut drops the path', lossesByCutAndPowerOff(seeds)),
    never('the host loses power', lossesWithSynchronousMode(seeds, false)),
    never('and a cut drops the path', lossesWithSynchronousMode(seeds, true)),
  ];
}

function figure(what: string, { seeds, expected, lost, failovers }: Losses): Figure {
  const low = lost.low ?? lost.mean;
  const high = lost.high ?? lost.mean;
  return {
    what: `lost commits a run, ${what}: ${seeds} seeds`,
    bound: `rate x delay = ${digits(expected)}`,
    found: `${digits(lost.mean)} (95%: ${digits(low)} to ${digits(high)})`,
    holds: failovers === seeds && low <= expected && expected <= high,
  };
}

function never(what: string, { seeds, most, failovers }: Losses): Figure {
  return {
    what: `the same in synchronous_mode, ${what}: ${seeds} seeds`,
    bound: '0 in every seed',
    found: `at most ${most}`,
    holds: failovers === seeds && most === 0,
  };
}

function losses(
  seeds: number,
  faults: (at: string) => string,
  set: readonly string[],
  atStake: number,
): Losses {
  const lost: number[] = [];
  let steady = 0;
  let failovers = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const at = new Random(`fault ${seed}`).integer(EARLIEST, LATEST);
    const run = runOnce(`${BASE}${faults(`${at / MICROSECOND}us`)}`, set, seed);
    lost.push(run.lost);
    steady += run.steady;
    if (run.promoted) failovers++;
  }
  const rate = steady / seeds / ((EARLIEST - STEADY) / SECOND);
  const expected = (rate * atStake) / SECOND;
  return {
    seeds,
    rate,
    expected,
    lost: estimate(lost)!,
    most: Math.max(...lost),
    failovers,
  };
}

function runOnce(text: string, set: readonly string[], seed: number) {
  return play(scenarioOf(text, set), seed, (observed) => {
    const ledger = new Ledger(observed);
    let steady = 0;
    observed.workload.commitAcknowledged.observe((at) => {
      if (at > STEADY && at <= EARLIEST) steady++;
    });
    return () => {
      const { all, survivors } = ledger.report;
      const promoted = survivors[0]!.index === 1 && survivors[0]!.state === 'primary';
      return { lost: all.lost, steady, promoted };
    };
  });
}
