/**
 * Makes of a statement's plans what the simulator executes: one table, or the partitions of one,
 * read by an index scan, an index-only scan, a bitmap of one index or a sequential scan, with
 * LIMIT, row locks and one aggregate over all rows; INSERT of VALUES; UPDATE and DELETE of what
 * such a scan finds. A SELECT that is more than that becomes a tree (`query.ts`). Everything else
 * is refused at the statement with the name of the node that is not built.
 *
 * Clients of the simple protocol send values, so they get the custom plan; prepared statements get
 * what plancache.c (choose_custom_plan) would settle on after five executions.
 */
import type { StatementDetails, Verb } from '../../postgres/statement.ts';
import { Refusal } from '../sql/problem.ts';
import { PLAIN, type Rows, type Template } from '../sql/template.ts';
import type { CatalogTable } from './catalog.ts';
import { type Condition, conditionsOf } from './conditions.ts';
import { conflictOf, rowsOfConflict } from './conflict.ts';
import { foreignKeyChecks } from './foreign-keys.ts';
import { ancestorsOf, NOTHING_OPENED, openedBy, openedForValues } from './opens.ts';
import { keyColumnOf, leavesOf } from './partitions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import { keptPlan, type PlanCacheSettings } from './plan-cache.ts';
import { pruningOf } from './pruning.ts';
import { firstTable, type QueryContext, queryOf } from './query.ts';
import { reachesOf } from './reaches.ts';
import type { StatementPlans } from './request.ts';
import { movesOf, routingOf } from './routing.ts';
import { rowLocksOf } from './row-locks.ts';
import type { PlannedStatement } from './statements.ts';
import { changedColumns } from './words.ts';
import type { PlannedTable, PlannedWorld } from './world.ts';

export function templateOf(
  statement: PlannedStatement,
  plans: StatementPlans,
  world: PlannedWorld,
  settings: PlanCacheSettings,
): Template {
  const compiler = new Compiler(statement, plans.generic, world, settings);
  const sent = plans.custom[0] ?? plans.generic;
  const simple = compiler.template(sent);
  const kept = keptPlan(plans, statement.parameters.length > 0, settings);
  const prepared = compiler.template(kept);
  if (simple.relation === null) return simple;
  const checks = foreignKeyChecks(world, statement, plans.generic);
  const isKept = kept === plans.generic;
  const rows: Rows = {
    kind: 'planned',
    simple: simple.rows,
    prepared: isKept ? keptRows(prepared.rows) : prepared.rows,
  };
  const whole = { ...simple, rows, ...(checks.length > 0 && { checks }) };
  return withOpens(whole, world, sent, { plan: kept, rows: prepared, isKept });
}

/** A plan that is kept locks all partitions, those too that its values prune. */
function keptRows(rows: Rows): Rows {
  return rows.kind === 'pruned' ? { ...rows, opens: null } : rows;
}

/** On partitions: what the plan opens, as it is sent and as it is kept. */
function withOpens(
  template: Template,
  world: PlannedWorld,
  sent: PlanNode,
  kept: { readonly plan: PlanNode; readonly rows: Template; readonly isKept: boolean },
): Template {
  const simple = openedBy(world, sent, world.tablesIn(template), false);
  if (simple === null) return template;
  const { plan, rows, isKept } = kept;
  const prepared = openedBy(world, plan, world.tablesIn(rows), isKept) ?? NOTHING_OPENED;
  return { ...template, details: { ...(template.details ?? PLAIN), opens: { simple, prepared } } };
}

const BUILT =
  'is not built yet; statements may be planned by scans of tables, joins, Sort, Aggregate, ' +
  'Limit, Append, Gather, WindowAgg, SetOp, Recursive Union, ModifyTable, LockRows and what ' +
  'comes between';

/** A scan of one table, and how many of its rows are wanted. */
interface Found {
  readonly table: PlannedTable;
  readonly rows: Rows;
  readonly details: Partial<StatementDetails>;
}

class Compiler implements QueryContext {
  readonly statement: PlannedStatement;
  private readonly generic: PlanNode;
  readonly world: PlannedWorld;
  /**
   * What columns are compared with, parameters in place, wherever the generic plan does it; null:
   * with one thing here and another there.
   */
  private readonly general = new Map<string, string | null>();

