/**
 * What server processes cost in CPU time, as plain data: a `CostProfile` of each machine, which a
 * scenario sets by `hardware.X.profile`, and the tables that a running server looks them up in.
 *
 * The defaults were measured on PostgreSQL 15.18, one core of a 2.6 GHz AMD EPYC, pgbench scale 10
 * with fillfactor 80, everything cached, one client on the same core, as the CPU time of the
 * backend by the kernel's own accounting: per transaction with the prepared protocol select-only
 * 10.3 us, simple-update 44.8, tpcb-like 66.7, BEGIN and END alone 10.7; with the simple protocol
 * 21.5, 69.4, 89.1 and 9.9. The statements' shares are the differences. Other processors differ by
 * tens of per cent: `bench/fidelity/calibrate.ts` finds a machine's own values.
 *
 * Kept: one value for each step that a process takes. Left out: what the processor's caches still
 * hold when it comes back to a process, and the lines that cores take from one another.
 */
import { MICROSECOND, MILLISECOND, type Nanoseconds } from '../kernel/index.ts';
import type { MeasuredVerb, Verb } from './statement.ts';

/** CPU time of one kind of statement on cached pages, beyond that of its message. */
export interface StatementCost {
  /** Parsing, analysing and planning: paid again for each execution in the simple protocol. */
  readonly plan: Nanoseconds;
  /** Its accesses to cached pages and the insertion of its WAL included. */
  readonly execute: Nanoseconds;
}

/** CPU times of a machine, in nanoseconds; those by the byte need not be whole. */
export interface CostProfile {
  /** Receiving a message, answering it, and the dispatch between. */
  readonly message: Nanoseconds;
  readonly statements: Readonly<Record<MeasuredVerb, StatementCost>>;
  /** Ending a transaction that wrote: commit record, commit log, ProcArray, locks. */
  readonly commit: Nanoseconds;
  /** Taking up a row again after waiting for its lock. */
  readonly recheck: Nanoseconds;
  /** The postmaster's fork, one at a time. */
  readonly fork: Nanoseconds;
  /** What a new backend does until it can serve; the client waits for it. */
  readonly backendStart: Nanoseconds;
  /** What its first query costs beyond others: it fills the caches of the catalogs. */
  readonly firstQuery: Nanoseconds;
  /** The end of a backend, for which nobody waits. */
  readonly backendExit: Nanoseconds;
  /** The system calls of a WAL flush, before the device's time. */
  readonly flush: Nanoseconds;
  /** What the kernel's own threads do for it meanwhile, on any core. */
  readonly flushInKernel: Nanoseconds;
  /** Waking a process that sleeps on its semaphore, paid by who releases the lock. */
  readonly wake: Nanoseconds;
  /** Falling asleep and going on: a system call and two switches, paid by who was woken. */
  readonly sleep: Nanoseconds;
  /** A write of WAL to the system's cache: the call, and each page of 8 KiB that it copies. */
  readonly walWrite: Nanoseconds;
  readonly walPageWrite: Nanoseconds;
  /** A walsender's turn: waking, reading WAL from the cache, sending. */
  readonly walSender: Nanoseconds;
  /** A walsender takes in a reply. */
  readonly walSenderReply: Nanoseconds;
  /** A walreceiver's turn: waking, receiving, writing to the file. */
  readonly walReceiver: Nanoseconds;
  /** Redo of cached pages. */
  readonly redoPerByte: number;
  /** The startup process wakes and takes up a batch of records. */
  readonly redoWake: Nanoseconds;
  /** WAL of one byte beyond what statements include: bulk loads, images, index builds. */
  readonly walPerByte: number;
  /** A full-page image: finding its hole, its checksum and its copy. */
  readonly fullPageImage: Nanoseconds;
  /** Finding and pinning a cached page beyond what statements include: scans. */
  readonly pageHit: Nanoseconds;
  /** A page that the operating system's cache has: system call, copy, the victim's eviction. */
  readonly pageRead: Nanoseconds;
  /** What a read costs on top of that if the disk is asked: block layer, interrupt, sleep. */
  readonly diskRead: Nanoseconds;
  /** A page that the checkpointer or the bgwriter gives to the operating system's cache. */
  readonly pageWrite: Nanoseconds;
}

