import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { BufferPool, VICTIM_TAKEN } from '../../../src/postgres/buffers/buffer-pool.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import { BufferRing, type RingKind } from '../../../src/postgres/buffers/rings.ts';
import { NaiveBufferPool, type NaiveRing, naiveRing } from '../../naive/buffer-pool.ts';
import { sweepOf } from './sweep.ts';

const KINDS: readonly RingKind[] = ['bulk read', 'bulk write', 'vacuum'];
const FILES = [1, 7, 2_000_000];
const FAR_BLOCK = 0xffff_fff0; // as far as blocks go

type Pair = readonly [BufferRing, NaiveRing] | readonly [null, null];

/** Both pools, driven by the same dice. */
class Twins {
  readonly pool: BufferPool;
  readonly naive: NaiveBufferPool;
  private readonly random: Random;
  private readonly rings: Pair[];
  private readonly pinned: number[] = [];
  private readonly victims: [buffer: number, ring: Pair][] = [];
  private lsn = 0;
  private flushed = 0;
  readonly seen: Record<string, number> = {};

  constructor(random: Random) {
    this.random = random;
    const size = random.integer(4, 40);
    this.pool = new BufferPool(size);
    this.naive = new NaiveBufferPool(size);
    this.rings = KINDS.map((kind) => {
      const slots = random.integer(1, 6);
      return [new BufferRing(kind, slots), naiveRing(kind === 'bulk read', slots)] as const;
    });
  }

  step(): void {
    const dice = this.random.uniform();
    if (dice < 0.5) this.access();
    else if (dice < 0.58) this.pinOrUnpin();
    else if (dice < 0.72) this.change();
    else if (dice < 0.8) this.beginVictim();
    else if (dice < 0.92) this.finishVictim();
    else if (dice < 0.93) this.drop();
    else if (dice < 0.94) this.checkpoint();
    else this.flushed = this.random.integer(this.flushed, this.lsn);
  }

  expectSame(): void {
    const { pool, naive } = this;
    const state = naive.buffers.map((_, buffer) => ({
      usage: pool.usageCount(buffer),
      pins: pool.pinCount(buffer),
      dirty: pool.isDirty(buffer),
      checkpoint: pool.needsCheckpoint(buffer),
      lsn: pool.lsnOf(buffer),
      page: pool.pageIn(buffer),
    }));
    const expected = naive.buffers.map((descriptor) => ({
      usage: descriptor.usage,
      pins: descriptor.pins,
      dirty: descriptor.dirty,
      checkpoint: descriptor.checkpoint,
      lsn: descriptor.permanent ? descriptor.lsn : 0,
      page: descriptor.page === null ? -1 : number(descriptor.page),
    }));
    expect(state).toEqual(expected);
    expect([pool.hits, pool.reads, pool.evictions]).toEqual([
      naive.hits,
      naive.reads,
      naive.evictions,
    ]);
    expect([sweepOf(pool).hand, sweepOf(pool).passes]).toEqual([naive.hand, naive.passes]);
    expect(pool.dirty).toBe(naive.buffers.filter(({ dirty }) => dirty).length);
    const held = naive.buffers.flatMap(({ page }) => (page === null ? [] : [page]));
    expect(held.map((page) => pool.find(number(page)))).toEqual(
      held.map((page) => naive.find(page)),
    );
  }

  private page(): string {
    const file = FILES[this.random.integer(0, 2)]!;
    const block = this.random.integer(0, 14);
    return `${file}/${this.random.chance(0.2) ? FAR_BLOCK + block : block}`;
  }

  private ring(): Pair {
    return this.random.chance(0.35) ? [null, null] : this.rings[this.random.integer(0, 2)]!;
  }

  private access(): void {
    const page = this.page();
    const [ring, naiveTwin] = this.ring();
    const found = this.pool.access(number(page), ring);
    expect(found).toBe(this.naive.access(page, naiveTwin) ?? -1);
    if (found >= 0) return;
    const buffer = this.pool.allocate(number(page), ring, this.flushed, isPermanent(page));
    expect(buffer).toBe(this.naiveAllocate(page, naiveTwin, isPermanent(page)));
    if (buffer < 0) {
      this.count('all pinned');
      return;
    }
    this.pool.finishRead(buffer);
    this.pinned.push(buffer);
    if (this.random.chance(0.9)) this.unpin(this.pinned.length - 1);
  }

  private naiveAllocate(page: string, ring: NaiveRing | null, permanent: boolean): number {
    const { naive } = this;
    for (;;) {
      const buffer = naive.victim(ring);
      if (buffer === null) return -1;
      const descriptor = naive.buffers[buffer]!;
      const unflushed = descriptor.permanent && descriptor.lsn > this.flushed;
      if (descriptor.dirty && unflushed && naive.reject(ring, buffer)) {
        this.count('rejected by the ring');
        continue;
      }
      if (descriptor.dirty) this.count('dirty victim');
      expect(this.pool.victimDirty).toBe(descriptor.dirty);
      expect(this.pool.victimPage).toBe(descriptor.page === null ? -1 : number(descriptor.page));
      naive.clean(buffer);
      return naive.replace(buffer, page, ring, permanent)!;
    }
  }

