/**
 * pgbench's tables and builtin scripts (pgbench.c): accounts, tellers and branches in the
 * proportion 100,000 : 10 : 1 per unit of scale, and a history without a key.
 *
 * Kept: the statements of each builtin in their order, keys drawn uniformly, the tables with their
 * rows' sizes and their primary keys. Left out until issue 4: scripts of one's own.
 */
import type { Random } from '../kernel/index.ts';
import type { TableDefinition, TableIndexDefinition } from '../postgres/heap/relation.ts';
import type { Relation } from '../postgres/statement.ts';
import { commitRecord, type Script, statement } from './script.ts';

/** Tuples with their headers: 23 bytes, a byte for nulls where a filler is one, alignment to 8. */
const ACCOUNTS_TUPLE = 24 + 4 + 4 + 4 + 85; // char(84) with its length
const BRANCHES_TUPLE = 24 + 4 + 4;
const TELLERS_TUPLE = 24 + 4 + 4 + 4;
const HISTORY_TUPLE = 24 + 4 + 4 + 4 + 4 + 8;

/** A balance is an int; adding up to 5,000 to it changes its lower bytes, and its sign at times. */
const BALANCE_BYTES = 3;

function relation(index: number, name: string): Relation {
  return { index, name, changedBytes: BALANCE_BYTES };
}

export const ACCOUNTS = relation(0, 'pgbench_accounts');
export const BRANCHES = relation(1, 'pgbench_branches');
export const TELLERS = relation(2, 'pgbench_tellers');
export const HISTORY = relation(3, 'pgbench_history');

/** The tables as `pgbench -i` leaves them, vacuumed; in the order of the relations' numbers. */
export function pgbenchTables(
  scale: number,
  version: number,
  fillfactor = 100,
  isLogical = false,
): TableDefinition[] {
  const table = (of: Relation, rows: number, tupleBytes: number, hasKey = true) => {
    const relation = 2 * of.index + 1;
    const key: TableIndexDefinition = {
      name: `${of.name}_pkey`,
      relation: relation + 1,
      keyBytes: 4,
      unique: true,
      fillfactor: 90,
      rowsPerKey: 1,
      correlation: 'exact',
    };
    const indexes = hasKey ? [key] : [];
    return { name: of.name, relation, rows, tupleBytes, fillfactor, version, isLogical, indexes };
  };
  return [
    table(ACCOUNTS, 100_000 * scale, ACCOUNTS_TUPLE),
    table(BRANCHES, scale, BRANCHES_TUPLE),
    table(TELLERS, 10 * scale, TELLERS_TUPLE),
    { ...table(HISTORY, 0, HISTORY_TUPLE, false), fillfactor: 100 },
  ];
}

export const BUILTINS = ['tpcb-like', 'simple-update', 'select-only'] as const;
export type Builtin = (typeof BUILTINS)[number];

/** A builtin script on tables of the given scale, under the name that a scenario gives it. */
export function builtinScript(
  name: string,
  index: number,
  builtin: Builtin,
  scale: number,
): Script {
  const account = (random: Random) => random.integer(1, 100_000 * scale);
  if (builtin === 'select-only') {
    const draw = (random: Random, prepared: boolean) => [
      statement('select', ACCOUNTS, account(random), prepared),
    ];
    return { name, index, writes: false, draw };
  }
  const tpcb = builtin === 'tpcb-like';
  const draw = (random: Random, prepared: boolean) => {
    const aid = account(random);
    const bid = random.integer(1, scale);
    const tid = random.integer(1, 10 * scale);
    const statements = [
      statement('begin', null, 0, prepared),
      statement('update', ACCOUNTS, aid, prepared),
      statement('select', ACCOUNTS, aid, prepared),
    ];
    if (tpcb) statements.push(statement('update', TELLERS, tid, prepared));
    if (tpcb) statements.push(statement('update', BRANCHES, bid, prepared));
    statements.push(statement('insert', HISTORY, 0, prepared));
    statements.push(statement('commit', null, 0, prepared, commitRecord()));
    return statements;
  };
  return { name, index, writes: true, draw };
}
