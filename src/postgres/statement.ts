import type { Nanoseconds } from '../kernel/time.ts';
import type { Access } from './access.ts';
import type { VacuumStatement } from './autovacuum/command.ts';
import type { ForeignKeyCheck } from './foreign-keys.ts';
import type { RowLockMode } from './locking/lock-modes.ts';
import type { Lsn } from './lsn.ts';
import type { PartitionCommand } from './partitioning/command.ts';
import type { PartitionJob } from './partitioning/jobs.ts';
import type { Opens } from './partitioning/opening.ts';
import type { Routing } from './partitioning/routing.ts';
import type { RowKey } from './partitioning/strays.ts';
import type { NodeUsage } from './plan/node-usage.ts';
import type { QueryPlan } from './plan/plan-work.ts';
import type { Isolation } from './procarray/entry.ts';
import type { Branch } from './timeline.ts';

/** The statements whose processor time a machine's profile tells. */
export type MeasuredVerb = 'begin' | 'select' | 'update' | 'insert' | 'commit' | 'rollback';

/** What a statement does. Issue by issue the planner takes this over; the messages stay. */
export type Verb =
  | MeasuredVerb
  | 'delete'
  | 'set'
  | 'savepoint'
  | 'release'
  | 'rollback to'
  | 'alter'
  | 'vacuum';

/** A table as statements name it: its place among the database's, and what updates change. */
export interface Relation {
  readonly index: number;
  readonly name: string;
  /** From the first to the last byte of the row that an update changes. */
  readonly changedBytes: number;
  readonly isPartition?: boolean;
}

/** The fate of one transaction's commit, filled in by the server: the simulator's own knowledge. */
export interface CommitRecord {
  branch: Branch | null;
  lsn: Lsn;
  /** The wait for synchronous standbys ended without them: committed here, perhaps nowhere else. */
  unreplicated: boolean;
}

/** Keys of several rows: from one to another, both included, one by one, or of no number yet. */
export type Keys =
  | { readonly kind: 'range'; readonly first: number; readonly last: number }
  | { readonly kind: 'list'; readonly list: readonly number[] }
  /** New ones, by COPY. */
  | { readonly kind: 'copy'; readonly count: number };

/** What holds until the end of a transaction: SET LOCAL, SET TRANSACTION, BEGIN's options. */
export interface TransactionSettings {
  readonly isolation?: Isolation;
  readonly synchronousCommit?: string;
  readonly lockTimeout?: Nanoseconds;
  readonly statementTimeout?: Nanoseconds;
}

/** What a statement is beyond its verb, its table and one key. */
export interface StatementDetails {
  /**
   * Its rows, if it does not stop at the one of its key: several, all in a sequential scan, those
   * of the entries that its access names, those of several partitions, or what a plan finds.
   */
  readonly rows: Keys | 'all' | 'entries' | 'parts' | 'plan' | null;
  readonly plan: QueryPlan | null;
  /** The same for each of several partitions, in the order of the plan. */
  readonly parts: readonly Statement[];
  /** On partitions: all that its plan opens before it begins; null: its table alone. */
  readonly opens: Opens | null;
  /** ALTER TABLE ... ATTACH or DETACH PARTITION, DROP TABLE: of the statement's table. */
  readonly command: PartitionCommand | null;
  /** VACUUM: of which tables, and how. */
  readonly vacuum: VacuumStatement | null;
  /** What foreign keys want to know, or to do, of each row that it changes. */
  readonly foreignKeys: readonly ForeignKeyCheck[];
  /** What of an extension is called: of pg_partman or TimescaleDB. */
  readonly job: PartitionJob | null;
  /** INSERT into a partitioned table: to which partition its rows go. */
  readonly routing: Routing | null;
  /** UPDATE of the partition key: to which partition its rows go. */
  readonly movesTo: Routing | null;
  /** DELETE: the rows go to another partition. */
  readonly isMove: boolean;
  /** INSERT into a default partition: the row's key. */
  readonly strayKey: RowKey;
  /** By which index it finds them; null: by the first one, that of the key. */
  readonly access: Access | null;
  /** SELECT ... FOR: the lock that it takes of its rows. */
  readonly rowLock: RowLockMode | null;
  /** UPDATE: from the first to the last byte of the row that changes. */
  readonly changedBytes: number;
  /** UPDATE: the numbers of the indexes whose columns it sets. */
  readonly changedIndexes: readonly number[];
  /** INSERT: the key is the new row's own, where there may be such a row already. */
  readonly isKeyGiven: boolean;
  /** ON CONFLICT DO NOTHING, or DO UPDATE; an error without it. */
  readonly onConflict: 'error' | 'nothing' | 'update';
  /** What SELECT ... FOR does about a row that somebody else has: also NOWAIT, SKIP LOCKED. */
  readonly lockedRows: 'wait' | 'error' | 'skip';
  /** ORDER BY without an index: the sorted columns' bytes of each row; 0: nothing is sorted. */
  readonly sortedBytes: number;
  readonly settings: TransactionSettings | null;
  /** SAVEPOINT, RELEASE, ROLLBACK TO: of which name. */
  readonly savepoint: string | null;
}

