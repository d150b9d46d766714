/**
 * What is known of the causes of misses, from the measurements' own columns (server's user and
 * system time, records and images of WAL) and from what the model leaves out. Revised by hand
 * whenever the model changes; it speaks of the measurements that come with the harness only.
 */
export interface Cause {
  readonly experiments: readonly string[];
  readonly text: string;
}

export const CAUSES: readonly Cause[] = [
  {
    experiments: ['V1'],
    text:
      'One client: the measured runs are those of C2b with client and server on different cores, ' +
      'where each of the 2 (select-only) to 10 (simple-update) wake-ups of a transaction finds ' +
      'an idle core and takes 21 us longer. The processor of the model wakes at once. Adding ' +
      'them by hand gives 62 us instead of 65 for select-only and 485 us instead of 435 for ' +
      'simple-update.',
  },
  {
    experiments: ['V1', 'V2'],
    text:
      'Caches: with 4 and more clients a core comes back to a process after others have run. ' +
      'User time of the server per select-only grows from 8.2 us (C2b, alone) to 9 to 10 us with ' +
      '4, 11 to 13 with 16, 13 to 15 with 64 and 19 to 26 with 256 clients; per simple-update ' +
      'from 33 us (asynchronous, alone) to 67 to 71 with 16 and 95 to 110 with 128. C2b across ' +
      'cores (12.8 and 63 us) shows the size of it: 7 us a message. Nothing of it is modelled. ' +
      'With 9 us more for each message (these 7, and 2 of system time that select-only with 16 ' +
      'clients has beyond C2b) and 20 us for each commit (the next cause) charged by hand, the ' +
      'throughput of simple-update with 4, 8 and 16 clients is off by 11, 23 and 11% instead of ' +
      '59, 54 and 72%, that of select-only with 4, 16 and 64 by -9, -8 and 12%; with more ' +
      'clients both still decline further than that explains.',
  },
  {
    experiments: ['V1', 'V2'],
    text:
      'Sleeping and waking in group commit: a committer that finds WALWriteLock taken sleeps on ' +
      'its semaphore and is woken by the leader. System time per simple-update with 16 clients ' +
      'is 79 to 85 us; five messages (5 x 5 us), writes, and 0.39 flushes (41 us each in C2b) ' +
      'explain 50, wake-ups between cores at most 10 more. The remaining 20 to 25 us for 0.6 ' +
      'waits a transaction are futex calls and context switches that cost nothing in the model.',
  },
  {
    experiments: ['V1', 'V2'],
    text:
      'Fewer flushes than measured with 4 to 64 clients: as the CPU between two commits of a ' +
      'client is too cheap, more commits meet in one flush. It follows the CPU time.',
  },
  {
    experiments: ['V1'],
    text:
      'Tails of select-only: the measured p99 is 2.4 to 9 times the median with 4 and more ' +
      'clients. The model’s cores serve in the order of arrival, and every transaction costs ' +
      'the same; Linux’s scheduler has a queue for each core and may let a woken process wait ' +
      'for a slice of 1.5 ms, and each of pgbench’s two threads serves half of the clients.',
  },
  {
    experiments: ['V1', 'V2'],
    text:
      'WAL: 200.6 bytes instead of 260 per simple-update in positions of the log. pg_stat_wal ' +
      'counts four records a transaction, the model three: the missing one is the pruning of ' +
      'the heap page by each HOT update, which comes with the pages of tables.',
  },
  {
    experiments: ['V2'],
    text:
      'The rows with two standbys were measured just after a checkpoint: 0.5 to 1 full-page ' +
      'image a transaction, 0.5 to 6.7 kB of WAL instead of 0.26.',
  },
  {
    experiments: ['V2'],
    text:
      'remote_apply at 10 ms with 8 and 32 clients was measured while something else used 0.5 ' +
      'and 1.0 of the two cores (foreign_cpu_cores): the p99 of 45 ms is not Postgres’s.',
  },
  {
    experiments: ['V2'],
    text:
      'Without a delay primary, standby, their walsender and walreceiver, proxy and clients ' +
      'share two cores; each hand-over is a wake-up of 21 us when a core is idle and a switch ' +
      'of processes when it is not. The standby’s cluster used 142 to 158 us of CPU a ' +
      'transaction with one client, of which the model charges about 22: a turn of the ' +
      'walreceiver and a batch of the startup process. C1 to C3 measure nothing of a standby.',
  },
];