  private readonly settings: PlanCacheSettings;
  /** The key by whose bounds the partition was chosen that is being compiled. */
  private bounded: string | null = null;

  constructor(
    statement: PlannedStatement,
    generic: PlanNode,
    world: PlannedWorld,
    settings: PlanCacheSettings,
  ) {
    this.settings = settings;
    this.statement = statement;
    this.generic = generic;
    this.world = world;
    for (const { column, operator, text } of nodesOf(generic).flatMap(conditionsOfNode)) {
      const name = `${column} ${operator}`;
      const known = this.general.get(name);
      this.general.set(name, known === undefined || known === text ? text : null);
    }
  }

  template(plan: PlanNode): Template {
    if (plan['Node Type'] === 'Result' && !plan.Plans) return NO_TABLE;
    return this.simple(plan) ?? this.query(plan);
  }

  /** What reads or changes one table, or the same of several partitions; null: it is more. */
  private simple(plan: PlanNode): Template | null {
    const nodes = nodesOf(plan);
    if (nodes.some((node) => node['Subplan Name'] !== undefined)) return null;
    if (this.settings.asTrees || this.locksUpToLimit(nodes)) return null;
    try {
      if (plan['Node Type'] === 'ModifyTable') return this.change(plan);
      return this.found(plan, 'select', () => ({}));
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      return null;
    }
  }

  /** SKIP LOCKED with LIMIT: a row that is left out does not count. */
  private locksUpToLimit(nodes: readonly PlanNode[]): boolean {
    const has = (kind: string) => nodes.some((node) => node['Node Type'] === kind);
    if (!has('LockRows') || !has('Limit')) return false;
    return rowLocksOf(this.statement)?.details.lockedRows === 'skip';
  }

  /** A plan of many nodes. */
  query(plan: PlanNode): Template {
    const nodes = nodesOf(plan);
    const change = nodes.find((node) => node['Node Type'] === 'ModifyTable');
    const tree = { kind: 'plan', plan: queryOf(plan, this) } as const;
    if (change !== undefined) {
      const table = this.world.tableOf(change) ?? firstLeaf(this.world, this.rootOf(change));
      if (table === undefined) return this.refuse(change);
      return this.of(VERBS[change.Operation as keyof typeof VERBS], table, tree, {});
    }
    const table = firstTable(plan, this);
    if (table === null) return NO_TABLE;
    const locks = nodes.some((node) => node['Node Type'] === 'LockRows');
    return this.of('select', table, tree, locks ? (rowLocksOf(this.statement)?.details ?? {}) : {});
  }

  /** What a plan finds, in the partitions that the values of each execution lead to. */
  private found(
    plan: PlanNode,
    verb: Verb,
    more: (table: PlannedTable) => Partial<StatementDetails>,
    moves: Pick<Template, 'moves'> = {},
  ): Template {
    const all = this.each(this.read(plan, null), verb, more, moves);
    const { parameters } = this.statement;
    if (this.settings.prunes === false) return all;
    const pruning = pruningOf(this.world, plan, parameters, (each) => this.generalised(each));
    if (pruning === null) return all;
    const { leaves, plans, choose, key } = pruning;
    this.bounded = key;
    const parts = plans.map((each) => this.each(this.read(each, null), verb, more, moves));
    this.bounded = null;
    const parents = ancestorsOf(this.world, leaves[0]!.catalog);
    const opens = (chosen: readonly number[]) => {
      const catalogs = chosen.map((place) => leaves[place]!.catalog);
      const own = plans[chosen[0] ?? -1] ?? null;
      const opened = openedForValues(this.world, own, catalogs, parents);
      return { simple: opened, prepared: opened };
    };
    return { ...all, relation: parts[0]!.relation, rows: { kind: 'pruned', parts, choose, opens } };
  }

  /** One statement, or the same for each of several partitions. */
  private each(
    found: readonly Found[],
    verb: Verb,
    more: (table: PlannedTable) => Partial<StatementDetails>,
    moves: Pick<Template, 'moves'> = {},
  ): Template {
    const parts = found.map(({ table, rows, details }) => ({
      ...this.of(verb, table, rows, { ...details, ...more(table) }),
      ...moves,
    }));
    const [first] = parts;
    if (first !== undefined && parts.length === 1) return first;
    if (first === undefined) return NO_TABLE;
    return { ...first, rows: { kind: 'parts', parts } };
  }

