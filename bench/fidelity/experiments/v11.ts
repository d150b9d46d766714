import { z } from 'zod';
import type { Experiment } from '../experiment.ts';
import { machine, postgresql } from '../experiment.ts';
import { meta, readMeasurements } from '../measurements.ts';
import { groupBy } from '../statistics.ts';

const number = z.number({ error: 'is not a number' });

const file = z.object({
  meta,
  points: z
    .array(
      z.object({
        kind: z.enum(['kill', 'partition', 'switchover']),
        ttl: number,
        loop_wait: number,
        retry_timeout: number,
        client_outage_s: number,
      }),
    )
    .min(1),
});

const FAULT_SECONDS = 30;
const SEEDS = 10;

/** V11: how long a client cannot write when Patroni's leader goes. */
export const v11: Experiment = {
  name: 'V11',
  title: 'Failover and switchover under Patroni',
  differences: [
    'Each node has two cores of its own, and the client costs nothing; two clusters shared two ' +
      'cores in the measurements.',
    'The client gives up a connection attempt after 2 s, libpq’s least, instead of 0.5 s.',
  ],
  ablated: false,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'V11', file);
    const groups = groupBy(read.points, ({ kind, ttl }) => `${kind}, ttl ${ttl} s`);
    return [...groups].map(([name, runs]) => {
      const { kind, ttl, loop_wait, retry_timeout } = runs[0]!;
      const scenario = {
        warmup: '10s',
        duration: `${FAULT_SECONDS + 2 * ttl + 10}s`,
        network: {
          zones: { a: 'here', b: 'here', c: 'here', d: 'here' },
          rtt: { 'same-zone': '0.1ms', 'same-region': '0.1ms' },
        },
        hardware: { box: machine(read.meta, calibration) },
        postgresql: postgresql(read.meta, { wal_sender_timeout: '10s', shared_buffers: '64MB' }),
        servers: {
          n1: { zone: 'a' },
          n2: { zone: 'b', standby_of: 'n1' },
          n3: { zone: 'c', standby_of: 'n1' },
        },
        patroni: {
          version: '3.0.2',
          ttl,
          loop_wait,
          retry_timeout,
          maximum_lag_on_failover: '1MB',
        },
        etcd: { version: '3.4.23', members: ['a', 'b', 'c'] },
        workload: {
          transactions: { write: { builtin: 'simple-update' } },
          clients: { app: CLIENT },
        },
        faults: FAULTS[kind],
      };
      return {
        name,
        measured: { outage_s: runs.map((run) => run.client_outage_s) },
        scenario,
        needs: [],
        seeds: SEEDS,
        predict: (metrics) => ({ outage_s: metrics['outage.write'] }),
      };
    });
  },
};

const CLIENT = {
  zone: 'd',
  count: 1,
  think: '50ms',
  run: 'write',
  reconnect: '50ms',
  connect: {
    hosts: 'all',
    target_session_attrs: 'read-write',
    connect_timeout: '2s',
    tcp_user_timeout: '1s',
  },
};

const at = `${FAULT_SECONDS}s`;

const FAULTS = {
  kill: [
    { at, crash: 'n1.patroni' },
    { at, crash: 'etcd.a' },
    { at, crash: 'n1' },
  ],
  partition: [{ at, for: '40s', partition: [['a'], ['b', 'c', 'd']] }],
  switchover: [{ at, switchover: { from: 'n1' } }],
} as const;
