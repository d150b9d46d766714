/**
 * What default partitions have: rows that no other partition takes, by their keys. Whoever adds a
 * partition has to look whether one of them belongs to it (partbounds.c:
 * check_default_partition_contents). Left out: rows that were there before the run, whose keys
 * nobody knows; they are taken to belong to no partition that comes later. Without an index nobody
 * knows which rows are gone: all are taken to be there.
 */
import type { Table } from '../heap/relation.ts';

/** A number; an instant of the run where the key is a time; a text. Null: nobody knows. */
export type RowKey = number | string | null;

export class Strays {
  private readonly tables = new Map<number, Map<number, RowKey>>();

  /** A default partition has got a row. */
  add(table: number, row: number, key: RowKey): void {
    if (key === null) return;
    const rows = this.tables.get(table) ?? new Map<number, RowKey>();
    rows.set(row, key);
    this.tables.set(table, rows);
  }

  /** The first row whose key is taken elsewhere, in the order in which they came; -1: none is. */
  firstOf(index: number, table: Table, takes: (key: RowKey) => boolean): number {
    for (const [row] of this.alive(index, table, takes)) return row;
    return -1;
  }

  /** The greatest number among the keys of rows that are there; null without one. */
  greatest(index: number, table: Table): number | null {
    let greatest: number | null = null;
    for (const [, key] of this.alive(index, table, (each) => typeof each === 'number')) {
      if (greatest === null || (key as number) > greatest) greatest = key as number;
    }
    return greatest;
  }

  /** Rows that a test takes; those that are gone are forgotten on the way. */
  private *alive(
    index: number,
    { heap, indexes }: Table,
    takes: (key: RowKey) => boolean,
  ): Generator<readonly [row: number, key: RowKey]> {
    const rows = this.tables.get(index);
    for (const [row, key] of rows ?? []) {
      if (indexes.length > 0 && heap.rows.blockOf(row) < 0) rows!.delete(row);
      else if (takes(key)) yield [row, key];
    }
  }
}
