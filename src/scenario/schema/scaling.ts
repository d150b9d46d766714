import { z } from 'zod';
import { count, duration, flag, name, named, oneOrMore, section, text, word } from './values.ts';

/** Sections about data on more than one primary. */

export const citus = section('Citus', {
  version: text.optional(),
  coordinator: name,
  workers: oneOrMore(name),
  shard_count: count(1, 64_000).optional(),
  shard_replication_factor: count(1, 100).optional(),
  max_adaptive_executor_pool_size: count(1).optional(),
  executor_slow_start_interval: duration.optional(),
  max_shared_pool_size: count(0).optional(),
  max_cached_conns_per_worker: count(0).optional(),
  recover_2pc_interval: duration.optional(),
  distributed_deadlock_detection_factor: count(0).optional(),
  use_secondary_nodes: word('never', 'always').optional(),
});

export const shards = section('shards', {
  by: word('hash', 'range', 'directory'),
  key: text,
  servers: oneOrMore(name),
  count: count(1).optional(),
  ranges: z.array(z.unknown()).optional(),
  directory: z.record(z.string(), name).optional(),
  rebalance: section('rebalance', {
    at: duration,
    to: oneOrMore(name),
    parallel: count(1).optional(),
  }).optional(),
});

export const multiPrimary = section('multi_primary', {
  servers: oneOrMore(name),
  conflict: word(
    ...(['last-update-wins', 'first-update-wins', 'origin-priority', 'error'] as const),
  ).optional(),
  apply_delay: duration.optional(),
});

const publication = section('a publication', {
  publisher: name,
  subscribers: oneOrMore(name),
  tables: oneOrMore(text).optional(),
  streaming: word('off', 'on', 'parallel').optional(),
  two_phase: flag.optional(),
  synchronous_commit: text.optional(),
});

export const logical = named(publication);
