import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../src/kernel/index.ts';
import { Measures } from '../../src/measure/measures.ts';
import { CPU, SYNC_REP, WAL_SYNC } from '../../src/postgres/waits.ts';
import { failureIndex } from '../../src/workload/events.ts';
import { play, Stage } from './stage.ts';

describe('latency and throughput', () => {
  it('by transaction, by group of clients, reads and writes apart', () => {
    const { get, series } = play({}, (stage) => {
      stage.transact(0, 0, 1, 1.1);
      stage.transact(1, 1, 2, 2.3);
      stage.transact(4, 1, 3, 3.5);
      stage.at(10);
    });
    expect(get('throughput.tps')).toBe(0.3);
    expect(get('throughput.write')).toBe(0.2);
    expect(get('latency.mean')).toBeCloseTo(0.3, 12);
    expect(get('latency.read.count')).toBe(1);
    expect(get('latency.write.max')).toBe(0.5);
    expect(get('transactions.lookup.latency.max')).toBe(0.1);
    expect(get('transactions.lookup.latency.write.count')).toBe(0);
    expect(get('transactions.lookup.latency.write.p50')).toBeNull();
    expect(get('clients.batch.latency.write.min')).toBe(0.5);
    expect(get('clients.app.throughput.tps')).toBe(0.2);
    expect(series['throughput.tps']!.v.length).toBe(24);
  });

  it('latency counts from the arrival, service from the start', () => {
    const { get } = play({ rate: 1 }, (stage) => {
      stage.at(1).workload.invoked.emit(-1, 1);
      stage.at(3).workload.began.emit(0, 1, 2 * SECOND);
      stage.at(4).workload.acknowledged.emit(0, 1, 3 * SECOND, SECOND);
    });
    expect([get('latency.max'), get('latency.service.max')]).toEqual([3, 1]);
  });

  it('leaves out the warm-up', () => {
    const { get } = play({ warmup: 10 }, (stage, measures) => {
      stage.transact(0, 0, 1, 2);
      stage.at(9).workload.invoked.emit(0, 0);
      stage.at(10);
      measures.atWarmup();
      stage.at(11).workload.acknowledged.emit(0, 0, 2 * SECOND, 2 * SECOND);
      stage.at(20);
    });
    expect([get('latency.count'), get('latency.max'), get('throughput.tps')]).toEqual([1, 2, 0.1]);
  });

  it('insists on being told of the end of the warm-up, at its instant', () => {
    const stage = new Stage({ warmup: 10 });
    const measures = new Measures(stage.observed);
    stage.at(11);
    expect(() => measures.atWarmup()).toThrow('the warm-up ends at 10000000000 ns');
    expect(() => measures.finish()).toThrow('nobody told the measures');
  });

  it('a run that ends in its warm-up has no observations', () => {
    const { get } = play({ warmup: 10 }, (stage) => stage.transact(0, 0, 1, 2));
    expect(get('latency.count')).toBe(0);
    expect(get('throughput.tps')).toBeNull();
    expect(get('servers.pg1.cpu.utilization')).toBeNull();
  });
});

describe('errors', () => {
  it('by SQLSTATE; a session that cannot connect counts one, an unknown outcome too', () => {
    const { get } = play({}, (stage) => {
      const { workload } = stage.at(1);
      workload.invoked.emit(0, 1);
      workload.failed.emit(0, 1, failureIndex('25006'));
      workload.invoked.emit(0, 1);
      workload.unknown.emit(0, 1);
      workload.connectionFailed.emit(4, failureIndex('08001 refused'));
      workload.connectionFailed.emit(4, failureIndex('08001 timed out'));
    });
    expect(get('errors')).toBe(4);
    expect(get('errors.08001')).toBe(2);
    expect(get('errors.08007')).toBe(1);
    expect(get('clients.batch.errors')).toBe(2);
    expect(get('transactions.transfer.errors.25006')).toBe(1);
    expect(get('transactions.lookup.errors')).toBe(0);
  });
});

