/** The columns of pgbench's tables, as statements name them. */

import type { Relation } from '../../postgres/statement.ts';
import { ACCOUNTS, BRANCHES, HISTORY, TELLERS } from '../pgbench.ts';

/** Where a column's bytes are in a row, behind the tuple's header; `end` excluded. */
export interface Column {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export interface SqlTable {
  readonly relation: Relation;
  /** The column of the primary key; null for a table without an index. */
  readonly key: string | null;
  readonly columns: readonly Column[];
}

/** Columns with their widths; a char(n) has a byte of length up to 126 characters, and no gaps. */
function table(
  relation: Relation,
  key: string | null,
  widths: readonly (readonly [name: string, bytes: number])[],
): SqlTable {
  let start = 0;
  const columns = widths.map(([name, bytes]) => {
    const column = { name, start, end: start + bytes };
    start += bytes;
    return column;
  });
  return { relation, key, columns };
}

export const TABLES: readonly SqlTable[] = [
  table(ACCOUNTS, 'aid', [
    ['aid', 4],
    ['bid', 4],
    ['abalance', 4],
    ['filler', 85],
  ]),
  table(BRANCHES, 'bid', [
    ['bid', 4],
    ['bbalance', 4],
    ['filler', 89],
  ]),
  table(TELLERS, 'tid', [
    ['tid', 4],
    ['bid', 4],
    ['tbalance', 4],
    ['filler', 85],
  ]),
  table(HISTORY, null, [
    ['tid', 4],
    ['bid', 4],
    ['aid', 4],
    ['delta', 4],
    ['mtime', 8],
    ['filler', 23],
  ]),
];
