import { z } from 'zod';
import { profile } from './profile.ts';
import {
  amount,
  bandwidth,
  count,
  duration,
  flag,
  fraction,
  law,
  name,
  named,
  section,
  size,
  text,
  throughput,
  word,
} from './values.ts';

/** Sections about where things run: network, hardware, hosts, servers and their settings. */

const byPair = <T extends z.ZodType>(value: T) => z.record(z.string(), value);

export const network = section('network', {
  zones: named(text.describe('the region of the zone')).optional(),
  rtt: byPair(law).optional(),
  bandwidth: byPair(bandwidth).optional(),
  loss: byPair(fraction).optional(),
}).describe('zones, and round trips, bandwidths and losses between them');

export const disk = section('disk', {
  kind: text.optional(),
  read: law.optional(),
  write: law.optional(),
  fsync: law.optional(),
  iops: count(1).optional(),
  throughput: throughput.optional(),
  size: size.optional(),
});

export const machine = section('hardware', {
  instance: text.optional(),
  profile: z.union([profile, text]).optional(),
  cores: count(1, 4096).optional(),
  memory: size.optional(),
  network: bandwidth.optional(),
  disk: z.union([disk, text]).optional(),
  price: amount.optional().describe('US dollars a month'),
}).describe('a machine: an instance that can be rented, or its own figures, or both');

export const hardware = named(machine);

/** Settings as they stand in the file; what they mean depends on the version. */
const rawSettings = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()], { error: 'is not a single value' }),
);
export const postgresql = rawSettings.describe("PostgreSQL's settings and its version, 13 to 18");

export const hosts = named(section('hosts', { zone: name.optional(), hardware: name.optional() }));

const tags = section('tags', {
  nofailover: flag.optional(),
  noloadbalance: flag.optional(),
  nosync: flag.optional(),
  nostream: flag.optional(),
  clonefrom: flag.optional(),
  failover_priority: count().optional(),
  sync_priority: count().optional(),
  replicatefrom: text.optional(),
});

const storage = z.union([
  section('storage', { kind: z.literal('local') }),
  section('storage', {
    kind: z.literal('aurora'),
    segment_size: size.optional(),
    copies: count(1, 15).optional(),
    write_quorum: count(1, 15).optional(),
    read_quorum: count(1, 15).optional(),
    zones: z.array(name).min(1).optional(),
  }),
  section('storage', {
    kind: z.literal('neon'),
    safekeepers: z.array(name).min(1).optional(),
    pageservers: z.array(name).min(1).optional(),
    local_file_cache: size.optional(),
    max_replication_write_lag: size.optional(),
  }),
  section('storage', {
    kind: z.literal('alloydb'),
    zones: z.array(name).min(1).optional(),
    columnar_cache: size.optional(),
    ultra_fast_cache: size.optional(),
  }),
]);

export const archive = section('archive', {
  throughput: throughput.optional(),
  latency: duration.optional(),
  fails: z.array(section('a failure', { at: duration, for: duration.optional() })).optional(),
}).describe('where finished WAL segments go, how long each takes, and when that fails');

const start = section('start', {
  buffers: word('warm', 'cold').optional(),
  os_cache: word('warm', 'cold').optional(),
  xid_age: count(0, 2_147_000_000).optional(),
});

export { start };

/** Enough for eight parts of 16 buffers each. */
const sampleSize = size.refine((bytes) => bytes >= 1024 * 1024, { error: 'must be at least 1MB' });

export const simulation = section('the simulation', {
  buffer_sample: z
    .union([
      z.enum(['auto', 'off'], { error: 'is not auto, off or a size such as 1GB' }),
      sampleSize,
    ])
    .optional(),
}).describe(
  'how closely memory is simulated: buffer_sample is how much of a server’s shared buffers is ' +
    'followed page by page, the rest by what becomes of these; auto: all up to 16GB, 1GB of more',
);

export const server = section('a server', {
  zone: name.optional(),
  hardware: name.optional(),
  host: name.optional(),
  standby_of: name.optional(),
  replicas: count(1, 1000).optional(),
  storage: storage.optional(),
  recovery_min_apply_delay: z.union([z.string(), z.number()]).optional(),
  slot: flag.optional(),
  application_name: text.optional(),
  tags: tags.optional(),
  postgresql: postgresql.optional(),
  start: start.optional(),
});

export const servers = named(server).refine((given) => Object.keys(given).length > 0, {
  error: 'a scenario has at least one server',
});
