/**
 * The bgwriter process (bgwriter.c:BackgroundWriterMain): a cycle every bgwriter_delay in which it
 * writes what the clock hand is about to need (`buffers/bgwriter.ts`), and a record of running
 * transactions every 15 s if WAL that matters was written since.
 *
 * When nothing is allocated it hibernates for 50 delays, until the next allocation. Postgres runs
 * it on standbys too; here it starts there with the first connection.
 */
import { type Nanoseconds, type Process, Signal } from '../../kernel/index.ts';
import { LOG_SNAPSHOT_INTERVAL } from '../buffers/bgwriter.ts';
import { BackgroundWriterTurns } from '../buffers/bgwriter-turns.ts';
import type { Lsn } from '../lsn.ts';
import type { Server } from '../server.ts';
import { PageWrites } from './page-writes.ts';
import { logStandbySnapshot } from './running-transactions.ts';

export class BackgroundWriterProcess {
  /** Cycles that stopped at bgwriter_lru_maxpages: pg_stat_bgwriter's maxwritten_clean. */
  stoppedAtMaximum = 0;
  private runs = false;
  private lastSnapshotAt: Nanoseconds = 0;
  private lastSnapshotLsn: Lsn = 0;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  /** Starts the process, unless it runs. */
  start(): void {
    if (this.runs) return;
    this.runs = true;
    this.server.host.spawn(this.run(), this.server.group);
  }

  /** It has ended with all processes. */
  crash(): void {
    this.runs = false;
    this.server.storage.pool.sweep.onAllocation = null;
  }

  private *run(): Process {
    const { context, settings, storage } = this.server;
    const { pool, cache } = storage;
    const { sim } = context;
    const turns = new BackgroundWriterTurns(pool, cache.oneOf);
    const writes = new PageWrites(this.server, 'bgwriter', settings.bgwriter_flush_after);
    const latch = new Signal(sim);
    const wants = (buffer: number) => pool.isDirty(buffer) && pool.isReusable(buffer);
    this.lastSnapshotAt = sim.now;
    this.lastSnapshotLsn = this.server.wal.insertLsn;
    for (;;) {
      const cycle = turns.next(settings);
      if (cycle.stoppedAtMaximum && cycle.writes.length > 0) this.stoppedAtMaximum++;
      for (let i = 0; i < cycle.writes.length; i += writes.groupPages) {
        const end = Math.min(i + writes.groupPages, cycle.writes.length);
        yield* writes.write(cycle.writes, i, end, wants);
      }
      this.logSnapshot();
      yield sim.hold(cycle.delay);
      if (cycle.hibernation === 0) continue;
      pool.sweep.onAllocation = () => latch.fire();
      yield latch.wait(sim.now + cycle.hibernation);
      pool.sweep.onAllocation = null;
    }
  }

  private logSnapshot(): void {
    const { context, wal, inRecovery, settings } = this.server;
    const { now } = context.sim;
    if (inRecovery || settings.wal_level === 'minimal') return;
    if (now < this.lastSnapshotAt + LOG_SNAPSHOT_INTERVAL) return;
    if (wal.lastImportantLsn <= this.lastSnapshotLsn) return;
    this.lastSnapshotLsn = logStandbySnapshot(this.server);
    this.lastSnapshotAt = now;
  }
}
