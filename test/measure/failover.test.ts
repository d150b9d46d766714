import { describe, expect, it } from 'vitest';
import { Measures } from '../../src/measure/measures.ts';
import { Stage } from './stage.ts';

const PHASES = ['detection', 'expiry', 'race', 'promotion', 'routing', 'reconnect', 'total'];

function phases(metrics: ReadonlyMap<string, number | null>): (number | null)[] {
  return PHASES.map((phase) => {
    const value = metrics.get(`failover.${phase}.mean`);
    return value === null ? null : Number(value!.toFixed(6));
  });
}

/** Power off at 120 s after a renewal at 112 s, as mechanisms of a lost host compose it. */
function lostHost(stage: Stage): void {
  stage.at(112).ha.renewed.emit(0);
  stage.at(119).commit(0, 1000);
  stage.replicate(1, 1000);
  stage.at(120).faults.began.emit(0);
  stage.crash(0, 1000, true);
  stage.at(142.3).ha.leaderKey.emit(-1);
  stage.at(143).ha.leaderKey.emit(1);
  stage.at(143.4).promote(1);
}

describe('phases of a failover', () => {
  it('add up from the fault to the first write that a client is told of', () => {
    const stage = new Stage({ victims: [[0]] });
    const measures = new Measures(stage.observed);
    lostHost(stage);
    stage.at(146).ha.routed.emit(0, 1, 1);
    stage.at(147.5).commit(1, 1100);
    stage.at(150).commit(1, 1200);
    const { metrics, failovers } = measures.finish();
    expect(phases(metrics)).toEqual([22, 0.3, 0.7, 0.4, 2.6, 1.5, 27.5]);
    expect(metrics.get('failover.count')).toBe(1);
    expect(metrics.get('promotions.count')).toBe(1);
    expect(metrics.get('failover.etcd_leader_changed')).toBe(0);
    expect(failovers).toHaveLength(1);
  });

  it('routing takes no time without HAProxy, or where it came before the promotion', () => {
    for (const early of [false, true]) {
      const stage = new Stage({ victims: [[0]] });
      const measures = new Measures(stage.observed);
      lostHost(stage);
      if (early) stage.at(143.2).ha.routed.emit(0, 1, 1);
      stage.at(145).commit(1, 1100);
      expect(phases(measures.finish().metrics)).toEqual([22, 0.3, 0.7, 0.4, 0, 1.6, 25]);
    }
  });

  it('what is not over has no observation', () => {
    const stage = new Stage({ victims: [[0]] });
    const measures = new Measures(stage.observed);
    lostHost(stage);
    expect(phases(measures.finish().metrics)).toEqual([22, 0.3, 0.7, 0.4, null, null, null]);
  });

  it('begins with the last renewal if no fault struck the leader since', () => {
    const stage = new Stage({ victims: [[0], [1]] });
    const measures = new Measures(stage.observed);
    stage.at(10).faults.began.emit(0);
    stage.at(20).faults.ended.emit(0);
    stage.at(50).ha.renewed.emit(0);
    stage.at(55).faults.began.emit(1);
    stage.at(80.1).ha.leaderKey.emit(-1);
    stage.at(80.5).ha.leaderKey.emit(1);
    expect(phases(measures.finish().metrics).slice(0, 3)).toEqual([30, 0.1, 0.4]);
  });

  it('a key that the agent gives up ends the detection', () => {
    const stage = new Stage({ victims: [[0]] });
    const measures = new Measures(stage.observed);
    stage.at(50).ha.renewed.emit(0);
    stage.at(52).faults.began.emit(0);
    stage.at(55).ha.leaderKey.emit(-1);
    stage.at(55.5).ha.leaderKey.emit(1);
    expect(phases(measures.finish().metrics).slice(0, 3)).toEqual([3, 0, 0.5]);
  });

  it('notices a new etcd leader between failure and new key only', () => {
    for (const [at, changed] of [
      [119, 0],
      [130, 1],
    ] as const) {
      const stage = new Stage({ victims: [[0]] });
      const measures = new Measures(stage.observed);
      if (at < 120) stage.at(at).ha.etcdLeader.emit(1, 2);
      stage.at(120).faults.began.emit(0);
      if (at > 120) stage.at(at).ha.etcdLeader.emit(1, 2);
      stage.at(160).ha.leaderKey.emit(1);
      const { metrics } = measures.finish();
      expect(metrics.get('failover.etcd_leader_changed')).toBe(changed);
    }
  });
});