  private of(
    verb: Verb,
    { relation }: PlannedTable,
    rows: Rows,
    more: Partial<StatementDetails>,
  ): Template {
    const isPlain = Object.keys(more).length === 0;
    return { verb, relation, rows, details: isPlain ? null : { ...PLAIN, ...more } };
  }

  private change(plan: PlanNode): Template {
    const { Operation: operation, Plans: below = [] } = plan;
    const [source] = below;
    if (source === undefined || below.length !== 1) return this.refuse(plan);
    switch (operation) {
      case 'Insert':
        return this.insert(plan, source);
      case 'Update': {
        const columns = changedColumns(this.statement);
        const moves = movesOf(this.world, plan, this.generic, this.statement);
        return this.found(
          source,
          'update',
          (table) => ({
            changedIndexes: table.indexesWith(columns),
            changedBytes: table.changedBytes(columns),
          }),
          moves === null ? {} : { moves },
        );
      }
      case 'Delete':
        return this.found(source, 'delete', () => ({}));
      default:
        return this.refuse(plan, operation ?? 'a change');
    }
  }

  private insert(plan: PlanNode, source: PlanNode): Template {
    const isOne = source['Node Type'] === 'Result' && !source.Plans;
    if (!isOne && source['Node Type'] !== 'Values Scan') return this.refuse(source);
    const count = isOne ? 1 : source['Plan Rows'];
    const root = this.world.namedIn(plan);
    if (root === undefined) return this.refuse(plan);
    if (plan['Conflict Resolution'] !== undefined) {
      if (root.kind === 'p' || !isOne) {
        return this.refuse(plan, 'ON CONFLICT of several rows, or of partitions,');
      }
      const target = this.tableOf(plan);
      const [general] = this.generic.Plans ?? [];
      const values = general?.Output ?? source.Output ?? [];
      const conflict = conflictOf(this.statement, plan, values, target);
      return conflict === null
        ? this.refuse(plan, 'ON CONFLICT without a b-tree')
        : this.of('insert', target, rowsOfConflict(conflict), conflict.details);
    }
    if (root.kind === 'p') return this.routed(plan, root, count);
    const table = this.tableOf(plan);
    return this.of('insert', table, isOne ? { kind: 'none' } : { kind: 'new', count }, {});
  }

  /** New rows of a partitioned table, each to where its key belongs. */
  private routed(plan: PlanNode, root: CatalogTable, count: number): Template {
    const at = root.columns.findIndex(({ name }) => name === keyColumnOf(root));
    const [source] = this.generic.Plans ?? [];
    const texts = source?.['Node Type'] === 'Result' ? source['Output'] : undefined;
    const text = Array.isArray(texts) && at >= 0 ? String(texts[at]) : null;
    const routing = routingOf(this.world, root, text, this.statement.parameters);
    const [first] = [...routing.partitions, routing.fallback].filter((each) => each !== null);
    if (first === undefined) return this.refuse(plan, 'INSERT into a table without partitions');
    const table = this.world.tables[first.relation.index]!;
    return this.of('insert', table, { kind: 'routed', routing, count }, {});
  }

  /** `limit`: rows after which nobody asks for more. */
  private read(node: PlanNode, limit: number | null): Found[] {
    const [below] = node.Plans ?? [];
    switch (node['Node Type']) {
      case 'Limit':
        return this.read(below!, node['Plan Rows']);
      case 'Aggregate':
        if (node['Strategy'] !== 'Plain' || limit !== null) return this.refuse(node);
        return this.read(below!, null);
      case 'Append':
        if (node['Parallel Aware'] || limit !== null) return this.refuse(node);
        return (node.Plans ?? []).flatMap((each) => this.read(each, null));
      case 'Result':
        return below === undefined ? [] : this.refuse(node);
      case 'LockRows': {
        const found = this.read(below!, limit);
        const locks = rowLocksOf(this.statement);
        if (locks === null) return this.refuse(node);
        return found.map((each) => ({
          ...each,
          details: { ...each.details, ...locks.details },
        }));
      }
      case 'Seq Scan':
        return this.sequential(node, limit);
      case 'Index Scan':
      case 'Index Only Scan':
        return this.index(node, node, limit);
      case 'Bitmap Heap Scan':
        if (below?.['Node Type'] !== 'Bitmap Index Scan') return this.refuse(below ?? node);
        return this.index(node, below, limit);
      default:
        return this.refuse(node);
    }
  }

