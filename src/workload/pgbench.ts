/**
 * pgbench's tables and builtin scripts (pgbench.c): accounts, tellers and branches in the
 * proportion 100,000 : 10 : 1 per unit of scale, and a history without a key.
 *
 * Kept: the statements of each builtin in their order, keys drawn uniformly, the tables with their
 * rows' sizes and their primary keys. Scripts of one's own are in `sql/`.
 */
import type { TableDefinition, TableIndexDefinition } from '../postgres/heap/relation.ts';
import type { Relation } from '../postgres/statement.ts';
import {
  commitRecord,
  type Execution,
  type Script,
  type ScriptClient,
  type Step,
  statement,
} from './script.ts';

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
  const execution = (client: ScriptClient): Execution =>
    builtin === 'select-only'
      ? new SelectOnly(client, scale)
      : new TpcB(client, scale, builtin === 'tpcb-like');
  const statements = { 'tpcb-like': 7, 'simple-update': 5, 'select-only': 1 }[builtin];
  return { name, index, writes: builtin !== 'select-only', statements, execution };
}

class SelectOnly implements Execution {
  private isDone = true;
  private readonly client: ScriptClient;
  private readonly accounts: number;

  constructor(client: ScriptClient, scale: number) {
    this.client = client;
    this.accounts = 100_000 * scale;
  }

  start(): void {
    this.isDone = false;
  }

  next(): Step {
    if (this.isDone) return null;
    this.isDone = true;
    const { random, prepared } = this.client;
    return statement('select', ACCOUNTS, random.integer(1, this.accounts), prepared);
  }
}

/** tpcb-like, and simple-update, which leaves tellers and branches out. */
class TpcB implements Execution {
  private at = 0;
  private account = 0;
  private branch = 0;
  private teller = 0;
  private readonly client: ScriptClient;
  private readonly scale: number;
  private readonly isWhole: boolean;

  constructor(client: ScriptClient, scale: number, isWhole: boolean) {
    this.client = client;
    this.scale = scale;
    this.isWhole = isWhole;
  }

  start(): void {
    const { scale } = this;
    const { random } = this.client;
    this.at = 0;
    this.account = random.integer(1, 100_000 * scale);
    this.branch = random.integer(1, scale);
    this.teller = random.integer(1, 10 * scale);
  }

  next(): Step {
    const { prepared } = this.client;
    const { account } = this;
    switch (this.at++) {
      case 0:
        return statement('begin', null, 0, prepared);
      case 1:
        return statement('update', ACCOUNTS, account, prepared);
      case 2:
        if (!this.isWhole) this.at = 5;
        return statement('select', ACCOUNTS, account, prepared);
      case 3:
        return statement('update', TELLERS, this.teller, prepared);
      case 4:
        return statement('update', BRANCHES, this.branch, prepared);
      case 5:
        return statement('insert', HISTORY, 0, prepared);
      case 6:
        return statement('commit', null, 0, prepared, commitRecord());
      default:
        return null;
    }
  }
}
