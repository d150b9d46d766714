/**
 * ModifyTable and LockRows as nodes of a tree (`../../postgres/plan/changes.ts`): what the row at
 * hand leads to. INSERT makes a new row of each, UPDATE, DELETE and FOR UPDATE go by the slot of
 * their table, MERGE by the row that the join condition leads to.
 */
import type { PlanLock, RowChange, Slots } from '../../postgres/plan/plan-work.ts';
import type { Relation, StatementDetails } from '../../postgres/statement.ts';
import type { Environment } from '../sql/functions.ts';
import { Refusal } from '../sql/problem.ts';
import { PLAIN, routedDetails } from '../sql/template.ts';
import { type Condition, conditionsOf } from './conditions.ts';
import { conflictOf } from './conflict.ts';
import { reachOf } from './entries.ts';
import { keyColumnOf } from './partitions.ts';
import { childrenOf, nodesOf, type PlanNode } from './plan.ts';
import { type PlanColumns, SCANS } from './plan-columns.ts';
import type { QueryContext } from './query.ts';
import { routingOf } from './routing.ts';
import { rowLocksOf } from './row-locks.ts';
import { changedColumns, mergeActions } from './words.ts';
import type { PlannedTable } from './world.ts';

export type Changes = (
  slots: Slots,
  values: { readonly environment: object },
  isThere: (relation: Relation, key: number) => boolean,
) => readonly RowChange[];

/** Rows that have been found are changed where they are. */
const FOUND: StatementDetails = {
  ...PLAIN,
  access: { index: -1, scan: 'index', from: 0, entries: 0 },
};

/** The columns of the source's rows, as they are with parameters in place of values. */
function sourceOutput(node: PlanNode, context: QueryContext): readonly string[] {
  const [source] = childrenOf(context.generalOf(node));
  return source?.Output ?? [];
}

/** Texts that have to have values when a row is changed. */
export function changeTexts(node: PlanNode, context: QueryContext): readonly string[] {
  const { Operation: operation } = node;
  if (node['Node Type'] !== 'ModifyTable') return [];
  if (operation === 'Merge') return mergeConditions(node, context).map(({ text }) => text);
  if (operation !== 'Insert') return [];
  const isRouted = context.rootOf(node)?.kind === 'p';
  const matters = isRouted || node['Conflict Resolution'] !== undefined;
  return matters ? sourceOutput(node, context) : [];
}

/** The tables whose rows a plan changes or locks. */
export function locksOf(root: PlanNode, context: QueryContext): PlanLock[] {
  const locks = nodesOf(root).flatMap((node): PlanLock[] => {
    if (node['Node Type'] === 'LockRows') {
      return lockedScans(node, context).map((scan) => ({
        relation: context.tableOf(scan).relation,
        mode: 'row share',
      }));
    }
    if (node['Node Type'] !== 'ModifyTable') return [];
    const scans = nodesOf(node).filter(
      (each) => SCANS.includes(each['Node Type']) && isTarget(each, node, context),
    );
    const own = context.rootOf(node)?.kind === 'p' ? scans : [node];
    return own.map((each) => ({
      relation: context.tableOf(each).relation,
      mode: 'row exclusive',
    }));
  });
  const isFirst = ({ relation }: PlanLock, i: number) =>
    locks.findIndex((each) => each.relation === relation) === i;
  return locks.filter(isFirst);
}

/** Whether a scan is of the table that a ModifyTable changes. */
function isTarget(scan: PlanNode, { Alias: alias }: PlanNode, context: QueryContext): boolean {
  return context.baseOf(scan) === alias;
}

/** The scans whose rows a LockRows locks. */
export function lockedScans(node: PlanNode, context: QueryContext): PlanNode[] {
  const of = rowLocksOf(context.statement)?.of ?? null;
  const below = (each: PlanNode): PlanNode[] => [each, ...childrenOf(each).flatMap(below)];
  return below(node).filter((each) => {
    if (!SCANS.includes(each['Node Type'])) return false;
    const name = context.baseOf(each);
    return of === null || of.includes(name) || of.includes(name.replace(/_\d+$/, ''));
  });
}