describe('what counts as a failover', () => {
  const counts = (stage: Stage, measures: Measures) => {
    const { metrics } = measures.finish();
    expect(stage.clock.now).toBeGreaterThan(0);
    return ['failover.count', 'switchover.count', 'promotions.count'].map((n) => metrics.get(n));
  };

  it('not a change that somebody asked for, but the one after it', () => {
    const stage = new Stage();
    const measures = new Measures(stage.observed);
    stage.at(10).ha.switchover.emit(0, 1);
    stage.at(12).ha.leaderKey.emit(-1);
    stage.at(13).ha.leaderKey.emit(1);
    stage.promote(1);
    stage.at(50).ha.leaderKey.emit(-1);
    stage.at(51).ha.leaderKey.emit(0);
    expect(counts(stage, measures)).toEqual([1, 1, 1]);
  });

  it('not a leader that takes its own key again', () => {
    const stage = new Stage();
    const measures = new Measures(stage.observed);
    stage.at(12).ha.leaderKey.emit(-1);
    stage.at(13).ha.leaderKey.emit(0);
    expect(counts(stage, measures)).toEqual([0, 0, 0]);
  });

  it('not what happened in the warm-up', () => {
    const stage = new Stage({ warmup: 20 });
    const measures = new Measures(stage.observed);
    stage.at(12).ha.leaderKey.emit(1);
    stage.promote(1);
    stage.at(20);
    measures.atWarmup();
    stage.at(30).ha.leaderKey.emit(0);
    expect(counts(stage, measures)).toEqual([1, 0, 0]);
  });
});

describe('split brain', () => {
  const splitBrain = (measures: Measures) => {
    const { metrics } = measures.finish();
    return [metrics.get('split_brain.duration'), metrics.get('split_brain.commits')];
  };

  it('is the time with two primaries, whoever writes', () => {
    const stage = new Stage();
    const measures = new Measures(stage.observed);
    stage.at(10).commit(0, 100);
    stage.replicate(1, 100);
    stage.at(90).promote(1);
    stage.at(91).commit(0, 200);
    stage.at(92).commit(1, 200);
    stage.at(95).crash(0, 200);
    stage.at(96).commit(1, 300);
    stage.at(100);
    expect(splitBrain(measures)).toEqual([5, 2]);
  });

  it('goes on to the end, and begins anew with the end of the warm-up', () => {
    const stage = new Stage({ warmup: 50 });
    const measures = new Measures(stage.observed);
    stage.at(40).promote(1);
    stage.at(45).commit(0, 100);
    stage.at(50);
    measures.atWarmup();
    stage.at(60);
    expect(splitBrain(measures)).toEqual([10, 0]);
  });

  it('a primary whose host or processes are paused is not ready', () => {
    const stage = new Stage({ victims: [[0]] });
    const measures = new Measures(stage.observed);
    stage.at(10).promote(1);
    stage.at(12).server(0).group.frozen = true;
    stage.server(0).host.become('paused');
    stage.at(20).server(0).group.frozen = false;
    stage.server(0).host.become('up');
    stage.at(21).server(0).group.frozen = true;
    stage.faults.began.emit(0);
    stage.at(30);
    expect(splitBrain(measures)).toEqual([3, 0]);
  });

  it('primaries of different clusters are none', () => {
    const stage = new Stage();
    const measures = new Measures({ ...stage.observed, clusterOf: [0, 1] });
    stage.at(10).promote(1);
    stage.at(20).commit(1, 100);
    expect(splitBrain(measures)).toEqual([0, 0]);
  });
});
