import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/kernel/index.ts';
import { Measures } from '../../src/measure/measures.ts';
import { Stage, type StageOptions } from './stage.ts';

/** Plays a run in which every core was idle all the time, and says which laws it broke. */
function broken(play: (stage: Stage) => void, options: StageOptions = {}): string[] {
  const stage = new Stage(options);
  const measures = new Measures(stage.observed);
  play(stage);
  for (const { server } of stage.instances) server.host.cpu.idle += 2 * stage.clock.now;
  return measures.finish().lawsBroken;
}

/** WAL on its way to pg2, up to the position. */
function stream(stage: Stage, lsn: number): void {
  stage.instances[0]!.senders[0] = { standby: 1, sent: lsn };
  stage.postgres.sent.emit(1, lsn);
  stage.server(1).wal.written = lsn;
  stage.server(1).wal.insertLsn = lsn;
  stage.postgres.standbyWritten.emit(1, lsn);
  stage.server(1).wal.flushed.value = lsn;
  stage.postgres.standbyFlushed.emit(1, lsn);
  stage.postgres.replayed.emit(1, lsn);
}

describe('a run in order breaks no law', () => {
  it('closed loop, replication, failover, return of the old primary', () => {
    const play = (stage: Stage) => {
      stage.transact(0, 1, 1, 2);
      stage.at(2).commit(0, 100);
      stream(stage, 100);
      stage.at(3).workload.invoked.emit(1, 0);
      stage.at(3.5).workload.invoked.emit(2, 1);
      stage.at(4).commit(0, 200);
      stage.workload.failed.emit(1, 0, 0);
      stage.workload.unknown.emit(2, 1);
      stage.crash(0, 200);
      stage.at(5).promote(1);
      stage.commit(1, 150);
      stage.at(6).server(0).stand(100);
      stage.server(0).wal.branch = stage.server(1).wal.branch;
      stage.state(0, 'starting');
      stage.instances[1]!.senders[0] = { standby: 0, sent: 150 };
      stage.postgres.sent.emit(0, 150);
      stage.server(0).stand(150);
      stage.postgres.standbyWritten.emit(0, 150);
      stage.postgres.standbyFlushed.emit(0, 150);
      stage.at(7).workload.invoked.emit(0, 1);
      stage.at(9);
    };
    expect(broken(play)).toEqual([]);
  });

  it('open loop with a queue', () => {
    const play = (stage: Stage) => {
      stage.at(1).workload.invoked.emit(0, 1);
      stage.workload.began.emit(0, 1, 0);
      stage.at(1.2).workload.invoked.emit(-1, 0);
      stage.at(1.4).workload.invoked.emit(-1, 1);
      stage.at(2).workload.acknowledged.emit(0, 1, SECOND, SECOND);
      stage.workload.began.emit(0, 0, 0.8 * SECOND);
      stage.at(3).workload.failed.emit(0, 0, 0);
      stage.groups[0]!.queueLength = 1;
      stage.at(10);
    };
    expect(broken(play, { rate: 10 })).toEqual([]);
  });
});