export const DEFAULT_COSTS: CostProfile = {
  message: 4 * MICROSECOND,
  statements: {
    begin: { plan: 0, execute: 1 * MICROSECOND },
    select: { plan: 10 * MICROSECOND, execute: 6.5 * MICROSECOND },
    update: { plan: 6 * MICROSECOND, execute: 8 * MICROSECOND },
    insert: { plan: 6 * MICROSECOND, execute: 5 * MICROSECOND },
    commit: { plan: 0, execute: 1 * MICROSECOND },
    rollback: { plan: 0, execute: 1 * MICROSECOND },
  },
  commit: 5 * MICROSECOND,
  recheck: 3 * MICROSECOND,
  fork: 500 * MICROSECOND,
  // Connecting anew for each select (local trust, one client) took 1.78 to 1.87 ms until connected,
  // 0.56 to 0.58 ms for the first select, and 3.76 to 3.85 ms of processor time in all.
  backendStart: 1.25 * MILLISECOND,
  firstQuery: 0.55 * MILLISECOND,
  backendExit: 1.5 * MILLISECOND,
  flush: 10 * MICROSECOND,
  flushInKernel: 0, // part of the device's time until it is measured
  wake: 2 * MICROSECOND, // half of a message's 4 us, which are a wake-up, a sleep, and the dispatch
  sleep: 2 * MICROSECOND,
  walWrite: 2 * MICROSECOND,
  walPageWrite: 1 * MICROSECOND, // pg_test_fsync: 1 us for a write of 8 kB
  walSender: 15 * MICROSECOND,
  walSenderReply: 4 * MICROSECOND,
  walReceiver: 12 * MICROSECOND,
  redoPerByte: 6.1, // 96 MB took 0.59 s on one core (PostgreSQL 15, image-rich WAL)
  redoWake: 8 * MICROSECOND,
  walPerByte: 1,
  fullPageImage: 12 * MICROSECOND, // after a checkpoint 10 us more for 0.72 images (PostgreSQL 15)
  pageHit: 100,
  pageRead: 1.5 * MICROSECOND, // pread of 8 kB from the cache: 1.47 us in the mean
  diskRead: 0, // part of the device's time until it is measured
  // CHECKPOINT of 40,817 pages took the checkpointer 62.7 ms twice; 113 if the cache had none.
  pageWrite: 1.5 * MICROSECOND,
};

/**
 * What each row beyond the first costs a statement, in nanoseconds, and each row that a sequential
 * scan looks at. Measured on PostgreSQL 15 (one core of an EPYC, 1,000,000 cached accounts, EXPLAIN
 * ANALYZE without timing, the least of twelve), as the slope from 1 to 1,001 rows: of neighbours by
 * BETWEEN 80 ns read, 410 locked, 2,770 updated, 320 deleted; scattered by IN 4,500 read; count(*)
 * 45 ms. Other machines scale as a prepared SELECT of one row does, its message included.
 */
export const FURTHER_ROWS = {
  select: 80,
  lock: 410,
  update: 2_770,
  insert: 2_770,
  delete: 320,
  /** On top of it, for a descent of its own through the index to a page of its own. */
  scattered: 4_400,
  /**
   * A row of a COPY, and an entry of it in an index: 600,000 rows of three integers in 356 and 403
   * ms, 200,000 with a primary key in 406 and 428 (PostgreSQL 15.18, on a machine in use).
   */
  copied: 630,
  entered: 1_450,
  scanned: 45,
  /**
   * Planning on partitions (PostgreSQL 15.18 on a like machine, whose prepared SELECT took 10.8 us;
   * least of 20 to 40 planning times of EXPLAIN, 1 to 200 partitions with 0, 1, 2 and 4 indexes; a
   * plain SELECT took 4 us): the partitioned table itself; each partition beyond the first, each
   * of its indexes, each index that fits a condition. Comparisons with < or > are looked up in
   * histograms, and their ends in the index.
   */
  partitionedPlanned: 4_000,
  partitionPlanned: 2_100,
  indexPlanned: 450,
  pathPlanned: 700,
  rangePlanned: 2_400,
  extremePlanned: 2_800,
  /**
   * A file opened again whose size is asked for: 1,000 to 2,500 files took 3.1 to 4.3 us each
   * longer with max_files_per_process 1,000 than with 19,000.
   */
  fileOpened: 4_000,
  /**
   * Another partition in a plan: its state, its scan begun and ended (the same server; 10 to 100
   * partitions, always the same key). In the extended protocol what the scans had of memory goes
   * back to the kernel with each execution: 1.75 page faults of 1.9 us each for a partition.
   */
  partition: 1_900,
  partitionMemory: 3_300,
  /**
   * A page that the processor's caches do not hold: 100 rows of as many pages of a table of 270 MB
   * took pgbench 182 us with keys drawn at random, 42 with always the same; by EXPLAIN, with pauses
   * between, 170 to 260 and 30.
   */
  coldPage: 1_400,
  /**
   * Nodes above scans, by differences of queries on tables of 1,000,000 and 100,000 rows of 96
   * bytes (PostgreSQL 15, two runs on a machine that others used as well): a row that a filter
   * looks at, that an aggregate takes in, that finds its group in a hash table or makes one, that
   * ends a group in order.
   */
  filtered: 40,
  aggregated: 10,
  hashed: 20,
  newGroup: 550,
  sortedGroup: 90,
  /** A row into the hash table of a join, one looked up in it, one merged, a pair made. */
  hashBuilt: 95,
  hashProbed: 65,
  merged: 25,
  joined: 10,
  /** An inner side begun anew, and a key found in a Memoize. */
  rescan: 170,
  memoized: 95,
  /** A comparison of keys that are numbers, and a row copied for a sort; one given from memory. */
  compared: 11,
  collected: 40,
  given: 15,
  /** A tuple written to a temporary file and read, beyond its pages. */
  spilled: 100,
  /** A tuple that a worker sends to its leader. */
  sent: 100,
  /**
   * A value of a column into a compressed batch, and out of one: Simple-8b of differences takes 1
   * to 8 ns and 1 to 1.3, XOR of floating point 2.5 and 1.7 (both written in C after their papers,
   * -O2, 1,000 values, the machine of the rest); TimescaleDB's own code was not measured.
   */
  compressed: 5,
  decompressed: 1.5,
  /** A worker: forked, told of the leader's state, ended. One with nothing to do took 6.6 ms. */
  worker: 6_600_000,
  /** A table or an index of a plan that was kept: locked anew, and released. */
  relationLocked: 90,
  /**
   * A table that a backend has not opened before, and an index: by the difference between the first
   * and the next EXPLAIN of a session, 100 partitions with 0, 1, 2 and 4 indexes.
   */
  tableOpened: 38_000,
  indexOpened: 16_000,
  /** Of ATTACH, DETACH and DROP for each other partition: 0.61 ms with 500, 0.16 with 10. */
  siblingRead: 900,
  /** A foreign key's query for one row (`foreign-keys.ts`); one on partitions is planned. */
  foreignKey: 2_700,
  referenced: 4_200,
  foreignKeyPlanned: 16_600, // beside `partitionedPlanned`
} as const;

