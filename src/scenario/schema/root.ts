import { z } from 'zod';
import { consul, etcd, fencing, patroni, zookeeper } from './availability.ts';
import { faults, hunt } from './faults.ts';
import {
  archive,
  hardware,
  hosts,
  network,
  postgresql,
  servers,
  simulation,
  start,
} from './machines.ts';
import { cache, dns, haproxy, pgbouncer, proxysql, routing, vip } from './routes.ts';
import { citus, logical, multiPrimary, shards } from './scaling.ts';
import { count, duration, name, named, section, text } from './values.ts';
import { workload } from './workload.ts';

/** The whole language: one schema, from which everything else about it is derived. */

const comparison = z
  .string({ error: 'is not a comparison such as latency.write.p99 < 20ms' })
  .max(1000, 'a comparison has at most 1,000 characters');
const comparisons = z.array(comparison).max(1000);

const claim = section('a claim', {
  id: text,
  says: z.string(),
  source: z.string().optional(),
  expect: z.union([comparison.transform((one) => [one]), comparisons]),
  variant: text.optional(),
});

const change = z.record(z.string(), z.unknown());

const variant = section('a variant', {
  title: z.string().optional(),
  lesson: z.string().optional(),
  set: change.optional(),
  'faults+': z.array(z.unknown()).optional(),
  observe: comparisons.optional(),
  expect: comparisons.optional(),
});

const describes = {
  name: text.optional(),
  title: text.optional(),
  lesson: text.optional(),
  seed: count(0).optional(),
  duration: duration.optional(),
  warmup: duration.optional(),
};

const topology = {
  network: network.optional(),
  hardware: hardware.optional(),
  hosts: hosts.optional(),
  postgresql: postgresql.optional(),
  servers,
  start: start.optional(),
  simulation: simulation.optional(),
  archive: archive.optional(),
  patroni: patroni.optional(),
  etcd: etcd.optional(),
  consul: consul.optional(),
  zookeeper: zookeeper.optional(),
  fencing: fencing.optional(),
  haproxy: haproxy.optional(),
  pgbouncer: pgbouncer.optional(),
  proxysql: proxysql.optional(),
  dns: dns.optional(),
  vip: vip.optional(),
  routing: routing.optional(),
  cache: cache.optional(),
  citus: citus.optional(),
  shards: shards.optional(),
  multi_primary: multiPrimary.optional(),
  logical: logical.optional(),
};

const judgement = {
  observe: comparisons.optional(),
  expect: comparisons.optional(),
  claims: z.array(claim).optional(),
  invariants: z.array(name).optional(),
  hunt: hunt.optional(),
  variants: named(variant).optional(),
  sweep: z.record(z.string(), z.array(z.unknown()).min(1)).optional(),
  sweep_expect: comparisons.optional(),
};

/** A scenario as it stands in its file. */
export const scenarioSchema = section('a scenario', {
  ...describes,
  ...topology,
  workload,
  faults: faults.optional(),
  ...judgement,
});

/** What the schema makes of a file: quantities in base units, names not yet looked up. */
export type ScenarioFile = z.output<typeof scenarioSchema>;
