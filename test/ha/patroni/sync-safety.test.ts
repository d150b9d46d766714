import { expect, test } from 'vitest';
import { EMPTY_SYNC, type SyncState } from '../../../src/ha/patroni/cluster.ts';
import { parseStandbyNames } from '../../../src/ha/patroni/standby-names.ts';
import {
  NO_SYNC_MEMORY,
  rememberNames,
  type SyncMemory,
  type SyncStep,
  synchronousPlan,
  type Walsender,
} from '../../../src/ha/patroni/synchronous.ts';
import type { PatroniSettings } from '../../../src/ha/patroni-settings.ts';
import { Random } from '../../../src/kernel/random.ts';
import { member, members, settings } from './fixtures.ts';

const STANDBYS = ['b', 'c', 'd'];

/** A primary with standbys that come and go, and commits that wait as the names demand. */
class World {
  readonly random: Random;
  readonly settings: PatroniSettings;
  readonly flushed = new Map(STANDBYS.map((name) => [name, 0]));
  readonly connected = new Set(STANDBYS);
  current = 0;
  acknowledged = 0;
  names = '';
  sync: SyncState = EMPTY_SYNC;
  memory: SyncMemory = NO_SYNC_MEMORY;
  waited = false;

  constructor(seed: number, given: PatroniSettings) {
    this.random = new Random(`sync/${seed}`);
    this.settings = given;
  }

  /** WAL grows, standbys receive some of it, commits are acknowledged as far as they may be. */
  proceed(): void {
    this.current += this.random.integer(0, 10);
    for (const name of STANDBYS) {
      if (this.random.chance(0.08)) this.toggle(name);
      if (!this.connected.has(name)) continue;
      const at = this.flushed.get(name)!;
      const most = this.random.chance(0.5) ? this.current : at + 3;
      this.flushed.set(name, Math.max(at, Math.min(this.current, most)));
    }
    this.acknowledged = Math.max(this.acknowledged, this.confirmed());
  }

  private toggle(name: string): void {
    if (!this.connected.delete(name)) this.connected.add(name);
  }

  /** The furthest commit that the names let through (syncrep.c). */
  private confirmed(): number {
    const { type, num, names } = parseStandbyNames(this.names);
    if (type === 'off') return this.current;
    const here = names.filter((name) => this.connected.has(name));
    const positions = here.map((name) => this.flushed.get(name)!);
    if (positions.length < num) return 0;
    if (type === 'quorum') return positions.sort((a, b) => b - a)[num - 1]!;
    return Math.min(...positions.slice(0, num));
  }

  walsenders(): Walsender[] {
    const { type, num, names } = parseStandbyNames(this.names);
    const here = names.filter((name) => this.connected.has(name));
    return [...this.connected].map((name) => {
      const rank = here.indexOf(name);
      const priority = rank < num ? 'sync' : 'potential';
      const syncState = rank < 0 ? 'async' : type === 'quorum' ? 'quorum' : priority;
      return { applicationName: name, syncState, lsn: this.flushed.get(name)! };
    });
  }

  /** One look of the agent; it may die or lose the race for `/sync` after any step. */
  look(): void {
    const { steps, memory } = synchronousPlan({
      me: 'a',
      settings: this.settings,
      sync: this.sync,
      members: members(...['a', ...STANDBYS].map((name) => member(name))),
      standbyNames: this.names,
      configuredNames: '',
      walsenders: this.walsenders(),
      currentLsn: this.current,
      memory: this.memory,
      waited: this.waited,
    });
    this.memory = memory;
    this.waited = false;
    for (const step of steps) {
      if (this.random.chance(0.1)) return;
      this.carryOut(step);
      this.proceed();
      this.check();
    }
  }

  private carryOut(step: SyncStep): void {
    if (step.kind === 'write sync') this.sync = step.sync;
    else if (step.kind === 'set names') {
      this.names = step.standbyNames;
      // Quorum commit promises only what was confirmed by the names in force: see the next test.
      if (this.settings.synchronous_mode === 'quorum') this.acknowledged = 0;
      this.memory = rememberNames(this.memory, this.names, this.current);
    } else this.waited = true;
  }

  /** Whoever could win a race among `/sync` has every acknowledged commit. */
  check(): void {
    const { standbys, quorum } = this.sync;
    for (const candidate of standbys) {
      const mine = this.flushed.get(candidate)!;
      const votes = standbys.filter(
        (name) => name !== candidate && this.flushed.get(name)! <= mine,
      ).length;
      if (votes >= quorum && mine < this.acknowledged) {
        throw new Error(
          `${candidate} at ${mine} may lead, ${this.acknowledged} is acknowledged; ` +
            `/sync ${standbys} quorum ${quorum}, names ${this.names}`,
        );
      }
    }
  }
}

function run(seed: number, given: PatroniSettings): World {
  const world = new World(seed, given);
  for (let i = 0; i < 150; i++) {
    world.proceed();
    world.check();
    if (i % 3 === 0 || world.waited) world.look();
  }
  return world;
}

const MODES: Partial<PatroniSettings>[] = [
  { synchronous_mode: 'on' },
  { synchronous_mode: 'on', synchronous_node_count: 2 },
  { synchronous_mode: 'on', synchronous_mode_strict: true },
  { synchronous_mode: 'quorum' },
  { synchronous_mode: 'quorum', synchronous_node_count: 2 },
  { synchronous_mode: 'quorum', synchronous_mode_strict: true },
];

test.each(MODES)('%o: no member of /sync that may lead misses an acknowledged commit', (mode) => {
  let protectedRuns = 0;
  for (let seed = 0; seed < 150; seed++) {
    const world = run(seed, settings(mode));
    if (world.sync.standbys.length > 0) protectedRuns++;
  }
  expect(protectedRuns).toBeGreaterThan(75);
});

test('quorum: a voter that leaves may take with it what only it had confirmed', () => {
  // b has confirmed 2000 alone, c is at 1000 and counts as caught up since it was added.
  const given = {
    me: 'a',
    settings: settings({ synchronous_mode: 'quorum' }),
    sync: { leader: 'a', standbys: ['b', 'c'], quorum: 1 },
    members: members(member('a'), member('b'), member('c')),
    standbyNames: 'ANY 1 (b,c)',
    configuredNames: '',
    walsenders: [{ applicationName: 'c', syncState: 'quorum', lsn: 1000 }],
    currentLsn: 2000,
    memory: { names: 'ANY 1 (b,c)', minimumLsn: 500, ready: ['b', 'c'] },
    waited: false,
  } as const;
  const steps = synchronousPlan(given).steps;
  expect(steps.map(({ message: _, ...step }) => step)).toEqual([
    { kind: 'set names', standbyNames: 'ANY 1 (c)' },
    { kind: 'write sync', sync: { leader: 'a', standbys: ['c'], quorum: 0 } },
  ]);
});

test('in the mode on, /sync never lists whom a commit does not wait for', () => {
  for (let seed = 0; seed < 100; seed++) {
    const world = new World(seed, settings({ synchronous_mode: 'on', synchronous_node_count: 2 }));
    for (let i = 0; i < 100; i++) {
      world.proceed();
      world.look();
      const { names, num } = parseStandbyNames(world.names);
      for (const name of world.sync.standbys) expect(names).toContain(name);
      if (names.length > 0) expect(num).toBe(names.length);
    }
  }
});
