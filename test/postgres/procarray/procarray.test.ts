import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import {
  HeldXid,
  type Isolation,
  NO_XID,
  ProcArray,
  ProcEntry,
} from '../../../src/postgres/procarray/index.ts';
import { type NaiveProc, NaiveProcArray, pick } from '../../naive/procarray.ts';

const ISOLATIONS: readonly Isolation[] = ['read committed', 'repeatable read', 'serializable'];

/** The ProcArray and its naive twin, driven together. */
class Twins {
  readonly clock = { now: 0 };
  readonly array: ProcArray;
  readonly naive = new NaiveProcArray();
  readonly pairs: { entry: ProcEntry; proc: NaiveProc; executing: boolean; gid: string }[] = [];
  readonly slots: HeldXid[] = [];
  private readonly random: Random;
  private prepared = 0;

  constructor(seed: string, version: number) {
    this.random = new Random(seed);
    this.array = new ProcArray(this.clock, version);
  }

  step(): void {
    this.clock.now += this.random.integer(0, 3);
    const action = this.random.integer(0, 99);
    const pair = this.pairs.length > 0 ? pick(this.random, this.pairs) : null;
    if (!pair || (action < 4 && this.pairs.length < 12)) this.connect();
    else if (pair.gid) this.finishPrepared(pair, action);
    else if (action < 40) this.statement(pair);
    else if (action < 55) this.write(pair);
    else if (action < 62) this.cursor(pair);
    else if (action < 66) this.prepare(pair);
    else if (action < 74) this.slot();
    else if (action < 77) this.leave(pair);
    else this.end(pair, action < 95);
  }

  private connect(): void {
    const entry = new ProcEntry(this.clock.now, this.random.integer(0, 2));
    entry.isolation = pick(this.random, ISOLATIONS);
    entry.ignored = this.random.chance(0.1);
    const { database, ignored } = entry;
    const proc = { database, ignored, xid: 0, snapshots: [] };
    this.naive.procs.push(proc);
    this.array.connect(entry);
    this.pairs.push({ entry, proc, executing: false, gid: '' });
  }

  private statement(pair: (typeof this.pairs)[number]): void {
    const { entry, proc } = pair;
    if (pair.executing) {
      this.array.endStatement(entry);
      if (entry.isolation === 'read committed') proc.snapshots.pop();
    } else {
      this.array.beginStatement(entry);
      if (entry.isolation === 'read committed' || proc.snapshots.length === 0) {
        proc.snapshots.push(this.naive.snapshot());
      }
    }
    pair.executing = !pair.executing;
  }

  private write({ entry, proc, executing }: (typeof this.pairs)[number]): void {
    if (!executing || proc.xid > 0) return;
    expect(this.array.assignXid(entry)).toBe(this.naive.assign(proc));
  }

  /** Opened in a statement that ends with it; closed outside of one. READ COMMITTED only. */
  private cursor(pair: (typeof this.pairs)[number]): void {
    const { entry, proc } = pair;
    if (entry.isolation !== 'read committed') return;
    if (pair.executing) {
      this.array.openCursor(entry);
      this.array.endStatement(entry);
      pair.executing = false;
    } else if (proc.snapshots.length > 0) {
      const n = this.random.integer(0, proc.snapshots.length - 1);
      this.array.closeCursor(entry, n);
      proc.snapshots.splice(n, 1);
    }
  }

  private prepare(pair: (typeof this.pairs)[number]): void {
    const { entry, proc } = pair;
    if (proc.xid === 0 || pair.executing) return;
    const gid = `p${this.prepared++}`;
    this.array.prepare(entry, gid);
    const { database, xid } = proc;
    const holder: NaiveProc = { database, xid, snapshots: [], ignored: false };
    this.naive.procs.push(holder);
    proc.xid = 0;
    proc.snapshots = [];
    this.pairs.push({ entry, proc: holder, executing: false, gid });
  }

  private finishPrepared(pair: (typeof this.pairs)[number], action: number): void {
    if (action < 80) return;
    expect(this.array.finishPrepared(pair.gid, action < 90)).toBe(true);
    this.naive.end(pair.proc, action < 90);
    this.forget(pair);
  }

