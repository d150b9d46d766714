/**
 * Functions of extensions in scripts: pg_partman's
 * `SELECT partman.run_maintenance('public.events')` or `CALL partman.run_maintenance_proc()`, and
 * TimescaleDB's
 * `SELECT compress_chunk(c) FROM show_chunks('conditions', older_than => INTERVAL '14 days') c`.
 * What they are to do is said by `workload.partitions`.
 */
import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { MaintainedPartition } from '../../postgres/partitioning/maintenance.ts';
import { type Moment, parseMoment, parseStep, stepsAfter } from '../calendar.ts';
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
  readonly kind: 'maintenance' | 'compression';
  readonly place: Token;
  /** Null: every table of the kind. */
  readonly table: Token | null;
  /** Chunks that ended before so long are compressed. */
  readonly olderThan: Nanoseconds;
}

const CALLS = /^(?:select|call) partman \. run_maintenance(?:_proc)? \( (?:('[^']*') )?\)$/i;

/** Reads a call if one begins here. */
export function readJob(tokens: Tokens): JobText | null {
  const place = tokens.next;
  const { value } = tokens.following;
  if (!tokens.isWord('select', 'call')) return null;
  if (value !== 'partman' && value !== 'compress_chunk') return null;
  const taken: Token[] = [];
  while (!tokens.isAtEnd) taken.push(tokens.take());
  return value === 'partman' ? readMaintenance(place, taken) : readCompression(place, taken);
}

const COMPRESSION = new RegExp(
  '^select compress_chunk \\( (\\w+) (?:, if_not_compressed = > true )?\\) ' +
    "from show_chunks \\( '([^']+)' , older_than = > interval '([^']+)' \\) (?:as )?\\1$",
  'i',
);

function readCompression(place: Token, taken: readonly Token[]): JobText {
  const found = COMPRESSION.exec(taken.map(({ text }) => text).join(' '));
  const step = found === null ? null : parseStep(found[3]!);
  if (step === null || !step.ok || step.value.months > 0) {
    const why =
      'is called in a way that is not built: SELECT compress_chunk(c) FROM ' +
      "show_chunks(TABLE, older_than => INTERVAL '14 days') c is, in days or less";
    throw new Refusal(taken[1] ?? place, why);
  }
  const text = taken.find(({ kind }) => kind === 'text')!;
  const { days, seconds } = step.value;
  const olderThan = (days * DAY + seconds) * SECOND;
  return {
    kind: 'compression',
    place,
    table: { ...text, value: plainName(text.value) },
    olderThan,
  };
}

function readMaintenance(place: Token, taken: readonly Token[]): JobText {
  const found = CALLS.exec(taken.map(({ text }) => text).join(' '));
  if (found === null) {
    const why = 'is called in a way that is not built: SELECT partman.run_maintenance(TABLE) is';
    throw new Refusal(taken[1] ?? place, why);
  }
  const text = taken.find(({ kind }) => kind === 'text');
  const table = text === undefined ? null : { ...text, value: plainName(text.value) };
  return { kind: 'maintenance', place, table, olderThan: 0 };
}

function plainName(name: string): string {
  return name.startsWith('public.') ? name.slice('public.'.length) : name;
}

/** The call as the simulator executes it. */
export function jobTemplate(text: JobText, world: PlannedWorld): Template {
  const { place, table, kind } = text;
  const manages = (manager: PartitionManager) =>
    kind === 'maintenance'
      ? manager.kind === 'partman'
      : manager.kind === 'hypertable' && manager.compression !== null;
  const managed = [...world.managers].filter(
    ([name, manager]) => manages(manager) && (table === null || table.value === name),
  );
  const [first] = managed;
  if (first === undefined) {
    const what = kind === 'maintenance' ? 'premake' : 'compress_segmentby or compress_orderby';
    throw new Refusal(table ?? place, `has no ${what} in workload.partitions`, [
      ...world.managers.keys(),
    ]);
  }
  if (managed.length > 1) throw new Refusal(place, 'of several tables is not built: name one');
  const [name, manager] = first;
  const root = tableNamed({ ...place, value: name }, world);
  return kind === 'maintenance'
    ? maintenance(root, manager, world)
    : compression(root, text, world);
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

function compression(root: CatalogTable, { olderThan }: JobText, world: PlannedWorld): Template {
  const leaves = partitionsOf(world.catalog, root).filter((each) => rangeOf(each) !== null);
  const chunks = leaves.map((leaf) => ({
    index: world.lockIds.get(leaf)!,
    isPart: true,
    to: instantOf(rangeOf(leaf)![1], world.now),
    create: {
      ...commandOf({ kind: 'create', bound: leaf.bound }, leaf, root, world),
      indexes: [NO_LOCK],
      hasToast: true,
    },
  }));
  chunks.sort((a, b) => a.to - b.to);
  const hypertable = world.lockIds.get(root)!;
  const job = { kind: 'compression' as const, hypertable, chunks, olderThan };
  const { relation } = world.tables.find(({ catalog }) => catalog === leaves[0])!;
  return { verb: 'alter', relation, rows: { kind: 'none' }, details: { ...PLAIN, job } };
}

/** The one index of the table of batches, which nobody else can lock. */
const NO_LOCK = -1;

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
  return ((moment.days - now.days) * DAY + moment.seconds - now.seconds) * SECOND;
}

const DAY = 86_400;
