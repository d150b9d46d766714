import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { STANDBY_LOCK_BYTES } from '../../src/postgres/record-sizes.ts';
import { CONFLICT_REASONS } from '../../src/postgres/recovery-conflict.ts';
import type { Statement } from '../../src/postgres/statement.ts';
import { LOCKED, UNLOCKED } from '../../src/postgres/wal/contents.ts';
import { say } from './sql.ts';
import { type Client, ONE_WAY, type ServerPlan, World } from './world.ts';

/** What a client of a server says, and when: in milliseconds after the first second. */
export type Said = readonly [at: number, sql: string | Statement];

export const COUNT = 'SELECT count(*) FROM pgbench_accounts';
export const TELLER = 'UPDATE pgbench_tellers SET tbalance = tbalance + 1 WHERE tid = 1';
export const REPEATABLE = 'BEGIN ISOLATION LEVEL REPEATABLE READ';

/** Tables by their places. */
export const ACCOUNTS = 0;
export const TELLERS = 2;

type Settings = Record<string, number | boolean | string>;

/**
 * A primary without autovacuum, and a standby; what happens is noted in milliseconds after the
 * first second: answers to clients, whom replay has ended, when the standby has caught up.
 */
export class Pair {
  readonly world: World;
  readonly log: string[] = [];

  constructor(standby: Settings = {}, plan: Partial<ServerPlan> = {}, primary: Settings = {}) {
    const version = plan.version ?? 15;
    this.world = new World({
      servers: [
        { name: 'pg1', version, settings: { autovacuum: false, ...primary } },
        { name: 'pg2', of: 'pg1', version, ...plan, settings: standby },
      ],
    });
    this.world.events.recoveryConflict.observe((at, _, reason) => {
      this.note(at, `conflict: ${CONFLICT_REASONS[reason]}`);
    });
  }

  get primary() {
    return this.world.server('pg1');
  }

  get standby() {
    return this.world.server('pg2');
  }

  /** A client says these, each when its time has come and the one before is answered. */
  client(name: string, server: string, steps: readonly Said[]): this {
    const { world } = this;
    const log = (answer: string) => this.note(world.sim.now - 2 * ONE_WAY, `${name}: ${answer}`);
    const body = function* (client: Client): Process {
      yield* client.connect([server]);
      for (const [at, sql] of steps) {
        yield world.sim.holdUntil(SECOND + at * MILLISECOND);
        const answer = yield* say(client, sql);
        log(answer);
        if (answer === 'closed') return;
      }
    };
    world.play(body(world.client(name)));
    return this;
  }

  /** Changes a row of the tellers and vacuums them: row versions go that were just seen. */
  removeVersions(at: number): this {
    const { world } = this;
    const client = world.client(`remover ${at}`);
    const { autovacuum, wal } = this.primary;
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield world.sim.holdUntil(SECOND + at * MILLISECOND);
      yield* say(client, TELLER);
      yield* autovacuum.vacuum(TELLERS, { truncate: false });
      wal.requestFlush(wal.insertLsn);
      if (wal.flushed.below(wal.insertLsn)) yield;
    };
    world.play(body());
    return this;
  }

  /** A transaction of the primary that holds relations as DROP and TRUNCATE do, one by one. */
  exclusiveLocks(relations: Readonly<Record<number, number>>, endsAt: number): this {
    const { wal } = this.primary;
    const log = (kind: typeof LOCKED | typeof UNLOCKED, relation: number) => {
      wal.requestFlush(wal.insert(STANDBY_LOCK_BYTES, 'Standby/LOCK'));
      wal.note(kind, relation);
    };
    for (const [relation, at] of Object.entries(relations)) {
      this.world.at(SECOND + at * MILLISECOND, () => log(LOCKED, Number(relation)));
      this.world.at(SECOND + endsAt * MILLISECOND, () => log(UNLOCKED, Number(relation)));
    }
    return this;
  }

  /** Notes when the standby has replayed what the primary has flushed, from an instant on. */
  watch(from: number): this {
    const { world } = this;
    const noteAt = () => this.note(world.sim.now, 'caught up');
    const position = () => world.instance('pg2').replay.position.value;
    const { wal } = this.primary;
    const body = function* (): Process {
      yield world.sim.holdUntil(SECOND + from * MILLISECOND);
      while (position() < wal.flushed.value) yield world.sim.hold(MILLISECOND);
      noteAt();
    };
    world.play(body());
    return this;
  }

  /** Runs for so many milliseconds after the first second; returns the log. */
  run(until: number): string[] {
    this.world.sim.run(SECOND + until * MILLISECOND);
    return this.log;
  }

  private note(at: number, text: string): void {
    this.log.push(`${Math.floor((at - SECOND) / MILLISECOND)} ${text}`);
  }
}
