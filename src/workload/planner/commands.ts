/**
 * The commands of a script that change which partitions a table has: CREATE TABLE ... PARTITION OF,
 * ALTER TABLE ... ATTACH and DETACH PARTITION, DROP TABLE (gram.y). Postgres is told of partitions
 * that scripts create when it is asked for plans, so that it plans with them. Tables that are
 * attached have to be in the schema, as tables of their own:
 * `CREATE TABLE orders_2025_02 (LIKE orders INCLUDING ALL)`.
 */
import type {
  PartitionCommand,
  PartitionCommandKind,
} from '../../postgres/partitioning/command.ts';
import type { Token, Tokens } from '../sql/lexer.ts';
import { Refusal } from '../sql/problem.ts';
import { PLAIN, type Template } from '../sql/template.ts';
import { takesKey } from './bounds.ts';
import { type CatalogTable, tableName } from './catalog.ts';
import { parentOf, partitionsOf } from './partitions.ts';
import { referringTo } from './references.ts';
import type { PlannedWorld } from './world.ts';

/** A command as it is written. */
export interface CommandText {
  readonly kind: PartitionCommandKind;
  readonly place: Token;
  /** Null: DROP TABLE. */
  readonly parent: Token | null;
  readonly table: Token;
  /** CREATE, ATTACH: `FOR VALUES ...` or `DEFAULT`, as the catalog would have it. */
  readonly bound: string | null;
  readonly ifExists?: boolean;
  readonly cascades?: boolean;
}

const CONCURRENTLY_SINCE = 14;

/** Reads a command if one begins here. */
export function readCommand(tokens: Tokens): CommandText | null {
  const place = tokens.next;
  if (tokens.skipWords('drop', 'table')) return readDrop(tokens, place);
  if (tokens.skipWords('create', 'table')) return readCreate(tokens, place);
  if (!tokens.skipWords('alter', 'table')) return null;
  skipIfExists(tokens);
  const parent = readName(tokens);
  const isAttach = tokens.skipWords('attach', 'partition');
  if (!isAttach && !tokens.skipWords('detach', 'partition')) {
    return tokens.refuse('is not supported: ATTACH PARTITION or DETACH PARTITION is');
  }
  const table = readName(tokens);
  if (isAttach) return { kind: 'attach', place, parent, table, bound: readBound(tokens) };
  const isConcurrent = tokens.skipWords('concurrently');
  tokens.expectEnd('is not supported behind DETACH PARTITION: CONCURRENTLY is');
  const kind = isConcurrent ? 'detach concurrently' : 'detach';
  return { kind, place, parent, table, bound: null };
}

function readCreate(tokens: Tokens, place: Token): CommandText {
  const ifExists = tokens.skipWords('if', 'not', 'exists');
  const table = readName(tokens);
  if (!tokens.skipWords('partition', 'of')) {
    return tokens.refuse('is not supported: CREATE TABLE ... PARTITION OF is');
  }
  const parent = readName(tokens);
  return { kind: 'create', place, parent, table, bound: readBound(tokens), ifExists };
}

function readDrop(tokens: Tokens, place: Token): CommandText {
  const ifExists = skipIfExists(tokens);
  const table = readName(tokens);
  const cascades = tokens.skipWords('cascade');
  tokens.skipWords('restrict');
  tokens.expectEnd('is not supported behind DROP TABLE: one table is');
  return { kind: 'drop', place, parent: null, table, bound: null, ifExists, cascades };
}

function skipIfExists(tokens: Tokens): boolean {
  return tokens.skipWords('if', 'exists');
}

/** A name, with its schema or without. */
export function readName(tokens: Tokens): Token {
  const first = tokens.expectName('the name of a table');
  if (!tokens.skipSymbol('.')) return first;
  const second = tokens.expectName('the name of a table');
  const value = first.value === 'public' ? second.value : `${first.value}.${second.value}`;
  return { ...second, value };
}

function readBound(tokens: Tokens): string {
  if (!tokens.isWord('for', 'default')) tokens.refuse('FOR VALUES or DEFAULT is expected here');
  const words: string[] = [];
  while (!tokens.isAtEnd) {
    const { kind, text } = tokens.take();
    words.push(kind === 'name' ? text.toUpperCase() : text);
  }
  return words.join(' ').replaceAll('( ', '(').replaceAll(' )', ')').replaceAll(' ,', ',');
}

/** The command as the simulator executes it; a table that is not in the schema is refused. */
export function commandTemplate(text: CommandText, world: PlannedWorld): Template {
  const { kind, place } = text;
  if (kind === 'detach concurrently' && world.version < CONCURRENTLY_SINCE) {
    const why = `CONCURRENTLY is of version ${CONCURRENTLY_SINCE} and later`;
    throw new Refusal(place, `cannot detach so: ${why}`);
  }
  const table = tableNamed(text.table, world);
  const planned = world.tables.find(({ catalog }) => catalog === table);
  if (planned === undefined) throw new Refusal(text.table, 'has partitions of its own');
  const parent = text.parent === null ? world.parentOf(table) : tableNamed(text.parent, world);
  const command = commandOf(text, table, parent, world);
  const details = { ...PLAIN, command };
  return { verb: 'alter', relation: planned.relation, rows: { kind: 'none' }, details };
}

export function tableNamed({ value, ...place }: Token, { catalog }: PlannedWorld): CatalogTable {
  const found = catalog.tables.find((each) => tableName(each) === value);
  if (found !== undefined) return found;
  const names = catalog.tables.map(tableName);
  throw new Refusal({ ...place, value } as Token, 'is no table of the schema', names);
}

export function commandOf(
  text: Pick<CommandText, 'kind' | 'bound' | 'ifExists' | 'cascades'>,
  table: CatalogTable,
  parent: CatalogTable | undefined,
  world: PlannedWorld,
): PartitionCommand {
  const { kind, bound, ifExists = false, cascades = false } = text;
  const { catalog, lockIds } = world;
  const siblings = parent === undefined ? [] : partitionsOf(catalog, parent);
  const others = siblings.find((each) => each.bound === 'DEFAULT');
  const ids = (tables: readonly object[]) => tables.map((each) => lockIds.get(each)!);
  return {
    kind,
    parent: parent === undefined ? null : lockIds.get(parent)!,
    parentIndexes: ids(parent?.indexes ?? []),
    indexes: ids(table.indexes),
    defaultPartition: others === undefined || others === table ? null : lockIds.get(others)!,
    isPart: parent !== undefined && parentOf(catalog, table) === parent,
    isChecked: impliesBound(table, bound ?? ''),
    hasToast: table.columns.some(isToasted),
    siblings: siblings.length,
    ...referringTo(world, table),
    cascades,
    made: 'partition',
    takes: takesKey(bound ?? '', world.now),
    ifExists,
  };
}

/** A CHECK that names all values of the bounds is taken to imply them. */
function impliesBound({ checks = [] }: CatalogTable, bound: string): boolean {
  const values = (bound.match(/'[^']*'|\b\d+\b/g) ?? []).map((each) => each.replaceAll("'", ''));
  return values.length > 0 && checks.some((check) => values.every((each) => check.includes(each)));
}

/** Values without a limit, or with one beyond a page's quarter, may need it (needs_toast_table). */
function isToasted({ length, type, modifier }: CatalogTable['columns'][number]): boolean {
  return length === -1 && !(modifier > 0 && modifier < 2_000) && type !== 'inet';
}