describe('each law finds its breach', () => {
  it('invoked = acknowledged + failed + unknown + in flight', () => {
    const lost = (stage: Stage) => {
      stage.at(1).workload.invoked.emit(-1, 0);
    };
    expect(broken(lost, { rate: 10 })).toEqual([
      'invoked = acknowledged + failed + unknown + in flight: 1 invoked, 0 acknowledged, ' +
        '0 failed, 0 unknown, 0 run by sessions and 0 queued',
    ]);
    const twice = (stage: Stage) => {
      stage.transact(0, 1, 1, 2);
      stage.workload.acknowledged.emit(0, 1, SECOND, SECOND);
    };
    expect(broken(twice)[0]).toBe('session 0 ended a transaction that it had not begun');
  });

  it('arrivals are taken in turn, one at a time', () => {
    const overtaking = (stage: Stage) => {
      stage.at(1).workload.invoked.emit(-1, 0);
      stage.at(2).workload.invoked.emit(-1, 0);
      stage.workload.began.emit(0, 0, 0);
      stage.groups[0]!.queueLength = 1;
    };
    expect(broken(overtaking, { rate: 10 })[0]).toMatch(
      /^session 0 began .* arrived at 2000000000/,
    );
    const both = (stage: Stage) => {
      stage.at(1).workload.invoked.emit(0, 0);
      stage.at(2).workload.invoked.emit(0, 0);
    };
    expect(broken(both)[0]).toBe('session 0 began a transaction while it ran another one');
  });

  it('Little’s law, by a latency that leaves a microsecond out', () => {
    const play = (stage: Stage) => {
      stage.at(1).workload.invoked.emit(0, 1);
      stage.at(2).workload.acknowledged.emit(0, 1, SECOND - 1000, SECOND - 1000);
    };
    expect(broken(play)).toEqual([
      'Little’s law: transactions in flight add up to 1000000000 ns over the run, ' +
        'the times that they took to 999999000 ns',
    ]);
  });

  it.each<[string, (stage: Stage) => void, string]>([
    [
      'sent before it is flushed',
      (stage) => {
        stage.flush(0, 100);
        stream(stage, 108);
      },
      'order of WAL on pg2: 0/6C sent, but 0/64 flushed by its upstream',
    ],
    [
      'received before it is sent',
      (stage) => {
        stage.flush(0, 100);
        stage.postgres.standbyWritten.emit(1, 50);
      },
      'order of WAL on pg2: 0/32 written, but 0/0 sent',
    ],
    [
      'flushed before it is written',
      (stage) => {
        stage.flush(0, 100);
        stream(stage, 100);
        stage.postgres.standbyFlushed.emit(1, 101);
      },
      'order of WAL on pg2: 0/65 flushed, but 0/64 written',
    ],
    [
      'replayed before it is flushed',
      (stage) => {
        stage.postgres.replayed.emit(1, 1);
      },
      'order of WAL on pg2: 0/1 replayed, but 0/0 flushed',
    ],
    [
      'flushed back',
      (stage) => {
        stage.flush(0, 100);
        stage.postgres.flushed.emit(0, 90);
      },
      'order of WAL on pg1: 0/64 flushed before, but 0/5A flushed',
    ],
    [
      'flushed before it is inserted',
      (stage) => {
        stage.server(0).wal.written = 100;
        stage.postgres.flushed.emit(0, 100);
      },
      'order of WAL on pg1: 0/64 written, but 0/0 inserted',
    ],
  ])('order of WAL: %s', (_, play, sentence) => {
    expect(broken((stage) => play(stage.at(1)))).toEqual([`${sentence} at 1 s (1000000000 ns)`]);
  });

  it('says how often the same breach came again', () => {
    const play = (stage: Stage) => {
      for (let i = 1; i <= 3; i++) stage.at(i).postgres.replayed.emit(1, i);
    };
    expect(broken(play)[0]).toMatch(/, and 2 times more$/);
  });

  it('a server that starts anew may flush less than before', () => {
    const play = (stage: Stage) => {
      stage.at(1).flush(0, 100);
      stage.at(2).crash(0, 60);
      stage.at(3).state(0, 'starting');
      stage.at(4).state(0, 'primary');
      stage.at(5).flush(0, 80);
    };
    expect(broken(play)).toEqual([]);
  });

  it('busy + idle = cores x time', () => {
    const play = (stage: Stage) => {
      stage.at(10).server(1).host.cpu.served = 100;
    };
    expect(broken(play)).toEqual([
      'busy + idle = cores x time: the 2 cores of pg2 have an account of 20000000100 ns ' +
        'in 10000000000 ns',
    ]);
  });

  it('waits fill connections', () => {
    const play = (missing: number) => (stage: Stage) => {
      stage.at(1).postgres.connections.emit(0, 2);
      stage.at(4).postgres.connections.emit(0, 1);
      stage
        .at(5)
        .server(0)
        .waits.total.set([3 * SECOND, 4 * SECOND - missing]);
    };
    expect(broken(play(0))).toEqual([]);
    expect(broken(play(1000))).toEqual([
      'waits fill connections: the backends of pg1 were there for 7000000000 ns in all, ' +
        'their wait events and CPU add up to 6999999000 ns',
    ]);
  });

  it('the clock goes forward', () => {
    const play = (stage: Stage) => {
      stage.at(2).flush(0, 100);
      stage.at(1).flush(0, 200);
    };
    expect(broken(play)).toContain(
      'the clock went back from 2000000000 ns to 1000000000 ns at 1 s (1000000000 ns)',
    );
  });

  it('acknowledged = durable + lost, by an acknowledgement that the ledger never heard of', () => {
    const stage = new Stage();
    stage.at(1).tell(0, 0);
    const measures = new Measures(stage.observed);
    expect(measures.finish().lawsBroken[0]).toBe(
      'acknowledged = durable + lost: 1 commits were acknowledged, 0 are durable and 0 lost, ' +
        '0 of them with a cause',
    );
  });
});
