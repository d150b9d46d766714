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
    experiments: ['V1', 'V2', 'V5'],
    text:
      'Sleeping and waking in group commit: a committer that finds WALWriteLock taken sleeps on ' +
      'its semaphore and is woken by the leader. Measured system time per simple-update with 16 ' +
      'clients is 79 to 85 us; five messages (5 x 5 us), writes, and 0.39 flushes (41 us each in ' +
      'C2b) explain 50, wake-ups between busy cores at most 10 more. The remaining 20 to 25 us ' +
      'for 0.6 waits a transaction are futex calls and switches that cost nothing in the model. ' +
      'Every simple-update row with 4 and more clients has too little CPU time for it.',
  },
  {
    experiments: ['V1', 'V2'],
    text:
      'Caches: the model takes a refill of at most 7 us for each time that a process comes back ' +
      'to a core, by C2b’s mean over four workloads. User time of the server grows by what a ' +
      'transaction has to fetch anew: per select-only from 8.2 us alone to 9 to 10 us with 4 ' +
      'clients, 11 to 13 with 16, 13 to 15 with 64 and 19 to 26 with 256; per simple-update from ' +
      '33 us (asynchronous, alone) to 67 to 71 with 16 and 95 to 110 with 128, 2 to 3 times as ' +
      'much, where the five refills of the model end at 35 us more. With 256 clients both go ' +
      'beyond what C2b, with one process on each core, can show.',
  },
  {
    experiments: ['V1', 'V2', 'V5'],
    text:
      'Fewer flushes than measured with 4 and more clients: as the CPU between two commits of a ' +
      'client is too cheap, more commits meet in one flush. It follows the CPU time.',
  },
  {
    experiments: ['V1', 'V6'],
    text:
      'Tails of select-only: the measured p99 is 2.4 to 9 times the median with 4 and more ' +
      'clients. The model’s cores serve in the order of arrival, and every transaction costs ' +
      'the same; Linux’s scheduler has a queue for each core and may let a woken process wait ' +
      'for a slice of 1.5 ms, and each of pgbench’s two threads serves half of the clients.',
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
      'Without a delay primary, standby, proxy and clients share two cores. The standby’s ' +
      'cluster used 142 to 158 us of CPU a transaction with one client; the model charges a turn ' +
      'of the walreceiver and a batch of the startup process. C1 to C3 measure nothing of a ' +
      'standby, so these are defaults.',
  },
  {
    experiments: ['V5'],
    text:
      'Images and WAL per transaction fall as throughput rises, since a page has one image in ' +
      'each checkpoint’s time however often it changes: they are too low because throughput is ' +
      'too high. Checkpoints write no pages yet, so that none compete with flushes.',
  },
  {
    experiments: ['V6'],
    text:
      'Repeats of nearly the same measurement differ: select-only with 4 clients and every page ' +
      'in the buffer pool made 80,255 transactions a second at 1 GB and 62,473 at 1500 MB here, ' +
      '73,776 to 78,557 in V1. From 1500 MB to 16 MB, which is 1.9 misses, measured CPU per ' +
      'transaction grows by 2 us with one client, that of the model by 24: a backend that goes ' +
      'on after a copy from the system’s cache is charged the wake-up of an idle core once more.',
  },
];
