import { knownMetric as isMeasured } from '../measure/catalog.ts';
import type { MetricVerdict } from './resolve/context.ts';
import { nearest } from './suggest.ts';

/**
 * The names of metrics: what `measure` measures, and what the language page names beside it, so
 * that a scenario about something not built yet can be read. A pattern's segments are words,
 * choices (`{sent,write}`) or names of the scenario: `<server>`, `<transaction>`, `<clients>`,
 * `<pool>`, `<sqlstate>`, `<table>`, `<slot>`, `<event>`. A pattern that ends in `.*` stands for a
 * distribution or a gauge over time, which has the suffixes below; one that ends in `.?` may stand
 * with or without them.
 */
const PATTERNS: readonly string[] = [
  'throughput.{tps,read,write}',
  ...underScopes(
    'latency.*',
    'latency.{read,write,service}.*',
    'latency.service.{read,write}.*',
    'throughput.{tps,read,write}',
    'errors',
    'errors.<sqlstate>',
    'retries',
    'count',
    '{partitions_scanned,shards_touched,buffers_hit,buffers_read}.*',
    '{planning,execution}_time.*',
    'commits.{acknowledged,lost,unreplicated,unknown,phantom}',
    'outage.{write,read}',
    'availability.{write,read}',
    'connect.*',
  ),
  'commits.lost.<cause>',
  '{failover,switchover,promotions}.count',
  'failover.{detection,expiry,race,promotion,routing,reconnect,total}.*',
  'split_brain.{duration,commits}',
  'reads.{total,stale,stale_fraction}',
  'reads.staleness.*',
  'waits.CPU',
  'waits.<waits>.<event>',
  ...[
    'cpu.utilization.?',
    'disk.{utilization,used}.?',
    'disk.{read,write,fsync}.*',
    'network.{sent,received}.?',
    'buffers.hit_ratio.?',
    'buffers.hit_ratio.error',
    'buffers.sampled_one_of',
    'buffers.{hits,reads,dirty}.?',
    'buffers.written_by.{checkpointer,bgwriter,backend}',
    'wal.{bytes,fpi_bytes,records,fpi,flushes,buffers_full}',
    'wal.rate.*',
    'wal.size.?',
    'panics',
    'archiver.{archived,failed}',
    'archiver.backlog.?',
    'checkpoints.{timed,requested,buffers,write_time,sync_time}',
    'checkpoints.duration.*',
    'connections.?',
    'connections.{active,idle,waiting,total,refused}.?',
    'procarray.*',
    'procarray.{running,size}.*',
    'replication.{sent,write,flush,replay}_lag.*',
    'replication.{sent,write,flush,replay}_lag.bytes.*',
    'replication.bytes.*',
    'conflicts.{snapshot,lock,bufferpin,deadlock,tablespace,database}',
    'autovacuum.workers.?',
    'autovacuum.{cancelled,refusals}',
    'tables.<table>.vacuum_time.*',
    'tables.<table>.{dead_tuples,live_tuples,bytes,vacuums,analyzes,bloat}.?',
    'tables.<table>.{heap_bytes,index_bytes,partitions}.?',
    'xmin_horizon.age.*',
    'xmin_horizon.held_by.{backend,prepared_transaction,slot,standby}',
    'slots.<slot>.retained_bytes.*',
    'locks.{waits,deadlocks}',
    'waits.CPU',
    'waits.<waits>.<event>',
  ].map((pattern) => `servers.<server>.${pattern}`),
  'pgbouncer.<pool>.{active,waiting,wait,servers,idle}.*',
  'pgbouncer.<pool>.{errors,refused}',
  'cache.{hit_ratio,stale_reads}',
  'cost.{monthly,per_million_transactions}',
  'etcd.<member>.*',
  'events.<event>',
];

/** What is measured for all, for a transaction and for a group of clients. */
function underScopes(...patterns: string[]): string[] {
  return ['', 'transactions.<transaction>.', 'clients.<clients>.'].flatMap((scope) =>
    patterns.map((pattern) => scope + pattern),
  );
}

/** The suffixes of distributions and gauges. */
export const SUFFIXES: readonly string[] = [
  ...['mean', 'min', 'max', 'p50', 'p90', 'p95', 'p99', 'p999', 'count', 'end'],
];

