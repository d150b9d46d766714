import { describe, expect, it } from 'vitest';
import { play } from './stage.ts';

describe('replication.last_xact_replay_age', () => {
  const age = (name: string) => `servers.pg2.replication.last_xact_replay_age.${name}`;

  it('grows on an idle primary, although nothing is missing', () => {
    const { get } = play({ duration: 100 }, (stage) => {
      stage.at(10).insert(0, 100);
      stage.at(11).insert(0, 200);
      stage.at(12).flush(0, 200);
      stage.at(13).postgres.replayed.emit(1, 150);
      stage.at(15).postgres.replayed.emit(1, 200);
      stage.at(100);
    });
    expect(get(age('end'))).toBe(100 - 11);
    expect(get(age('max'))).toBe(100 - 11);
    // 0 before 13 s; 3 to 5 until 15 s, of the first commit; 4 to 89 from then on, of the second
    expect(get(age('mean'))).toBeCloseTo((2 * 4 + (85 * (4 + 89)) / 2) / 100, 6);
    expect(get('servers.pg2.replication.replay_lag.end')).toBe(0);
  });

  it('does not know of commits that were beyond the fork', () => {
    const { get } = play({ servers: 3, duration: 100 }, (stage) => {
      stage.at(10).commit(0, 100);
      stage.at(20).commit(0, 900);
      stage.replicate(1, 100);
      stage.postgres.replayed.emit(1, 100);
      stage.at(30).promote(1);
      stage.at(40).commit(1, 300);
      stage.at(50).postgres.replayed.emit(2, 300);
      stage.at(100);
    });
    expect(get('servers.pg3.replication.last_xact_replay_age.end')).toBeCloseTo(60, 9);
    expect(get(age('end'))).toBe(0);
    expect(get('servers.pg1.replication.last_xact_replay_age.end')).toBe(0);
  });
});
