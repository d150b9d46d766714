/**
 * pgbench's tables and builtin scripts (pgbench.c): accounts, tellers and branches in the
 * proportion 100,000 : 10 : 1 per unit of scale, and a history without a key.
 *
 * Kept: the statements of each builtin in their order, keys drawn uniformly, sizes of rows and of
 * the WAL records that they make. Left out until issue 4: scripts of one's own.
 */
import type { Random } from '../kernel/index.ts';
import { hotUpdateBytes, insertBytes } from '../postgres/record-sizes.ts';
import type { Relation } from '../postgres/statement.ts';
import { commitRecord, type Script, statement } from './script.ts';

const TUPLE_HEADER = 24;
/** An update of a balance changes four bytes of the row. */
const BALANCE_BYTES = 4;

function relation(index: number, name: string, dataBytes: number): Relation {
  return {
    index,
    name,
    insertBytes: insertBytes(TUPLE_HEADER + dataBytes),
    updateBytes: hotUpdateBytes(BALANCE_BYTES),
  };
}

/** Widths of the columns, with char(n) fillers and their headers as pgbench -i fills them. */
export const ACCOUNTS = relation(0, 'pgbench_accounts', 4 + 4 + 4 + 85);
export const BRANCHES = relation(1, 'pgbench_branches', 4 + 4);
export const TELLERS = relation(2, 'pgbench_tellers', 4 + 4 + 4);
export const HISTORY = relation(3, 'pgbench_history', 4 + 4 + 4 + 4 + 8);

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