/** The components of a scenario that metrics are named after. */
export interface MetricScope {
  readonly servers: readonly string[];
  readonly transactions: readonly string[];
  readonly clients: readonly string[];
  readonly pools: readonly string[];
  readonly members: readonly string[];
}

const WAIT_TYPES = ['LWLock', 'Lock', 'IO', 'IPC', 'Client', 'Timeout', 'Activity', 'BufferPin'];
const FREE: Readonly<Record<string, RegExp>> = {
  sqlstate: /^[0-9A-Z]{5}$/,
  table: /^[A-Za-z_]\w*$/,
  slot: /^[a-z0-9_-]+$/i,
  event: /^[A-Za-z][\w-]*$/,
  cause: /^[a-z_]+$/,
};

type Segment = (part: string) => boolean;

const COMPILED = PATTERNS.map((pattern) => ({ pattern, segments: pattern.split(/\.(?![^{]*})/) }));

/** Whether a metric can exist in a scenario, and the nearest one that can. */
export function knownMetric(name: string, scope: MetricScope): MetricVerdict {
  if (isMeasured(name, scope)) return { known: true };
  const names = namesOf(scope);
  const parts = name.split('.');
  if (COMPILED.some(({ segments }) => matches(segments, parts, names))) return { known: true };
  const candidates = COMPILED.flatMap(({ segments }) => instances(segments, parts, names));
  return { known: false, nearest: nearest(name, candidates) };
}

type Names = ReadonlyMap<string, readonly string[]>;

function namesOf(scope: MetricScope): Names {
  return new Map([
    ['server', scope.servers],
    ['transaction', scope.transactions],
    ['clients', scope.clients],
    ['pool', scope.pools],
    ['member', scope.members],
    ['waits', WAIT_TYPES],
  ]);
}

function matches(segments: readonly string[], parts: readonly string[], names: Names): boolean {
  const last = segments.at(-1);
  const fixed = last === '*' || last === '?' ? segments.slice(0, -1) : segments;
  const least = last === '*' ? fixed.length + 1 : fixed.length;
  const most = last === '*' || last === '?' ? fixed.length + 1 : fixed.length;
  if (parts.length < least || parts.length > most) return false;
  if (parts.length > fixed.length && !SUFFIXES.includes(parts.at(-1)!)) return false;
  return fixed.every((segment, i) => segmentTest(segment, names)(parts[i]!));
}

function segmentTest(segment: string, names: Names): Segment {
  if (!segment.includes('{') && !segment.startsWith('<')) return (part) => part === segment;
  const words = wordsOf(segment, names);
  if (words !== undefined) return (part) => words.includes(part);
  const free = FREE[segment.slice(1, -1)]!;
  return (part) => free.test(part);
}

/** The words that a segment allows; undefined where it is free. */
function wordsOf(segment: string, names: Names): readonly string[] | undefined {
  if (segment.startsWith('<')) return names.get(segment.slice(1, -1));
  const choice = /^(.*)\{(.*)\}(.*)$/.exec(segment);
  if (choice === null) return [segment];
  return choice[2]!.split(',').map((word) => choice[1]! + word + choice[3]!);
}

/** The pattern's names that are nearest to a wrong one, one for each choice of words. */
function instances(segments: readonly string[], wrong: readonly string[], names: Names): string[] {
  let made = [''];
  for (const [i, segment] of segments.entries()) {
    const part = wrong[i] ?? '';
    const words = candidatesAt(segment, part, names, wrong);
    made = made.flatMap((head) => words.map((word) => join(head, word)));
  }
  return made;
}

function candidatesAt(
  segment: string,
  part: string,
  names: Names,
  wrong: readonly string[],
): readonly string[] {
  if (segment === '*' || segment === '?') {
    const last = wrong.at(-1)!;
    const suffix = SUFFIXES.includes(last) ? last : (nearest(last, SUFFIXES) ?? 'mean');
    return segment === '?' ? [suffix, ''] : [suffix];
  }
  const words = wordsOf(segment, names);
  if (words === undefined) return [part];
  if (words.includes(part)) return [part];
  const near = nearest(part, words);
  return near === undefined ? words.slice(0, 4) : [near];
}

function join(head: string, word: string): string {
  if (head === '') return word;
  return word === '' ? head : `${head}.${word}`;
}