/** What a statement has used, filled in by the server: the simulator's own knowledge. */
export interface StatementUsage {
  /** Accesses to pages that were in shared buffers, and pages read into them. */
  hits: number;
  reads: number;
  /** Partitions that it has looked into. */
  partitions: number;
  /** From the first lock of the planner to its plan, with what it read of the catalogs. */
  planning: Nanoseconds;
  /** From there to the answer, without the receiving and sending of messages. */
  execution: Nanoseconds;
  /** EXPLAIN (ANALYZE): each node of its plan, and the time from its first step to its last. */
  analyzed?: AnalyzedUsage;
}

export interface AnalyzedUsage {
  nodes: readonly NodeUsage[];
  time: Nanoseconds;
}

/** A statement as the client sends it. */
export interface Statement {
  readonly type: 'statement';
  readonly verb: Verb;
  readonly relation: Relation | null;
  readonly key: number;
  readonly prepared: boolean;
  /** With what may end in a commit: COMMIT, and outside of a block what may write. */
  readonly commit: CommitRecord | null;
  /** Null for one row with nothing special about it. */
  readonly details: StatementDetails | null;
  /** Null where nobody asks. */
  readonly usage: StatementUsage | null;
}

export interface Startup {
  readonly type: 'startup';
}

/** SCRAM's two messages from the client. */
export interface Authentication {
  readonly type: 'authentication';
  readonly last: boolean;
}

export interface Terminate {
  readonly type: 'terminate';
}

/** The server asks for the next authentication message. */
export interface AuthenticationRequest {
  readonly type: 'authentication request';
}

/** The connection can be used; the server has reported `in_hot_standby`. */
export interface Ready {
  readonly type: 'ready';
  readonly inHotStandby: boolean;
}

export interface Complete {
  readonly type: 'complete';
}

/** An error as Postgres reports it; after a fatal one the connection is closed. */
export interface ErrorResponse {
  readonly type: 'error';
  readonly sqlstate: string;
  readonly message: string;
  readonly fatal: boolean;
}

/** Everything that client and server say to each other. */
export type WireMessage =
  | Startup
  | Authentication
  | Statement
  | Terminate
  | AuthenticationRequest
  | Ready
  | Complete
  | ErrorResponse;

/** Typical sizes on the wire, headers of TCP and IP included. */
export const STATEMENT_BYTES = 180;
export const RESULT_BYTES = 140;

function fatal(sqlstate: string, message: string): ErrorResponse {
  return { type: 'error', sqlstate, message, fatal: true };
}

