import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * The rules of mechanisms.md, sections 1 to 3, 5 to 7 and 4.7 (2.7 without what slots are beyond
 * the WAL they keep), and for each a test that holds it: the file, and how its title begins. What
 * is left out of a rule is said in the README of its folder.
 */
const RULES: Record<string, string> = {
  '4.7': `
    one process, read misses | ../replication/replay | 4.7: one process reads page after page
    prefetch | ../replication/replay | 4.7: recovery_prefetch reads maintenance_io_concurrency
    images | ../replication/replay | 4.7: of an image no page is read
    apply delay | ../replication/replay | 4.7: recovery_min_apply_delay holds up commits
    promotion | ../replication/replay | 4.7: a promotion cuts the delay short
    receiving goes on | ../replication/conflicts | 5.1: replay is blocked meanwhile, WAL is`,
  '5': `
    snapshot, any table | ../replication/conflicts | 5: a removal of rows hits who has an xmin
    running statement | ../replication/conflicts | 5: a running statement fails with 40001
    READ COMMITTED | ../replication/conflicts | 5: idle in a READ COMMITTED transaction
    pruning on access | ../replication/conflicts | 5: pruning by a reader of the primary conflicts
    what never conflicts | ../replication/conflicts | 5: plain inserts and updates never conflict
    which records | ../replication/conflict-horizons | 5: prune, freeze, all-visible and index
    lock, queue | ../replication/conflicts | 5: an AccessExclusiveLock hits its holders
    locks of others | ../replication/conflicts | 5: other tables are read meanwhile
    deadlock | ../replication/conflicts | 5: a circle with replay is a deadlock
    deadlock, asked for | ../replication/conflicts | 5: replay asks who is in its way
    buffer pin | ../replication/conflicts | 5: redo of a pruned page waits for pins
    aborted, idle | ../replication/conflicts | 5: who has aborted, or is in no transaction
    subtransaction | ../replication/conflicts | 5: in a subtransaction the session ends`,
  '5.1': `
    shared grace | ../replication/conflicts | 5.1: the grace is one for all that comes
    full again | ../replication/conflicts | 5.1: once replay has caught up the grace is full
    forever | ../replication/conflicts | 5.1: -1 waits as long as it takes
    archive delay | ../replication/conflicts | 5.1: what is read from pg_wal has`,
  '5.2': `
    holds for all tables | ../replication/feedback | 5.2: what its queries may see the primary
    late release | ../replication/feedback | 5.2: the horizon is released an interval after
    interval | ../replication/feedback | 5.2: at most one message an interval
    off by default | ../replication/feedback | 5.2: off by default
    slot | ../replication/feedback | 5.2: without a slot it goes with the connection
    cascades | ../replication/feedback | 5.2: a standby in the middle passes on the oldest`,
  '5.3': `
    replay order | ../replication/feedback | 5.3: ids run until their commit record is replayed
    promotion | ../replication/feedback | 5.3: a promotion gives the ids on
    known ids | ../replication/replay | 5.3: known ids are those of a set`,
  '1.1': `
    pool size | storage/storage | the pool is shared_buffers in pages: 128 MiB are 16384
    cap of usage_count | buffers/pool | a use counts up to 5 and no further
    pin through a ring | buffers/pool | through a ring the count becomes 1 if it is 0
    sweep tick, pinned | buffers/pool | the sweep skips a pinned buffer without decrement
    sweep tick, unpinned | buffers/pool | an unpinned buffer above 0 is decremented
    failure | buffers/pool | NBuffers ticks in a row without a change
    cold start | buffers/pool | cold start: the free list is drained, in order
    free list | buffers/pool | only pages of dropped or truncated relations come back
    mapping locks | buffers/pool | there are 128 mapping partitions
    consequence a | buffers/pool | (a) a page hit 5 times survives 5 full passes of the hand
    consequence b | buffers/pool | (b) the hand moves only on allocations
    consequence c | buffers/pool | (c) ticks per allocation are 1 plus the increments
    all of it | buffers/twin | agree on 200 random traces with rings, pins, drops and checkpoints`,
  '1.2': `
    a hit | storage/storage | in shared buffers: processor time of the statement, and no event
    refused content lock | buffers/pool | a victim whose content lock is refused is let go
    WAL first, in a ring | buffers/pool | if writing needs WAL first, only a bulk-read ring
    WAL first, a reader pays | storage/storage | backends write their victims, and no page before
    unlogged pages are exempt | buffers/pool | before a write WAL must be flushed up to the LSN
    one read in total | storage/storage | two who want the same pages at once: one read of each
    a victim that changes | buffers/pool | a victim that is dirtied or pinned while WAL was`,
  '1.3': `
    sizes by version | buffers/rings | sizes by version
    cap | buffers/rings | all are capped at an eighth of shared_buffers
    pin limit of 18 | buffers/rings | bulk read of version 18: no more than a process may pin
    a quarter of the pool | buffers/rings | a sequential scan takes a ring if the relation
    who uses which | buffers/rings | who uses which
    reuse of a slot | buffers/rings | a slot is reused if unpinned and its count is at most 1
    failsafe | buffers/rings | the failsafe drops the ring from version 16
    small tables | buffers/rings | without a ring, a table of a quarter of the pool does displace`,
  '1.4': `
    the cycle | buffers/bgwriter | the first two cycles of an empty pool, by hand
    density | buffers/bgwriter | density follows hand movement per allocation by a sixteenth
    smoothed_alloc | buffers/bgwriter | smoothed allocations: up at once, down by a sixteenth
    need | buffers/bgwriter | it scans for twice the allocations that it expects
    ceiling | buffers/bgwriter | ceiling with defaults: 100 pages in 200 ms
    what it skips | buffers/bgwriter | pinned or used buffers are skipped
    overtaken | buffers/bgwriter | overtaken by the hand, the scan restarts at the hand
    hibernation | buffers/bgwriter | an idle pool is scanned once in two minutes
    waking | buffers/bgwriter | the next allocation wakes it, once
    the process | checkpoint/phases | at most bgwriter_lru_maxpages each bgwriter_delay
    running transactions | checkpoint/phases | running transactions are logged every 15 s`,
  '1.5': `
    misses are copies | storage/storage | in the cache of the operating system: a copy of each page
    misses are reads | storage/storage | in neither: one read of the disk after the other
    writeback hints | buffers/below | writeback hints: checkpointer every 32 pages
    I/O concurrency | buffers/below | effective_io_concurrency 1, then 16 in 18
    io_combine_limit | buffers/below | io_combine_limit: from 17 on 128 KiB in one read
    asynchronous reads | buffers/below | 18 reads asynchronously with three workers
    where prefetch applies | buffers/below | where prefetch applies`,
  '1.6': `
    a SELECT dirties pages | buffers/below | a SELECT can dirty pages
    the first reader | heap/heap | the first reader after a transaction
    images of hints | buffers/below | with checksums or wal_log_hints: an image
    only one | buffers/below | later hints before the next checkpoint do not
    recovery | buffers/below | in recovery with checksums or wal_log_hints hints do not dirty
    checksums | buffers/below | checksums are off by default up to 17 and on from 18
    asynchronous commit | buffers/below | after an asynchronous commit no hint until its WAL`,
  '2.1': `
    buffers full | wal/writing | who finds the page that it needs unwritten writes it out
    under the lock | wal/writing | while another holds WALWriteLock it waits
    size of the buffers | wal/retention | shared_buffers %d, wal_buffers %d: %d pages`,
  '2.2': `
    formula | heap/heap-records | a relation is spelled once for blocks that follow each other
    long main data | heap/heap-records | main data above 255 bytes has a header of 5
    page headers | lsn | advance as bytes do, one by one, wherever it begins
    insert | heap/heap-records | an insert is 54 bytes and the tuple without its header: 148
    leaf insert | btree/btree | ascending keys leave leaves 90 % full
    delete, lock, prune, update | heap/heap-records | sizes of records, as pg_waldump shows them
    a row lock commits | record-sizes | 2.2: a row lock takes an id and a commit that is flushed
    commit | wal/records | %j: %d bytes
    checkpoint, running xacts | record-sizes | 2.2: records that change no page
    transaction totals | record-sizes | 2.2: whole transactions of a row of 93 bytes
    COPY | heap/heap | 610 rows of pgbench_accounts: one record a page
    wal_level = logical | heap/heap-records | at wal_level logical nothing is elided`,
  '2.3': `
    rule | wal/records | a page gets one iff its LSN is not beyond the redo pointer
    full_page_writes | wal/records | full_page_writes = off: none
    the burst begins | record-sizes | 2.3: from the beginning of a checkpoint on, not from its end
    new pages | wal/records | a page that the record makes anew needs none
    block data | wal/records | at wal_level = logical a change that is decoded keeps its data
    size | heap/heap-records | an image is 8192 less the hole and 5 of header
    compression | wal/records | off by default; on is pglz
    expected images | wal/records | images after a checkpoint: P (1 - exp(-n/P))`,
  '2.4': `
    batch | wal/flush | a batch is everyone whose record was inserted before the flush began
    not in it | wal/flush | whoever inserts during a flush is not in it
    one at a time | wal/flush | one flush at a time, and each committer waits 1 to 2 of them
    batch size | wal/flush | %d clients that think %d flushes long
    woken together | wal/flush | of those who are woken together one leads the flush
    the next leader | waits | those who find a flush under way wait for the lock, the leader
    commit_delay | wal/flush | commit_delay holds the leader back
    segments | wal/writing | one that is completed is made durable at once
    partial pages | wal/writing | the last page is written again with each flush
    new segments | wal/writing | the next file: %s
    open_datasync | wal/writing | open_datasync: each write is durable when it returns
    fsync = off | wal/flush | fsync = off: written is flushed, at once`,
  '2.5': `
    rhythm | wal/flush | a walwriter that hibernates is woken; one at work keeps its rhythm
    durable within | wal/flush | durable within three times wal_writer_delay
    flush after | wal/writing | writes below wal_writer_flush_after go to the operating system
    waking by version | wal/flush | version %d, %d whole pages: the walwriter is woken
    a suffix is lost | wal/flush | a crash takes a suffix in the order of positions
    flushed by others | wal/flush | a synchronous commit flushes the asynchronous ones before it
    visibility | commit | synchronous_commit = off is answered before it is durable or sent`,
  '2.6': `
    order | commit | record, flush, standby, and only then locks and the answer
    read-only | commit | read-only transactions wait for nobody
    locks are held | commit | during the wait the lock is held, however long it lasts
    a crash in the wait | commit | a crash in the wait: committed after recovery
    on the standby already | ../replication/commit-latency | fewer connected than asked for`,
  '2.7': `
    redo | wal/retention | from the redo pointer on
    wal_keep_size | wal/retention | wal_keep_size before the end, if that is more
    slots | wal/retention | from the slots’ least restart_lsn on, however far back
    max_slot_wal_keep_size | wal/retention | max_slot_wal_keep_size caps what slots hold back
    unarchived | wal/archiver | what is not archived stays, without limit
    only at a checkpoint | wal/segments | nothing goes before a checkpoint is over
    a removed segment | ../replication/removed-wal | 2.7: its walsender ends with the error
    a physical slot | ../replication/removed-wal | 2.7: a slot keeps it, and lets it go once
    WAL without room | wal/disk-full | a PANIC at the segment that has no room
    restart loop | wal/disk-full | the postmaster starts anew, the start fails
    archiver | wal/archiver | one file at a time, oldest first
    its retries | wal/archiver | on failure: three attempts a second apart, then none
    archive_timeout | wal/archiver | ends a segment that was written to, and no other`,
  '3.1': `
    time | checkpoint/checkpointer | 300 s after the start of the last one
    volume | checkpoint/checkpointer | version %d with %j: every %d segments
    shutdown | checkpoint/phases | a fast shutdown writes everything
    skip | checkpoint/checkpointer | none if there was no WAL since the last
    defaults | checkpoint/checkpointer | the defaults behind 33 and 42
    peak of WAL | wal/segments | under steady load they are recycled: no new file
    recycled ahead | wal/retention | redo + 1.1 (1 + target) distance, rounded up
    clamped | wal/retention | not less than min_wal_size, not more than max_wal_size
    distance | wal/retention | jumps up at once and comes down by a tenth of the difference`,
  '3.2': `
    commits under way | checkpoint/phases | commits under way are waited for, in polls of 10 ms
    permanent, sorted | buffers/pool | dirty permanent buffers, by file and block
    fsync of files | checkpoint/phases | it writes what was dirty when it began, and fsyncs
    record, control file | checkpoint/phases | WAL is on disk before the page, the record before
    dirtied later | checkpoint/phases | pages dirtied after the marking belong to the next
    written by others | checkpoint/phases | a page that another process wrote is skipped`,
  '3.3': `
    naps | checkpoint/pacing | each nap makes room for total x 0.1 s / (timeout x target) pages
    floor | checkpoint/pacing | at least 10 pages a second: N pages last at most N / 10 s
    by volume | checkpoint/pacing | when WAL drives it, the writer runs at
    immediate | checkpoint/phases | an immediate request ends the naps of a checkpoint under way`,
  '3.4': `
    replayed records only | checkpoint/phases | at a replayed checkpoint record, by its own clock
    retry | checkpoint/phases | without a new record it is tried again every 15 s
    WAL of a standby | wal/segments | a standby’s go at restartpoints
    restart | recovery | 3.4: a standby starts from its last restartpoint`,
  '3.5': `
    duration | recovery | %d bytes since redo: start, redo by the byte, checkpoint
    from where | recovery | the redo pointer of a checkpoint counts once its record is on disk
    checkpoint at its end | checkpoint/phases | the checkpoint at its end writes what redo
    random reads | checkpoint/phases | without images pages are read at random after a loss
    prefetch | checkpoint/phases | prefetch keeps maintenance_io_concurrency reads on order
    no reads meanwhile | recovery | during recovery 57P03, afterwards service
    a backend crash | memory | a killed backend ends all sessions; the server recovers
    restart_after_crash | memory | with restart_after_crash off it stays down
    running transactions | storage/storage | the versions of transactions under way are dead`,
  '6.1': `
    idle, nothing written | procarray/rules | idle in transaction, READ COMMITTED, nothing written
    with an id | procarray/rules | the same with an id: yes, at its xid
    REPEATABLE READ | procarray/rules | %s after the first statement: yes, at its xmin
    cursor | procarray/rules | an open cursor: yes, at the oldest one
    prepared | procarray/rules | a prepared transaction: yes, across restarts
    slot xmin, feedback | procarray/rules | %s: yes, in all databases
    logical slot | procarray/rules | a logical slot: catalogs only
    physical slot | procarray/rules | a physical slot without feedback holds WAL and no horizon
    excluded | procarray/rules | a backend that runs lazy VACUUM or decodes: no
    other databases | procarray/rules | but a long writer elsewhere holds them through any snapshot
    in a running server | statements | after a write it keeps dead versions, after a read it
    snapshots | procarray/rules | READ COMMITTED sees what committed before each statement
    first query | procarray/rules | %s sees what committed before the first query, not before
    xid | procarray/rules | an id is assigned at the first write`,
  '6.2': `
    HOT | heap/heap | HOT adds no index entries; a changed indexed column adds one to every
    fillfactor 100 | heap/heap | fillfactor 100: the row is locked, then moves
    pruning | heap/heap | versions within a chain go entirely, the root becomes a redirect
    stubs | heap/heap | the end of a chain leaves a stub of 4 bytes until vacuum
    horizon | heap/heap | of a chain only what ended before the horizon goes
    b-tree | btree/btree | since 14 bottom-up deletion keeps the index from growing
    marked entries | btree/btree | entries that scans have marked make room in any version
    against single tuples | heap/twin | agrees with a heap of single tuples, page by page
    size | heap/vacuum | DELETE ... WHERE id>50000 and VACUUM: half of the file is cut off`,
  '6.3': `
    thresholds | autovacuum/launcher | the thresholds: one dead row more than 50 + 0.2 n
    of 18 | heap/autovacuum | version 18: at most 100 million dead
    inserts | heap/autovacuum | the insert trigger can be switched off
    forced | autovacuum/freezing | %d M: %d forced vacuum
    crash | autovacuum/statistics | crash recovery discards them, and the triggers are reset
    futile | autovacuum/launcher | a stuck horizon: the table qualifies again each round
    what is left | autovacuum/statistics | after vacuum the dead count is what could not be removed
    naptime | autovacuum/launcher | a worker every autovacuum_naptime
    workers | autovacuum/launcher | at most autovacuum_max_workers, one table each, and none twice
    order of databases | heap/autovacuum | danger of wraparound first, else the longest`,
  '6.4': `
    nap | heap/autovacuum | below the limit no nap; above it one in proportion, up to 4 delays
    costs by version | autovacuum/lazy-vacuum | version %d: %d for a miss
    ceilings | autovacuum/lazy-vacuum | the ideal ceiling: no more than limit / cost / delay
    shared budget | autovacuum/launcher | three workers together are as slow as one after the other
    no delay | autovacuum/lazy-vacuum | without a delay there are no naps`,
  '6.5': `
    skipped runs | heap/vacuum | runs of fewer than 32 all-visible pages are read
    aggressive | heap/vacuum | an aggressive scan skips all-frozen pages only
    busy pages | heap/vacuum | a busy page is not pruned, unless the scan is aggressive
    indexes | heap/vacuum | every index is read in full when dead pointers are collected
    memory | heap/vacuum | when memory for pointers is full, indexes are read several times
    bypass | heap/vacuum | version %i: index passes are bypassed below 2 %
    truncation | autovacuum/truncation | %d empty pages of 10,000: %d are cut
    its lock | autovacuum/truncation | a reader keeps the lock from it: asked for every 50 ms
    who waits | autovacuum/truncation | somebody waits: looked for every 20 ms
    cancelled | autovacuum/launcher | a blocked request cancels autovacuum after deadlock_timeout
    not DML | autovacuum/launcher | DML does not wait for a vacuum, nor does it cancel it`,
  '6.6': `
    50 M, 150 M | autovacuum/freezing | 50 M: old tuples are frozen, if the page is visited
    whole pages | heap/vacuum | since 16 a page whose pruning logged an image is frozen whole
    200 M | autovacuum/freezing | 200 M with autovacuum off: each 65,536th id calls for a worker
    never cancelled | autovacuum/launcher | one against wraparound yields to nobody
    failsafe | autovacuum/freezing | version %d at 1.6 billion: failsafe %s
    warnings, no ids | autovacuum/freezing | version %d: warnings %d M and refusals %d M
    from a scenario | ../scenario/simulate | start.xid_age: tables that were last frozen
    free space map | heap/heap | free space is rounded down to 32 bytes, a request up
    freed by vacuum | heap/vacuum | the free space map is filled in: freed pages are used
    files that cannot grow | storage/disk-full | files that cannot grow: 53100`,
  '7.1': `
    up to 13 | procarray/contention | %d active sessions beside 10,000 idle ones: half or less
    since 14 | procarray/contention | %d active sessions beside 10,000 idle ones: nearly flat
    reuse | procarray/rules | v%d: a second snapshot with no writer ended between is new`,
  '7.2': `
    group clear | procarray/contention | commits behind long snapshots form groups
    connect | procarray/contention | connecting beside %d connections keeps the lock for %d ns
    a retry can lose | procarray/lwlock | who was woken runs later, and finds that somebody was
    starving writers | procarray/lwlock | readers who overlap without a gap starve a writer`,
  '7.3': `
    fast path | locking/lock-manager | version %i with max_locks_per_transaction %i: %i slots
    strong locks | locking/lock-manager | a strong lock moves the weak ones of its relation
    capacity | locking/lock-manager | a lock more than that is out of shared memory
    queue | locking/queue | 3,000 random schedules: holders, queue and waiters
    readers behind it | locks | a strong lock on the table keeps readers and writers waiting
    deadlock_timeout | locks | a deadlock is the error of who first waited a second
    row locks | locking/row-locks | 4,000 random schedules: the same grants at the same instants
    against PostgreSQL 15 | locking/measured | who gets the lock, and when`,
  '7.4': `
    time to connect | timeouts | about 1.8 ms until connected, 0.6 for the first select
    round trips | server | the time to connect: handshake, fork, start, startup and two SCRAM
    serial forks | server | the postmaster forks one at a time
    fresh backends | memory | 500 fresh idle ones took 528.8 MB
    catalogs | memory | the caches of 1,000 partitions 29 MB, of 3,000 106 MB
    work_mem | memory | work_mem is taken on demand, and given back
    page tables | memory | page tables: 8 GB touched takes 16 MB, with huge pages nothing
    as they are touched | memory | 7.4: page tables of a running backend grow
    MaxBackends | locking/lock-manager | MaxBackends by version, from the defaults
    refusal | server | version %d with %j serves %d ordinary sessions, then 53300
    out of memory | memory | the kernel kills the largest, of equal ones the youngest
    beyond the cores | ../hardware/cores | throughput rises to the number of cores, then declines`,
  '7.5': `
    idle in transaction | timeouts | idle_in_transaction_session_timeout ends the session: 25P03
    idle session | timeouts | idle_session_timeout after %j: %s
    transaction | timeouts | transaction_timeout counts from BEGIN: 25P04
    in a statement | statement-timeout | 7.5: transaction_timeout ends the session from within
    statement | statement-timeout | 7.5: statement_timeout cancels a wait for a lock: 57014
    not the commit | statement-timeout | 7.5: it is over when the commit begins
    lock | locks | lock_timeout ends a wait for a row with 55P03
    client connection check | timeouts | 7.5: looked for in this interval
    authentication | timeouts | 7.5: authentication_timeout, 60 s
    user timeout | ../hardware/tcp | %s unacknowledged data ends a connection
    keepalives | timeouts | 7.5: tcp_keepalives_* 0, the kernel’s
    retransmissions | timeouts | 7.5: with data that was never acknowledged
    off by default | timeouts | off by default: a silent client keeps its transaction`,
};

const texts = new Map<string, string>();

function textOf(path: string): string {
  const text =
    texts.get(path) ?? readFileSync(join(import.meta.dirname, `${path}.test.ts`), 'utf8');
  texts.set(path, text);
  return text;
}

/** Whether a test, or a group of them, has a title that begins so. */
function hasTitle(path: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => textOf(path).includes(quote + title));
}

describe('each rule has the test that is named for it', () => {
  test.each(Object.entries(RULES))('section %s', (_, rows) => {
    const rules = rows
      .trim()
      .split('\n')
      .map((row) => row.trim().split(' | '));
    expect(rules.every(({ length }) => length === 3)).toBe(true);
    const missing = rules.filter(([, path, title]) => !hasTitle(path!, title!));
    expect(missing.map((row) => row.join(' | '))).toEqual([]);
  });
});