/** The client's 4096 rounds of SCRAM-SHA-256: its own CPU time, 2 to 5 ms. */
export const SCRAM_CLIENT_TIME = 3 * MILLISECOND;

type ByVerb = Readonly<Record<Verb, Nanoseconds>>;

/** A machine's costs as a running server uses them: whole statements by verb and protocol. */
export interface Costs extends CostProfile {
  /** CPU time of one statement on an open connection, without that of a commit which writes. */
  statement(verb: Verb, prepared: boolean): Nanoseconds;
  /** What of it is the planner's in the simple protocol. */
  planner(verb: Verb): Nanoseconds;
  /** What of it is the executor's. */
  executor(verb: Verb): Nanoseconds;
  /** CPU time of one of `FURTHER_ROWS`. */
  furtherRow(kind: keyof typeof FURTHER_ROWS): number;
  /** CPU time of replaying so many bytes of WAL. */
  redo(bytes: number): Nanoseconds;
}

export function costsOf(profile: CostProfile): Costs {
  const prepared = table(profile, false);
  const simple = table(profile, true);
  const scale = oneSelect(profile) / oneSelect(DEFAULT_COSTS);
  return {
    ...profile,
    statement: (verb, isPrepared) => (isPrepared ? prepared[verb] : simple[verb]),
    executor: (verb) => Math.round(prepared[verb] - profile.message),
    planner: (verb) => Math.round((simple[verb] - prepared[verb]) * PLANNER_SHARE),
    furtherRow: (kind) => FURTHER_ROWS[kind] * scale,
    redo: (bytes) => Math.round(bytes * profile.redoPerByte),
  };
}

/**
 * Of parsing, analysing, rewriting and planning the planner's share: EXPLAIN told 3.5 to 4 us of a
 * SELECT of one row whose simple protocol took 8 to 10 us more than the prepared one.
 */
const PLANNER_SHARE = 0.4;

/** A prepared SELECT of one row, by which machines are compared: one measured whole. */
function oneSelect({ message, statements }: CostProfile): Nanoseconds {
  return message + statements.select.execute;
}

/**
 * A DELETE of one row by its key, of what planning and executing an UPDATE takes. PostgreSQL 15,
 * 1,000,000 rows in shared buffers, 60,000 statements of one session by themselves, asynchronous
 * commits, processor time of the backend, the middle of three runs: 25.8 us an UPDATE and 22.6 a
 * DELETE, prepared 19.9 and 18.2, of which messages and commit are 9.
 */
const DELETE_OF_UPDATE = 0.82;

/** Every verb in the same order, so that all tables have one shape. */
function table({ message, statements }: CostProfile, plans: boolean): ByVerb {
  const of = (verb: MeasuredVerb, share = 1) => {
    const { plan, execute } = statements[verb];
    return Math.round(message + share * (execute + (plans ? plan : 0)));
  };
  return {
    begin: of('begin'),
    select: of('select'),
    update: of('update'),
    insert: of('insert'),
    commit: of('commit'),
    rollback: of('rollback'),
    delete: of('update', DELETE_OF_UPDATE),
    set: of('begin'),
    savepoint: of('begin'),
    release: of('begin'),
    'rollback to': of('rollback'),
    alter: of('begin'), // and what `partitioning/definition.ts` says
    vacuum: of('begin'), // and what its pages cost
  };
}
