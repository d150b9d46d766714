import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/kernel/index.ts';
import { play } from './stage.ts';

describe('checkpoints.duration', () => {
  it('is each checkpoint that ends after the warm-up, its writing and its fsyncs', () => {
    const { get } = play({ warmup: 10, duration: 100 }, (stage, measures) => {
      const { checkpointCompleted } = stage.postgres;
      stage.at(5);
      checkpointCompleted.emit(0, 100, 4 * SECOND, 1 * SECOND);
      stage.at(10);
      measures.atWarmup();
      stage.at(40);
      checkpointCompleted.emit(0, 50, 8 * SECOND, 2 * SECOND);
      stage.at(90);
      checkpointCompleted.emit(0, 70, 18 * SECOND, 2 * SECOND);
      checkpointCompleted.emit(1, 7, 1 * SECOND, 0);
    });
    const of = (name: string) => get(`servers.pg1.checkpoints.${name}`);
    expect([of('duration.count'), of('duration.min'), of('duration.max')]).toEqual([2, 10, 20]);
    expect(of('duration.mean')).toBeCloseTo(15, 9);
    expect([of('buffers'), of('write_time'), of('sync_time')]).toEqual([120, 26, 4]);
    expect(get('servers.pg2.checkpoints.duration.max')).toBe(1);
  });
});
