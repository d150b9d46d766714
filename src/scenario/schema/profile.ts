import type { z } from 'zod';
import { amount, count, duration, law, refuse, section, text, throughput } from './values.ts';

/*
 * A hardware profile: what was measured of a machine. It stands in the scenario itself or in a file
 * of its own. What it leaves out keeps its default; what `disk` says beside it goes before it.
 */

const VERBS = ['begin', 'select', 'update', 'insert', 'commit', 'rollback'] as const;

const statement = section('a statement', {
  plan: duration.optional(),
  execute: duration.optional(),
});

const statements = section(
  'statements',
  Object.fromEntries(VERBS.map((verb) => [verb, statement.optional()])) as Record<
    (typeof VERBS)[number],
    z.ZodOptional<typeof statement>
  >,
);

/** By the byte in nanoseconds, or a share that may exceed 1. */
const notNegative = amount.transform((value, context): number =>
  value >= 0 ? value : refuse(context, value, 'must not be negative'),
);

const costs = section('costs', {
  message: duration.optional(),
  statements: statements.optional(),
  commit: duration.optional(),
  recheck: duration.optional(),
  fork: duration.optional(),
  backend_start: duration.optional(),
  first_query: duration.optional(),
  backend_exit: duration.optional(),
  flush: duration.optional(),
  flush_in_kernel: duration.optional(),
  wake: duration.optional(),
  sleep: duration.optional(),
  wal_write: duration.optional(),
  wal_page_write: duration.optional(),
  wal_sender: duration.optional(),
  wal_sender_reply: duration.optional(),
  wal_receiver: duration.optional(),
  redo_per_byte: notNegative.optional().describe('nanoseconds'),
  redo_wake: duration.optional(),
  wal_per_byte: notNegative.optional().describe('nanoseconds'),
  full_page_image: duration.optional(),
  page_hit: duration.optional(),
  page_read: duration.optional(),
  disk_read: duration.optional(),
  page_write: duration.optional(),
}).describe("CPU times of Postgres's processes");

export const profile = section('a profile', {
  measured_on: text.optional(),
  disk: section('disk', {
    read: law.optional(),
    write: law.optional(),
    fsync: law.optional(),
    queue_depth: count(1).optional(),
    stream: throughput.optional(),
  }).optional(),
  loopback: duration.optional().describe('one way between two processes of the machine'),
  processor: section('processor', {
    context_switch: duration.optional(),
    cache_refill: notNegative.optional(),
    core_wakeup: duration.optional(),
    core_wakeup_work: duration.optional(),
    crossing: duration.optional(),
    idle_work: duration.optional(),
    interrupted_every: duration.optional(),
    interruption: duration.optional(),
  }).optional(),
  costs: costs.optional(),
}).describe('what was measured of a machine, or the file in which it stands');
