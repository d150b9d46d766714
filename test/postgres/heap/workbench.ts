import { Random } from '../../../src/kernel/random.ts';
import { Table, type TableDefinition } from '../../../src/postgres/heap/relation.ts';
import { needsImage, recordBytes, type WalRecord } from '../../../src/postgres/heap/wal-record.ts';

export const ACCOUNTS_TUPLE_BYTES = 121;

/** pgbench_accounts as `pgbench -i` leaves it. */
export function accounts(rows: number, fillfactor: number, version = 15): Table {
  return new Table({
    name: 'pgbench_accounts',
    relation: 1,
    rows,
    tupleBytes: ACCOUNTS_TUPLE_BYTES,
    fillfactor,
    version,
    indexes: [primaryKey(4)],
  });
}

export function primaryKey(keyBytes: number): TableDefinition['indexes'][number] {
  return {
    name: 'pkey',
    relation: 2,
    keyBytes,
    unique: true,
    fillfactor: 90,
    rowsPerKey: 1,
    correlation: 'exact',
  };
}

/** Inserts records into a log that only counts, with images by the rule of the redo point. */
export class Log {
  records = 0;
  /** As pg_stat_wal has it: with images, aligned to 8. */
  bytes = 0;
  imageBytes = 0;
  /** Images of pages of the table itself. */
  heapImages = 0;
  readonly byKind = new Map<string, { records: number; bytes: number }>();
  private lsn = 1;
  /** Before the first checkpoint no page needs an image. */
  private redo = -1;

  checkpoint(): void {
    this.redo = this.lsn;
    this.lsn += 8;
  }

  insert(table: Table, record: WalRecord): void {
    const plain = recordBytes(record);
    const whole = recordBytes(record, (block) => {
      const isHeap = block.relation === table.definition.relation;
      const owner = isHeap ? table.heap : indexOf(table, block.relation);
      const pageLsn = lsnOf(owner, block);
      const isImaged = needsImage(pageLsn, this.redo, true);
      if (isImaged && owner === table.heap) this.heapImages++;
      return isImaged;
    });
    this.lsn += (whole + 7) & ~7;
    this.bytes += (whole + 7) & ~7;
    this.imageBytes += Math.max(0, whole - plain);
    this.records++;
    const kind = this.byKind.get(record.kind) ?? { records: 0, bytes: 0 };
    kind.records++;
    kind.bytes += plain;
    this.byKind.set(record.kind, kind);
    table.heap.stamp(record, this.lsn);
    for (const index of table.indexes) index.stamp(record, this.lsn);
  }
}

function indexOf(table: Table, relation: number): Table['indexes'][number] {
  return table.indexes.find(({ definition }) => definition.relation === relation)!;
}

function lsnOf(
  owner: Table['heap'] | Table['indexes'][number],
  block: WalRecord['blocks'][number],
): number {
  return 'visibility' in owner ? owner.lsnOf(block) : owner.lsnOf(block.block);
}

/** Uniform updates of one column without an index, as one client sends them. */
export class Updater {
  xid: number;
  readonly target = { block: -1 };
  prunes = 0;
  private readonly table: Table;
  private readonly random: Random;

  constructor(table: Table, name: string) {
    this.table = table;
    this.random = new Random(name);
    this.xid = 1000;
  }

  run(updates: number, horizon: number | null, log: Log | null = null): void {
    const { rows } = this.table.definition;
    for (let i = 0; i < updates; i++) {
      const xid = ++this.xid;
      const row = this.random.integer(0, rows - 1);
      const change = this.table.update(row, {
        xid,
        horizon: horizon ?? xid,
        changesIndexedColumn: false,
        changedBytes: 1,
        target: this.target,
      })!;
      for (const record of change.records) {
        if (record.kind === 'Heap2/PRUNE') this.prunes++;
        log?.insert(this.table, record);
      }
    }
  }
}