  private sequential(node: PlanNode, limit: number | null): Found[] {
    if (node['Parallel Aware']) return this.refuse(node);
    if (limit !== null) return this.refuse(node, 'LIMIT of a Seq Scan');
    const rows: Rows = { kind: 'all', count: node['Plan Rows'] };
    return [{ table: this.tableOf(node), rows, details: {} }];
  }

  private index(node: PlanNode, scan: PlanNode, limit: number | null): Found[] {
    if (node['Parallel Aware']) return this.refuse(node);
    const table = this.tableOf(node);
    const index = table.indexes.find(({ definition }) => definition.name === scan['Index Name']);
    if (index === undefined) return this.refuse(node, `${scan['Index Name']} is no b-tree, which`);
    const conditions = conditionsOf(scan['Index Cond']).map((each) => this.generalised(each));
    const { parameters } = this.statement;
    const { rows: all, before } = table;
    const { bounded } = this;
    const about = { rows: all, before, estimate: scan['Plan Rows'], bounded };
    const reach = reachesOf(index, conditions, parameters, about);
    const kind = KINDS[node['Node Type'] as keyof typeof KINDS];
    if (reach === null) return this.refuse(node, 'an array of keys that is a parameter');
    const rows: Rows = { kind: 'reach', index: index.number, scan: kind, reach, limit };
    return [{ table, rows, details: {} }];
  }

  /** The condition with parameters where a custom plan has values. */
  generalised(condition: Condition): Condition {
    const text = this.general.get(`${condition.column} ${condition.operator}`);
    return text == null ? condition : { ...condition, text };
  }

  /** The node of the generic plan that has the same table and does the same. */
  generalOf(node: PlanNode): PlanNode {
    const { Alias, Operation, 'Node Type': kind, 'Relation Name': relation } = node;
    const isSame = (each: PlanNode) =>
      each['Node Type'] === kind &&
      each.Alias === Alias &&
      each.Operation === Operation &&
      each['Relation Name'] === relation;
    return nodesOf(this.generic).find(isSame) ?? node;
  }

  rootOf(node: PlanNode): CatalogTable | undefined {
    return this.world.namedIn(node);
  }

  baseOf(scan: PlanNode): string {
    const alias = scan.Alias ?? '';
    const isPartition = this.world.tableOf(scan)?.relation.isPartition === true;
    return isPartition ? alias.replace(/_\d+$/, '') : alias;
  }

  tableOf(node: PlanNode): PlannedTable {
    return this.world.tableOf(node) ?? this.refuse(node, node['Relation Name']);
  }

  refuse(node: PlanNode, what?: string): never {
    const { 'Node Type': kind, 'Relation Name': relation } = node;
    const name = relation === undefined ? kind : `${kind} on ${relation}`;
    const { tokens, offset } = this.statement;
    throw new Refusal({ offset, text: tokens[0]!.text }, `${what ?? name} ${BUILT}`);
  }
}

const KINDS = {
  'Index Scan': 'index',
  'Index Only Scan': 'index only',
  'Bitmap Heap Scan': 'bitmap',
} as const;

const VERBS = { Insert: 'insert', Update: 'update', Delete: 'delete', Merge: 'update' } as const;

/** A partition, where a partitioned table stands for all of them. */
function firstLeaf(world: PlannedWorld, root: CatalogTable | undefined): PlannedTable | undefined {
  const [leaf] = root === undefined ? [] : leavesOf(world.catalog, root);
  return world.tables.find(({ catalog }) => catalog === leaf);
}

const NO_TABLE: Template = {
  verb: 'select',
  relation: null,
  rows: { kind: 'none' },
  details: null,
};

function conditionsOfNode(node: PlanNode): Condition[] {
  return [node['Index Cond'], node.Filter].flatMap((text) => conditionsOf(text));
}
