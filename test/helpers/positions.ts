import { expect } from 'vitest';
import type { World } from './world.ts';

/**
 * Holds at each event of replication: replay <= flush <= write on a standby, write there <= sent
 * <= flush <= write <= insert on its upstream. Counts the checks.
 */
export function watchPositions(world: World): { count: number } {
  const checked = { count: 0 };
  const check = (...positions: [name: string, lsn: number][]) => {
    checked.count++;
    for (let i = 1; i < positions.length; i++) {
      const [low, lower] = positions[i - 1]!;
      const [high, higher] = positions[i]!;
      if (lower > higher) expect.fail(`at ${world.sim.now}: ${low} ${lower} > ${high} ${higher}`);
    }
  };
  const look = (index: number) => {
    const instance = [...world.instances.values()][index]!;
    const { wal } = instance.server;
    check(
      ['replay', Math.min(instance.replay.position.value, wal.flushed.value)],
      ['flush', wal.flushed.value],
      ['write', wal.written],
      ['insert', wal.insertLsn],
    );
    if (instance.server.inRecovery) {
      check(['replay', instance.replay.position.value], ['flush', wal.flushed.value]);
    }
    for (const sender of instance.senders) {
      check(
        ['apply', sender.apply],
        ['flush', sender.flush],
        ['write', sender.write],
        ['sent', sender.sent],
        ['flushed here', wal.flushed.value],
      );
    }
  };
  const { events } = world;
  for (const topic of [events.flushed, events.standbyWritten, events.standbyFlushed]) {
    topic.observe((_, server) => look(server));
  }
  events.replayed.observe((_, server) => look(server));
  events.sent.observe(() => {
    for (let i = 0; i < world.instances.size; i++) look(i);
  });
  return checked;
}