describe('outage and availability', () => {
  it('lasts from a success to the next while one was pending', () => {
    const { get } = play({}, (stage) => {
      stage.transact(0, 1, 1, 2);
      stage.transact(0, 1, 10, 10.5); // nobody asked between 2 and 10
      stage.at(11).workload.invoked.emit(0, 1);
      stage.at(12).workload.invoked.emit(4, 1);
      stage.at(13).workload.acknowledged.emit(4, 1, SECOND, SECOND);
      stage.at(30).workload.acknowledged.emit(0, 1, 19 * SECOND, 19 * SECOND);
      stage.at(40);
    });
    expect(get('outage.write')).toBe(17);
    expect(get('clients.app.outage.write')).toBe(19);
    expect(get('clients.batch.outage.write')).toBe(1);
    expect(get('outage.read')).toBeNull();
    expect(get('availability.write')).toBe(1);
    expect(get('availability.read')).toBeNull();
  });

  it('goes on after a refusal, and to the end of the run', () => {
    const { get } = play({}, (stage) => {
      stage.transact(0, 1, 1, 2);
      stage.at(20).workload.connectionFailed.emit(0, failureIndex('08001 refused'));
      stage.at(25).workload.connectionFailed.emit(0, failureIndex('08001 refused'));
      stage.at(60);
    });
    expect([get('outage.write'), get('outage.read')]).toEqual([40, 40]);
  });

  it('an attempt that hangs longer than any success took counts as an attempt', () => {
    const { get } = play({}, (stage) => {
      stage.transact(0, 1, 1, 2);
      stage.at(3).workload.invoked.emit(0, 1);
      stage.workload.failed.emit(0, 1, 0);
      stage.at(4).workload.invoked.emit(0, 1);
      stage.at(9.5).workload.invoked.emit(1, 1);
      stage.at(10);
    });
    expect(get('availability.write')).toBeCloseTo(1 / 3, 12);
  });

  it('is cut at the end of the warm-up', () => {
    const { get } = play({ warmup: 50 }, (stage, measures) => {
      stage.at(1).workload.invoked.emit(0, 1);
      stage.at(50);
      measures.atWarmup();
      stage.at(57).workload.acknowledged.emit(0, 1, 56 * SECOND, 56 * SECOND);
    });
    expect(get('outage.write')).toBe(7);
  });

  it('agrees with a naive twin that looks at every second', () => {
    const event = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
        const stage = new Stage();
        const measures = new Measures(stage.observed);
        const busySince = new Map<number, number>();
        const missing = new Array<boolean>(events.length).fill(false);
        const successes = new Set<number>();
        let demanded = false;
        events.forEach(([session, succeeds], second) => {
          stage.at(second);
          const since = busySince.get(session);
          if (since === undefined) {
            busySince.set(session, second);
            stage.workload.invoked.emit(session, 1);
            demanded = true;
          } else {
            busySince.delete(session);
            const took = (second - since) * SECOND;
            if (succeeds) {
              stage.workload.acknowledged.emit(session, 1, took, took);
              successes.add(second);
              demanded = busySince.size > 0;
            } else stage.workload.failed.emit(session, 1, 0);
          }
          missing[second] = demanded; // in the second that follows
        });
        stage.at(events.length);
        let longest = 0;
        let length = 0;
        missing.forEach((isMissing, second) => {
          if (successes.has(second) || !isMissing) length = 0;
          if (isMissing) longest = Math.max(longest, ++length);
        });
        expect(measures.finish().metrics.get('outage.write')).toBe(longest);
      }),
    );
  });
});

