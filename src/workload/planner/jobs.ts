/**
 * Functions of extensions in scripts: pg_partman's `SELECT partman.run_maintenance('public.events')`
 * or `CALL partman.run_maintenance_proc()`. What they are to do is said by `workload.partitions`.
 */
import type { Nanoseconds } from '../../kernel/time.ts';
import type { MaintainedPartition } from '../../postgres/partitioning/maintenance.ts';
import { type Moment, parseMoment, stepsAfter } from '../calendar.ts';
import type { Token, Tokens } from '../sql/lexer.ts';
import { Refusal } from '../sql/problem.ts';
import { PLAIN, type Template } from '../sql/template.ts';
import { instantOf } from './bounds.ts';
import type { CatalogTable } from './catalog.ts';
import { commandOf, tableNamed } from './commands.ts';
import type { PartitionManager } from './managers.ts';
import { keyColumnOf, partitionsOf, rangeOf } from './partitions.ts';
import type { PlannedWorld } from './world.ts';

/** A call as it is written. */
export interface JobText {
  readonly kind: 'maintenance';
  readonly place: Token;
  /** Null: every table of the kind. */
  readonly table: Token | null;
}

const CALLS = /^(?:select|call) partman \. run_maintenance(?:_proc)? \( (?:('[^']*') )?\)$/i;

/** Reads a call if one begins here. */
export function readJob(tokens: Tokens): JobText | null {
  const place = tokens.next;
  if (!tokens.isWord('select', 'call') || tokens.following.value !== 'partman') return null;
  const taken: Token[] = [];
  while (!tokens.isAtEnd) taken.push(tokens.take());
  const found = CALLS.exec(taken.map(({ text }) => text).join(' '));
  if (found === null) {
    const why = 'is called in a way that is not built: SELECT partman.run_maintenance(TABLE) is';
    throw new Refusal(taken[1] ?? place, why);
  }
  const text = taken.find(({ kind }) => kind === 'text');
  const table = text === undefined ? null : { ...text, value: plainName(text.value) };
  return { kind: 'maintenance', place, table };
}

function plainName(name: string): string {
  return name.startsWith('public.') ? name.slice('public.'.length) : name;
}

/** The call as the simulator executes it. */
export function jobTemplate({ place, table }: JobText, world: PlannedWorld): Template {
  const managed = [...world.managers].filter(
    ([name, { kind }]) => kind === 'partman' && (table === null || table.value === name),
  );
  const [first] = managed;
  if (first === undefined) {
    throw new Refusal(table ?? place, 'has no premake in workload.partitions', [
      ...world.managers.keys(),
    ]);
  }
  if (managed.length > 1) throw new Refusal(place, 'of several tables is not built: name one');
  const [name, manager] = first;
  const root = tableNamed({ ...place, value: name }, world);
  return maintenance(root, manager, world);
}

function maintenance(root: CatalogTable, manager: PartitionManager, world: PlannedWorld): Template {
  if (manager.kind !== 'partman') throw new Error('not of pg_partman');
  const { premake, keepsTables } = manager;
  const siblings = partitionsOf(world.catalog, root);
  const ranged = siblings.filter((each) => rangeOf(each) !== null);
  const partitions = ranged.map((leaf) => maintained(root, leaf, manager, world));
  const rest = siblings.find(({ bound }) => bound === 'DEFAULT');
  const job = {
    kind: 'maintenance' as const,
    partitions: partitions.sort((a, b) => a.from - b.from),
    defaultPartition: rest === undefined ? null : world.lockIds.get(rest)!,
    premake,
    keepsTables,
  };
  const { relation } = world.tables.find(({ catalog }) => catalog === ranged[0])!;
  return { verb: 'alter', relation, rows: { kind: 'none' }, details: { ...PLAIN, job } };
}

function maintained(
  root: CatalogTable,
  leaf: CatalogTable,
  manager: Extract<PartitionManager, { kind: 'partman' }>,
  world: PlannedWorld,
): MaintainedPartition {
  const { now } = world;
  const [from, to] = rangeOf(leaf)!;
  const text = { bound: leaf.bound, ifExists: false };
  const create = commandOf({ ...text, kind: 'create' }, leaf, root, world);
  return {
    index: world.lockIds.get(leaf)!,
    isPart: true,
    hasKeyIndex: hasKeyIndex(root, leaf),
    from: instantOf(from, now),
    to: instantOf(to, now),
    expires: expiryOf(to, manager, now),
    create: { ...create, made: 'attached' },
    detach: commandOf({ ...text, kind: 'detach' }, leaf, root, world),
    drop: commandOf({ ...text, kind: 'drop' }, leaf, undefined, world),
  };
}

function hasKeyIndex(root: CatalogTable, { columns, indexes }: CatalogTable): boolean {
  const place = 1 + columns.findIndex(({ name }) => name === keyColumnOf(root));
  return indexes.some((index) => index.method === 'btree' && index.columns[0] === place);
}

/** When a partition that ends at this moment is older than the retention. */
function expiryOf(
  end: string,
  { retention }: Extract<PartitionManager, { kind: 'partman' }>,
  now: Moment | null,
): Nanoseconds {
  const parsed = parseMoment(end);
  if (retention === null || now === null || !parsed.ok) return Number.POSITIVE_INFINITY;
  return instantAt(stepsAfter(parsed.value, retention, 1), now);
}

function instantAt(moment: Moment, now: Moment): Nanoseconds {
  return ((moment.days - now.days) * DAY + moment.seconds - now.seconds) * 1e9;
}

const DAY = 86_400;