/** The aliases of tables whose rows a node changes or locks. */
export function changedAliases(node: PlanNode, context: QueryContext): readonly string[] {
  if (node['Node Type'] === 'LockRows') {
    return lockedScans(node, context).map((scan) => context.baseOf(scan));
  }
  const isChange = node['Node Type'] === 'ModifyTable' && node.Operation !== 'Insert';
  return isChange ? [node.Alias ?? ''] : [];
}

/** What a row means for each of the tables of a LockRows. */
export function locking(node: PlanNode, context: QueryContext, columns: PlanColumns): Changes {
  const locks = rowLocksOf(context.statement);
  if (locks === null) return context.refuse(node);
  const details = { ...FOUND, ...locks.details };
  const bases = [...new Set(changedAliases(node, context))];
  const rows = bases.map((base) => rowAt(base, node, context, columns));
  return (slots) => rows.flatMap((of) => of(slots, 'select', () => details));
}

/** The change of the row in a table's slot, whichever partition it is in. */
function rowAt(alias: string, node: PlanNode, context: QueryContext, columns: PlanColumns) {
  const slot = columns.slotOf(alias);
  const tableSlot = columns.tableSlotOf(alias);
  const scans = nodesOf(node).filter(
    (each) => SCANS.includes(each['Node Type']) && context.baseOf(each) === alias,
  );
  const tables = new Map<number, PlannedTable>();
  for (const scan of scans) {
    const table = context.tableOf(scan);
    tables.set(table.relation.index, table);
  }
  const [first] = tables.values();
  if (slot < 0 || first === undefined) return context.refuse(node);
  return (
    slots: Slots,
    verb: RowChange['verb'],
    detailsOf: (table: PlannedTable) => StatementDetails,
  ): RowChange[] => {
    const row = slots[slot]!;
    if (row < 0) return [];
    const table = tableSlot < 0 ? first : (tables.get(slots[tableSlot]!) ?? first);
    const { relation } = table;
    return [{ verb, relation, key: row - table.before + 1, details: detailsOf(table) }];
  };
}

/** What a row means for a ModifyTable. */
export function modifying(node: PlanNode, context: QueryContext, columns: PlanColumns): Changes {
  switch (node.Operation) {
    case 'Insert':
      return inserting(node, context, columns);
    case 'Update': {
      const of = updateOf(node, context);
      const row = rowAt(node.Alias ?? '', node, context, columns);
      return (slots) => row(slots, 'update', of);
    }
    case 'Delete': {
      const row = rowAt(node.Alias ?? '', node, context, columns);
      return (slots) => row(slots, 'delete', () => FOUND);
    }
    case 'Merge':
      return merging(node, context, columns);
    default:
      return context.refuse(node, node.Operation ?? 'a change');
  }
}

function updateOf(node: PlanNode, context: QueryContext) {
  const names = changedColumns(context.statement, node['Relation Name']);
  const known = new Map<PlannedTable, StatementDetails>();
  return (table: PlannedTable) => {
    const own = known.get(table) ?? {
      ...FOUND,
      changedIndexes: table.indexesWith(names),
      changedBytes: table.changedBytes(names),
    };
    known.set(table, own);
    return own;
  };
}

function inserting(node: PlanNode, context: QueryContext, columns: PlanColumns): Changes {
  const root = context.rootOf(node);
  if (root === undefined) return context.refuse(node);
  const values = sourceOutput(node, context);
  const hasConflict = node['Conflict Resolution'] !== undefined;
  if (root.kind === 'p') {
    if (hasConflict) return context.refuse(node, 'ON CONFLICT of partitions');
    const at = root.columns.findIndex(({ name }) => name === keyColumnOf(root));
    const { parameters } = context.statement;
    const routing = routingOf(context.world, root, values[at] ?? null, parameters, columns.columns);
    const relation = [...routing.partitions, routing.fallback].find((each) => each)?.relation;
    if (relation === undefined) {
      return context.refuse(node, 'INSERT into a table without partitions');
    }
    return (slots, { environment }) => {
      const at: Environment = { ...(environment as Environment), slots };
      const details = routedDetails({ routing, count: 1 }, at, PLAIN);
      return [{ verb: 'insert', relation, key: 0, details }];
    };
  }
  const table = context.tableOf(node);
  const { relation } = table;
  if (!hasConflict) {
    const change = [{ verb: 'insert', relation, key: 0, details: PLAIN }] as const;
    return () => change;
  }
  const conflict = conflictOf(context.statement, node, values, table, columns.columns);
  if (conflict === null) return context.refuse(node, 'ON CONFLICT without a b-tree');
  const details = { ...PLAIN, ...conflict.details };
  return (slots, { environment }) => {
    const key = conflict.key({ ...(environment as Environment), slots }) ?? 0;
    return [{ verb: 'insert', relation, key, details }];
  };
}