describe('servers', () => {
  it('utilization, WAL, checkpoints and connections count from the end of the warm-up', () => {
    const { get } = play({ warmup: 10, duration: 20 }, (stage, measures) => {
      const { host, wal, checkpointer } = stage.server(0);
      stage.postgres.connections.emit(0, 3);
      checkpointer.requested = 1;
      host.memory.kills = 1;
      Object.assign(host.cpu, { served: 7 * SECOND, switches: 100, switchTime: 2 * SECOND });
      Object.assign(wal, { bytes: 1000, records: 10, flushes: 5 });
      stage.at(10);
      measures.atWarmup();
      checkpointer.timed = 1;
      stage.at(15).postgres.connections.emit(0, 5);
      host.memory.kills = 3;
      Object.assign(host.cpu, { served: 12 * SECOND, switches: 130, switchTime: 4 * SECOND });
      host.diskShare = 0.25;
      Object.assign(wal, { bytes: 1600, records: 13, flushes: 6 });
      stage.at(20);
    });
    const of = (name: string) => get(`servers.pg1.${name}`);
    expect([of('cpu.utilization'), of('disk.utilization')]).toEqual([0.25, 0.25]);
    expect([of('cpu.switching'), of('cpu.switches'), of('oom_kills')]).toEqual([0.1, 30, 2]);
    expect([of('wal.bytes'), of('wal.records'), of('wal.flushes')]).toEqual([600, 3, 1]);
    expect([of('checkpoints.timed'), of('checkpoints.requested')]).toEqual([1, 0]);
    expect([of('connections.mean'), of('connections.max')]).toEqual([4, 5]);
    expect([of('connections.min'), of('connections.end')]).toEqual([3, 5]);
  });

  it('the rate of WAL is that of each whole second', () => {
    const { get } = play({}, (stage) => {
      stage.at(0.5).flush(0, 100);
      stage.at(0.9).flush(0, 300);
      stage.at(2.5).flush(0, 1000);
      stage.at(3.5).flush(0, 9000); // a second that is not over
      stage.at(3.7);
    });
    const of = (name: string) => get(`servers.pg1.wal.rate.${name}`);
    expect([of('count'), of('min'), of('max'), of('mean')]).toEqual([3, 0, 700, 1000 / 3]);
    expect(get('servers.pg2.wal.rate.count')).toBe(0);
  });
});