  private slot(): void {
    const catalogsOnly = this.random.chance(0.5);
    const name = `${catalogsOnly ? 'logical' : 'physical'} ${this.random.integer(0, 2)}`;
    let slot = this.slots.find((held) => held.name === name);
    if (!slot) {
      slot = new HeldXid('slot', name);
      this.slots.push(slot);
    }
    const map = catalogsOnly ? this.naive.catalogSlots : this.naive.slots;
    const xid = this.random.chance(0.3) ? NO_XID : this.array.oldestNonRemovableSharedXid();
    this.array.hold(slot, xid, catalogsOnly);
    if (xid === NO_XID) map.delete(name);
    else map.set(name, xid);
  }

  private end(pair: (typeof this.pairs)[number], committed: boolean): void {
    this.array.endTransaction(pair.entry, committed);
    this.naive.end(pair.proc, committed);
    pair.executing = false;
  }

  private leave(pair: (typeof this.pairs)[number]): void {
    this.end(pair, false);
    this.array.disconnect(pair.entry);
    this.forget(pair);
  }

  private forget(pair: (typeof this.pairs)[number]): void {
    this.pairs.splice(this.pairs.indexOf(pair), 1);
    this.naive.procs.splice(this.naive.procs.indexOf(pair.proc), 1);
  }

  compare(): void {
    const { array, naive } = this;
    for (const database of [0, 1, 2]) {
      if (!this.pairs.some(({ entry }) => entry.database >= database)) continue;
      expect(array.oldestNonRemovableXid(database)).toBe(naive.horizon(database, false));
      expect(array.oldestNonRemovableCatalogXid(database)).toBe(naive.horizon(database, true));
    }
    expect(array.oldestNonRemovableSharedXid()).toBe(naive.horizon(null, true));
    expect(array.connections).toBe(naive.procs.length);
    for (const { entry, proc, executing, gid } of this.pairs) {
      if (gid || entry.ignored || !executing) continue;
      const snapshot = proc.snapshots.at(-1)!;
      expect([entry.snapshot.xmin, entry.snapshot.xmax]).toEqual([snapshot.xmin, snapshot.xmax]);
      const from = Math.max(3, snapshot.xmin - 20);
      const wrong: number[] = [];
      for (let xid = from; xid < naive.nextXid; xid++) {
        const visible = naive.isVisible(xid, proc.xid, snapshot);
        if (array.isVisible(xid, entry) !== visible) wrong.push(xid);
      }
      expect(wrong).toEqual([]);
    }
  }
}

describe('the ProcArray', () => {
  test.each([
    ['a', 13],
    ['b', 14],
    ['c', 17],
  ])('horizons and visibility as by walking over all connections: seed %s, v%d', (seed, v) => {
    const twins = new Twins(seed, v);
    for (let i = 0; i < 5_000; i++) {
      twins.step();
      twins.compare();
    }
    expect(twins.naive.nextXid).toBeGreaterThan(150);
    if (v >= 14) expect(twins.array.reusedSnapshots).toBeGreaterThan(40);
    else expect(twins.array.reusedSnapshots).toBe(0);
  });

  test('what is kept about ended transactions grows with the horizon’s age only', () => {
    const array = new ProcArray({ now: 0 }, 17);
    const old = new ProcEntry('old');
    old.isolation = 'repeatable read';
    const writer = new ProcEntry('writer');
    for (const entry of [old, writer]) array.connect(entry);
    array.assignXid(writer);
    array.beginStatement(old);
    const before = writer.xid;
    for (let i = 0; i < 5_000; i++) {
      array.endTransaction(writer, true);
      array.assignXid(writer);
    }
    expect(array.isVisible(before, old)).toBe(false);
    expect(array.isVisible(before + 4_000, old)).toBe(false);
    array.endTransaction(old, true);
    array.beginStatement(old);
    expect(array.isVisible(before + 4_999, old)).toBe(true);
    expect(array.isVisible(writer.xid, old)).toBe(false);
  });
});