const MERGE_SINCE = 15;
const EQUAL = /("[^"]+"|\w+)\.("[^"]+"|\w+) = ("[^"]+"|\w+)\.("[^"]+"|\w+)/g;

/** What the columns of MERGE's target are compared with, in whichever node does it. */
function mergeConditions(node: PlanNode, context: QueryContext): Condition[] {
  const own = (alias: string) => alias.replaceAll('"', '') === node.Alias;
  return nodesOf(node).flatMap((each) => {
    const texts = [each['Hash Cond'], each['Merge Cond'], each['Join Filter']];
    const joined = texts.flatMap((text) => [...(text ?? '').matchAll(EQUAL)]);
    const pairs = joined.flatMap(([, a, b, c, d]): Condition[] => {
      const as = (column: string, text: string) => ({
        ...{ column: column.replaceAll('"', ''), operator: '=', text },
      });
      if (own(a!)) return [as(b!, `${c}.${d}`)];
      return own(c!) ? [as(d!, `${a}.${b}`)] : [];
    });
    const isOwn = SCANS.includes(each['Node Type']) && context.baseOf(each) === node.Alias;
    return isOwn ? [...pairs, ...conditionsOf(each['Index Cond'])] : pairs;
  });
}

/**
 * Of several WHENs of a kind the first one without a condition is taken, as nothing is known of the
 * values that conditions are about; else the first one.
 */
function merging(node: PlanNode, context: QueryContext, columns: PlanColumns): Changes {
  const { statement, world } = context;
  if (world.version < MERGE_SINCE) {
    const at = { offset: statement.offset, text: 'MERGE' };
    throw new Refusal(at, `is of version ${MERGE_SINCE} and later`);
  }
  const actions = mergeActions(statement);
  const taken = (kind: string) => {
    const all = actions.filter((each) => each.kind === kind);
    return (all.find(({ isConditional }) => !isConditional) ?? all[0])?.action ?? 'nothing';
  };
  if (actions.some(({ kind }) => kind === 'by source')) {
    return context.refuse(node, 'WHEN NOT MATCHED BY SOURCE');
  }
  const table = context.tableOf(node);
  const { relation } = table;
  const find = foundBy(node, table, context, columns);
  const updated = updateOf(node, context);
  const matched = taken('matched');
  const fresh = taken('not matched') === 'insert';
  return (slots, { environment }, isThere) => {
    const key = find({ ...(environment as Environment), slots });
    if (!isThere(relation, key)) {
      return fresh ? [{ verb: 'insert', relation, key: 0, details: PLAIN }] : [];
    }
    if (matched === 'nothing' || matched === 'insert') return [];
    const details = matched === 'update' ? updated(table) : FOUND;
    return [{ verb: matched, relation, key, details }];
  };
}

/** The key of the row that MERGE's source meets; 0: none. */
function foundBy(
  node: PlanNode,
  table: PlannedTable,
  context: QueryContext,
  columns: PlanColumns,
): (environment: Environment) => number {
  const conditions = mergeConditions(node, context);
  const index = table.indexes.find(({ unique, columns: key }) => {
    return unique && key.every(({ name }) => conditions.some(({ column }) => column === name));
  });
  const slot = columns.slotOf(node.Alias);
  if (index === undefined) return ({ slots }) => (slots?.[slot] ?? -1) + 1;
  const scanned = { rows: table.rows, before: table.before, estimate: 1 };
  const about = { ...scanned, columns: columns.columns };
  const reach = reachOf(index, conditions, context.statement.parameters, about);
  return (environment) => {
    const found = reach(environment);
    return found === undefined ? 0 : found.kind === 'row' ? found.key : found.from + 1;
  };
}