describe('replication lag', () => {
  it('is the age of the oldest WAL that has not got so far, and how much it is', () => {
    const { get, metrics } = play({ duration: 10 }, (stage) => {
      const { postgres } = stage;
      stage.at(2).flush(0, 100);
      stage.at(3).flush(0, 400);
      stage.at(4);
      postgres.sent.emit(1, 400);
      stage.at(5);
      postgres.replayed.emit(1, 100);
      stage.at(6);
      postgres.replayed.emit(1, 400);
      stage.at(10);
    });
    const lag = (name: string) => get(`servers.pg2.replication.${name}`);
    // sent: age 0..2 from 2 to 4 s; replayed: 0..3 from 2 to 5 s, then 2..3 from 5 to 6 s
    expect(lag('sent_lag.max')).toBe(2);
    expect(lag('sent_lag.mean')).toBeCloseTo(0.2, 9);
    expect(lag('replay_lag.max')).toBe(3);
    expect(lag('replay_lag.mean')).toBeCloseTo((4.5 + 2.5) / 10, 9);
    expect(lag('replay_lag.end')).toBe(0);
    expect(lag('write_lag.end')).toBe(8);
    expect(lag('sent_lag.bytes.max')).toBe(400);
    expect(lag('sent_lag.bytes.mean')).toBe((100 + 400) / 10);
    expect(lag('replay_lag.bytes.mean')).toBe((100 + 400 + 400 + 300) / 10);
    expect(metrics.has('servers.pg1.replication.replay_lag.max')).toBe(false);
  });

  it('is measured against the new primary after a failover', () => {
    const { get } = play({ servers: 3 }, (stage) => {
      stage.at(1).flush(0, 1000);
      stage.postgres.replayed.emit(1, 900);
      stage.replicate(1, 900);
      stage.at(5).crash(0, 1000, true);
      stage.at(10).promote(1);
      stage.at(20).flush(1, 1500);
      stage.at(30);
    });
    expect(get('servers.pg3.replication.replay_lag.end')).toBe(10);
    expect(get('servers.pg3.replication.replay_lag.bytes.end')).toBe(1500);
    expect(get('servers.pg1.replication.replay_lag.bytes.end')).toBe(600);
    expect(get('servers.pg2.replication.replay_lag.end')).toBe(0);
  });

  it('agrees with a naive twin', () => {
    const event = fc.record({ flushes: fc.boolean(), share: fc.integer({ min: 0, max: 4 }) });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 50 }), (events) => {
        const stage = new Stage();
        const measures = new Measures(stage.observed);
        const notes: { lsn: number; at: number }[] = [];
        let position = 0;
        let [ages, bytes] = [0, 0];
        events.forEach(({ flushes, share }, second) => {
          stage.at(second);
          const end = notes.at(-1)?.lsn ?? 0;
          if (flushes) {
            notes.push({ lsn: end + 10, at: second });
            stage.flush(0, end + 10);
          } else {
            position = Math.round(position + ((end - position) * share) / 4);
            stage.postgres.standbyFlushed.emit(1, position);
          }
          const oldest = notes.find(({ lsn }) => lsn > position);
          if (oldest) ages += second + 0.5 - oldest.at;
          bytes += (notes.at(-1)?.lsn ?? 0) - position;
        });
        stage.at(events.length);
        const { metrics } = measures.finish();
        const mean = (name: string) => metrics.get(`servers.pg2.replication.flush_lag.${name}`)!;
        expect(mean('mean')).toBeCloseTo(ages / events.length, 9);
        expect(mean('bytes.mean')).toBeCloseTo(bytes / events.length, 9);
      }),
    );
  });

  it('beside it what the upstream reports', () => {
    const { get } = play({}, (stage) => {
      stage.at(1).postgres.lag.emit(1, 5 * SECOND, -1, 7 * SECOND);
    });
    expect(get('servers.pg2.replication.reported.write_lag.mean')).toBe(5);
    expect(get('servers.pg2.replication.reported.flush_lag.count')).toBe(0);
    expect(get('servers.pg2.replication.reported.replay_lag.max')).toBe(7);
  });
});

describe('waits and cost', () => {
  it('shares of all backends’ time since the warm-up, what goes on at its end included', () => {
    const { get } = play({ warmup: 10 }, (stage, measures) => {
      const { total } = stage.server(0).waits;
      total[CPU] = 8 * SECOND;
      stage.at(10);
      measures.atWarmup();
      total[CPU]! += SECOND;
      stage.server(1).waits.total[SYNC_REP] = 2 * SECOND;
      const wait = {
        settle: () => {
          total[WAL_SYNC] = SECOND;
        },
      };
      stage.server(0).backends.push({ wait });
      stage.at(20);
    });
    expect([get('waits.CPU'), get('waits.IPC.SyncRep')]).toEqual([0.25, 0.5]);
    expect(get('waits.IO.WalSync')).toBe(0.25);
  });

  it('wait events have the names of the version', () => {
    expect(play({ version: 16 }, () => {}).metrics.has('waits.IO.WALSync')).toBe(true);
    expect(play({ version: 17 }, () => {}).metrics.has('waits.IO.WalSync')).toBe(true);
  });

  it('the price of a million transactions at the throughput of the run', () => {
    const steps = (stage: Stage) => {
      for (let i = 0; i < 60; i++) stage.transact(0, 1, i, i + 0.5);
      stage.at(MINUTE / SECOND);
    };
    const { get } = play({ prices: [100, 46] }, steps);
    expect(get('cost.monthly')).toBe(146);
    expect(get('cost.per_million_transactions')).toBeCloseTo((146 / (730 * 3600)) * 1e6, 9);
    const unknown = play({ prices: [100, null] }, steps);
    expect(unknown.get('cost.monthly')).toBeNull();
    expect(unknown.get('cost.per_million_transactions')).toBeNull();
  });
});
