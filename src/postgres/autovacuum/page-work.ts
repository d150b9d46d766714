/**
 * The pages of a vacuum or an analyze, one after the other: each is got from the pool or read
 * through the ring, its WAL is inserted, its cost is counted, and between two of them the process
 * may nap or be told to stop. What is done between two naps is one turn of the processor, beside
 * the reads that miss: a million pages are not a million steps of the simulation.
 */
import type { BufferRing } from '../buffers/rings.ts';
import { type Table, tablePage } from '../heap/relation.ts';
import { mapBlockOf } from '../heap/visibility-map.ts';
import type { RegisteredBlock, WalRecord } from '../heap/wal-record.ts';
import { RECORD, TURN } from './costs.ts';
import type { MaintenanceProcess } from './process.ts';
import type { CostThrottle } from './throttle.ts';

/** Where a page is. */
export interface PagePlace {
  readonly relation: number;
  readonly block: number;
}

export class PageWork {
  ring: BufferRing | null;
  readonly throttle: CostThrottle;
  private readonly process: MaintenanceProcess;
  private readonly table: Table;
  /** Processor time not yet spent. */
  private owed = 0;

  constructor(
    process: MaintenanceProcess,
    table: Table,
    throttle: CostThrottle,
    ring: BufferRing | null,
  ) {
    this.process = process;
    this.table = table;
    this.throttle = throttle;
    this.ring = ring;
  }

  /**
   * Reads a page and inserts the records of its change; `cost` is the processor time beside. True:
   * it is done; false: the process has been told to stop.
   */
  *page({ relation, block }: PagePlace, cost: number, records: readonly WalRecord[]) {
    const { process, throttle } = this;
    const nap = throttle.nap();
    if (nap > 0 || this.owed >= TURN) {
      yield* this.settle();
      if (nap > 0) yield* process.sleep(nap);
    }
    if (process.stopped !== null) return false;
    const { storage } = process.server;
    const page = tablePage(relation, block);
    if (storage.use(page, this.ring)) throttle.hit();
    else {
      throttle.miss();
      this.owed += yield* storage.read(page, process.wait, this.ring);
      if (process.stopped === 'terminated') return false;
    }
    this.owed += cost;
    if (records.length > 0) yield* this.log(records);
    return true;
  }

  /** What is owed goes to the processor. */
  *settle() {
    const { owed } = this;
    this.owed = 0;
    yield* this.process.work(owed);
  }

  private *log(records: readonly WalRecord[]) {
    const { storage, wal, costs } = this.process.server;
    this.countDirty(records.flatMap(({ blocks }) => blocks));
    const before = wal.images;
    storage.log(this.table, records);
    this.owed += records.length * RECORD + (wal.images - before) * costs.fullPageImage;
    if (wal.mustWait()) yield* wal.makeRoom(this.process.wait);
  }

  /** Only a page that was clean costs (bufmgr.c:MarkBufferDirty). */
  private countDirty(blocks: readonly RegisteredBlock[]): void {
    const { storage } = this.process.server;
    const counted = new Set<string>(); // a page that several records change becomes dirty once
    for (const block of blocks) {
      const name = `${block.relation} ${block.fork} ${block.block}`;
      if (counted.has(name) || storage.isDirty(this.table, block)) continue;
      counted.add(name);
      this.throttle.dirty();
    }
  }
}

/** The records of a run's first page, for the page that is so many behind it. */
export function shifted(records: readonly WalRecord[], first: number, by: number): WalRecord[] {
  return records.map((record) => ({
    ...record,
    blocks: record.blocks.map((block) => ({
      ...block,
      block: block.fork === 'main' ? block.block + by : mapBlockOf(first + by),
    })),
  }));
}
