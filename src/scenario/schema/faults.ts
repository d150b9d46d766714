import { z } from 'zod';
import {
  amount,
  bandwidth,
  count,
  duration,
  fraction,
  law,
  name,
  oneOrMore,
  refuse,
  section,
  size,
  text,
  throughput,
  withCandidates,
} from './values.ts';

/** The section about what goes wrong, and when. */

const target = text.describe('a server, server.patroni, etcd.MEMBER, pgbouncer.POOL, host or zone');
const targets = oneOrMore(target);
const between = { from: targets.optional(), to: targets.optional(), between: z.array(targets) };

/** Each kind of fault with what it takes. */
export const FAULT_KINDS = {
  crash: targets,
  power_off: targets,
  pause: targets,
  restart: targets,
  resize: section('resize', { target: target, hardware: name }),
  partition: z.array(targets).min(2, 'a partition has at least two sides'),
  cut: section('cut', { from: targets, to: targets }),
  slow_network: section('slow_network', {
    ...between,
    between: between.between.length(2).optional(),
    delay: law.optional(),
    factor: amount.optional(),
    bandwidth: bandwidth.optional(),
  }),
  packet_loss: section('packet_loss', {
    ...between,
    between: between.between.length(2).optional(),
    loss: fraction,
  }),
  slow_disk: z.union([
    targets,
    section('slow_disk', {
      target: targets,
      factor: amount.optional(),
      fsync: law.optional(),
      read: law.optional(),
      write: law.optional(),
      throughput: throughput.optional(),
      iops: count(1).optional(),
    }),
  ]),
  disk_full: targets,
  zone_outage: targets,
  switchover: z.union([
    text,
    section('switchover', { from: target.optional(), to: target.optional() }),
    z.null(),
  ]),
  promote: target,
  clock_jump: section('clock_jump', { target: targets, by: z.union([z.string(), z.number()]) }),
  cancel_queries: z.union([
    targets,
    section('cancel_queries', { target: targets, waiting_for: text.optional() }),
  ]),
  bulk_load: section('bulk_load', {
    target: target,
    size: size,
    rate: throughput.optional(),
    table: text.optional(),
  }),
  connection_storm: section('connection_storm', {
    target: target,
    count: count(1, 1_000_000),
    over: duration.optional(),
    zone: text.optional(),
  }),
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;

/** The names of all faults. */
export const FAULT_NAMES = Object.keys(FAULT_KINDS) as FaultKind[];

const optionalKinds = Object.fromEntries(
  Object.entries(FAULT_KINDS).map(([kind, schema]) => [kind, schema.optional()]),
) as { [Kind in FaultKind]: z.ZodOptional<(typeof FAULT_KINDS)[Kind]> };

const KEYS = ['at', 'when', 'for', ...FAULT_NAMES];

export const fault = z
  .strictObject(
    {
      at: law.optional(),
      when: section('when', { event: text, count: count(1).optional() }).optional(),
      for: duration.optional(),
      ...optionalKinds,
    },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? withCandidates('is not a kind of fault', KEYS)
          : 'a fault is written as {at: 60s, crash: pg1}',
    },
  )
  .transform((given, context) => {
    const kinds = FAULT_NAMES.filter((kind) => given[kind] !== undefined);
    if (kinds.length !== 1)
      return refuse(context, given, `has ${kinds.length} kinds of fault instead of one`);
    if ((given.at === undefined) === (given.when === undefined))
      return refuse(context, given, 'begins either at a time (at) or on an event (when)');
    return { ...given, kind: kinds[0]! };
  });

export const faults = z.array(fault).max(10_000);

/** What a hunt may draw: what the topology promises to survive. */
export const hunt = section('hunt', {
  faults: z.array(z.enum(FAULT_NAMES as [FaultKind, ...FaultKind[]])).optional(),
  at_most: count(1, 1000).optional(),
  duration: duration.optional(),
});