/** The errors of this model, with Postgres's codes and words (errcodes.txt). */
export const ERRORS = {
  readOnly: {
    type: 'error',
    sqlstate: '25006',
    message: 'cannot execute in a read-only transaction',
    fatal: false,
  },
  aborted: {
    type: 'error',
    sqlstate: '25P02',
    message: 'current transaction is aborted',
    fatal: false,
  },
  deadlock: {
    type: 'error',
    sqlstate: '40P01',
    message: 'deadlock detected',
    fatal: false,
  },
  serializationFailure: {
    type: 'error',
    sqlstate: '40001',
    message: 'could not serialize access due to concurrent update',
    fatal: false,
  },
  dependencies: {
    type: 'error',
    sqlstate: '40001',
    message: 'could not serialize access due to read/write dependencies among transactions',
    fatal: false,
  },
  noPartition: {
    type: 'error',
    sqlstate: '23514',
    message: 'no partition of relation found for row',
    fatal: false,
  },
  partitionViolated: {
    type: 'error',
    sqlstate: '23514',
    message: 'new row for relation violates partition constraint',
    fatal: false,
  },
  defaultViolated: {
    type: 'error',
    sqlstate: '23514',
    message: 'updated partition constraint for default partition would be violated by some row',
    fatal: false,
  },
  decompressionLimit: {
    type: 'error',
    sqlstate: '53400',
    message: 'tuple decompression limit exceeded by operation',
    fatal: false,
  },
  duplicateTable: {
    type: 'error',
    sqlstate: '42P07',
    message: 'relation already exists',
    fatal: false,
  },
  movedAway: {
    type: 'error',
    sqlstate: '40001',
    message: 'tuple to be locked was already moved to another partition due to concurrent update',
    fatal: false,
  },
  undefinedTable: {
    type: 'error',
    sqlstate: '42P01',
    message: 'relation does not exist, or is not a partition',
    fatal: false,
  },
  isPartition: {
    type: 'error',
    sqlstate: '42809',
    message: 'is already a partition',
    fatal: false,
  },
  inBlock: {
    type: 'error',
    sqlstate: '25001',
    message: 'ALTER TABLE ... DETACH CONCURRENTLY cannot run inside a transaction block',
    fatal: false,
  },
  vacuumInBlock: {
    type: 'error',
    sqlstate: '25001',
    message: 'VACUUM cannot run inside a transaction block',
    fatal: false,
  },
  hasDefault: {
    type: 'error',
    sqlstate: '55000',
    message: 'cannot detach partitions concurrently when a default partition exists',
    fatal: false,
  },
  uniqueViolation: {
    type: 'error',
    sqlstate: '23505',
    message: 'duplicate key value violates unique constraint',
    fatal: false,
  },
  foreignKey: {
    type: 'error',
    sqlstate: '23503',
    message: 'insert, update or delete violates foreign key constraint',
    fatal: false,
  },
  dependents: {
    type: 'error',
    sqlstate: '2BP01',
    message: 'cannot drop table because other objects depend on it',
    fatal: false,
  },
  isolationTooLate: {
    type: 'error',
    sqlstate: '25001',
    message: 'SET TRANSACTION ISOLATION LEVEL must be called before any query',
    fatal: false,
  },
  recoveryConflict: {
    type: 'error',
    sqlstate: '40001',
    message: 'canceling statement due to conflict with recovery',
    fatal: false,
  },
  recoveryConflictEnds: fatal('40001', 'terminating connection due to conflict with recovery'),
  lockTimeout: {
    type: 'error',
    sqlstate: '55P03',
    message: 'canceling statement due to lock timeout',
    fatal: false,
  },
  rowLocked: {
    type: 'error',
    sqlstate: '55P03',
    message: 'could not obtain lock on row',
    fatal: false,
  },
  noSavepoint: {
    type: 'error',
    sqlstate: '3B001',
    message: 'savepoint does not exist',
    fatal: false,
  },
  notInBlock: {
    type: 'error',
    sqlstate: '25P01',
    message: 'SAVEPOINT can only be used in transaction blocks',
    fatal: false,
  },
  statementTimeout: {
    type: 'error',
    sqlstate: '57014',
    message: 'canceling statement due to statement timeout',
    fatal: false,
  },
  diskFull: {
    type: 'error',
    sqlstate: '53100',
    message: 'could not extend file: No space left on device',
    fatal: false,
  },
  outOfSharedMemory: {
    type: 'error',
    sqlstate: '53200',
    message: 'out of shared memory',
    fatal: false,
  },
  tooManyConnections: fatal('53300', 'sorry, too many clients already'),
  startingUp: fatal('57P03', 'the database system is starting up'),
  shuttingDown: fatal('57P03', 'the database system is shutting down'),
  outOfMemory: { type: 'error', sqlstate: '53200', message: 'out of memory', fatal: false },
  cannotFork: fatal('53200', 'could not fork new process for connection'),
  connectionLost: fatal('08006', 'connection to client lost'),
  authenticationTimeout: fatal('57014', 'canceling authentication due to timeout'),
  idleInTransaction: fatal('25P03', 'terminating connection due to idle-in-transaction timeout'),
  transactionTimeout: fatal('25P04', 'terminating connection due to transaction timeout'),
  idleSession: fatal('57P05', 'terminating connection due to idle-session timeout'),
  adminShutdown: fatal('57P01', 'terminating connection due to administrator command'),
} as const satisfies Record<string, ErrorResponse>;

/** What a wait for a lock may end in. */
export const LOCK_ERRORS = {
  deadlock: ERRORS.deadlock,
  'lock timeout': ERRORS.lockTimeout,
  'out of shared memory': ERRORS.outOfSharedMemory,
} as const;