  private unpin(at: number): void {
    const [buffer] = this.pinned.splice(at, 1);
    this.pool.unpin(buffer!);
    this.naive.buffers[buffer!]!.pins--;
  }

  private pinOrUnpin(): void {
    if (this.pinned.length > 0 && this.random.chance(0.55)) {
      this.unpin(this.random.integer(0, this.pinned.length - 1));
      return;
    }
    const page = this.page();
    const buffer = this.naive.find(page);
    if (buffer === null) return;
    const [ring, naiveTwin] = this.ring();
    this.pool.pin(buffer, ring);
    this.naive.pin(buffer, naiveTwin);
    this.pinned.push(buffer);
  }

  private change(): void {
    const buffer = this.random.integer(0, this.pool.size - 1);
    if (this.naive.buffers[buffer]!.page === null) return;
    if (this.random.chance(0.3)) {
      this.pool.clean(buffer);
      this.naive.clean(buffer);
    } else {
      this.lsn += this.random.integer(1, 9);
      this.pool.markDirty(buffer, this.lsn);
      this.naive.dirty(buffer, this.lsn);
    }
  }

  /** A victim is held while time passes, as when WAL has to be flushed first. */
  private beginVictim(): void {
    const pair = this.ring();
    const buffer = this.pool.victim(pair[0]);
    expect(buffer).toBe(this.naive.victim(pair[1]) ?? -1);
    if (buffer < 0) this.count('all pinned');
    else if (this.random.chance(0.5) && this.rejects(pair, buffer))
      this.count('rejected by the ring');
    else this.holdVictim(pair, buffer);
  }

  private rejects([ring, naiveTwin]: Pair, buffer: number): boolean {
    const rejected = this.pool.isDirty(buffer) && this.pool.reject(ring, buffer);
    const dirty = this.naive.buffers[buffer]!.dirty;
    expect(rejected).toBe(dirty && this.naive.reject(naiveTwin, buffer));
    return rejected;
  }

  private holdVictim(pair: Pair, buffer: number): void {
    this.pool.clean(buffer);
    this.naive.clean(buffer);
    this.victims.push([buffer, pair]);
  }

  private finishVictim(): void {
    const [victim] = this.victims.splice(0, 1);
    if (!victim) return;
    const [buffer, [ring, naiveTwin]] = victim;
    const page = this.page();
    const got = this.pool.replace(buffer, number(page), ring, isPermanent(page));
    expect(got).toBe(this.naive.replace(buffer, page, naiveTwin, isPermanent(page)) ?? -1);
    if (got !== VICTIM_TAKEN) this.pinned.push(got);
    if (got === buffer) this.pool.finishRead(buffer);
    else this.count(got === VICTIM_TAKEN ? 'victim taken' : 'brought in by another');
  }

  private drop(): void {
    const file = FILES[this.random.integer(0, 2)]!;
    const blocks = this.random.chance(0.5) ? 0 : this.random.integer(0, 14);
    expect(this.pool.drop(file, blocks)).toBe(this.naive.drop(file, blocks));
    this.count('dropped');
  }

  private checkpoint(): void {
    this.naive.redoLsn = this.lsn;
    this.pool.evictedLsns.moveRedo(this.lsn);
    expect([...this.pool.markForCheckpoint()]).toEqual(this.naive.markForCheckpoint());
    this.count('checkpoints');
  }

  private count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }
}

const isPermanent = (page: string) => !page.startsWith('7/');

function number(page: string): number {
  const [file, block] = page.split('/').map(Number);
  return pageOf(file!, block!);
}

describe('the pool and its naive twin', () => {
  test('agree on 200 random traces with rings, pins, drops and checkpoints', () => {
    const random = new Random('buffer twins');
    const seen: Record<string, number> = {};
    for (let trace = 0; trace < 200; trace++) {
      const twins = new Twins(random);
      for (let step = 0; step < 300; step++) {
        twins.step();
        if (step % 50 === 0) twins.expectSame();
      }
      twins.expectSame();
      expect(sweepOf(twins.pool).takeAllocations()).toBe(twins.naive.allocations);
      for (const what of Object.keys(twins.seen)) {
        seen[what] = (seen[what] ?? 0) + twins.seen[what]!;
      }
    }
    const rare = ['all pinned', 'rejected by the ring', 'victim taken', 'brought in by another'];
    for (const what of rare) expect(seen[what] ?? 0, what).toBeGreaterThan(50);
  });
});
