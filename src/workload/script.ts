import type { Nanoseconds, Random } from '../kernel/index.ts';
import type {
  CommitRecord,
  Relation,
  Statement,
  StatementDetails,
  StatementUsage,
  Verb,
} from '../postgres/statement.ts';

/** A kind of transaction that clients run. */
export interface Script {
  readonly name: string;
  readonly index: number;
  /** Whether it changes anything: decides which latencies count as writes. */
  readonly writes: boolean;
  /** How many it has: the client's own work is spread over them. */
  readonly statements: number;
  /** A place for a session to run the script in, one time after the other. */
  execution(client: ScriptClient): Execution;
}

/** Who runs a script. */
export interface ScriptClient {
  /** The session's number in its group, `:client_id` for scripts. */
  readonly number: number;
  readonly random: Random;
  readonly prepared: boolean;
}

/**
 * What a client has to do next: send a statement and wait for its answer, or sleep for a time
 * (a number). Null: the script is at its end. `no value`: an expression has none (a division by
 * zero, a variable that is not set), where pgbench gives the client up.
 */
export type Step = Statement | Nanoseconds | null | 'no value';

/** A script as one session runs it: each message is drawn when its turn comes. */
export interface Execution {
  /** Begins once more from the top. */
  start(): void;
  next(): Step;
}

export function statement(
  verb: Verb,
  relation: Relation | null,
  key: number,
  prepared: boolean,
  commit: CommitRecord | null = null,
  details: StatementDetails | null = null,
  usage: StatementUsage | null = null,
): Statement {
  return { type: 'statement', verb, relation, key, prepared, commit, details, usage };
}

export function commitRecord(): CommitRecord {
  return { branch: null, lsn: 0, unreplicated: false };
}
