import type { Random } from '../kernel/index.ts';
import type { CommitRecord, Relation, Statement, Verb } from '../postgres/statement.ts';

/** A kind of transaction that clients run. */
export interface Script {
  readonly name: string;
  readonly index: number;
  /** Whether it changes anything: decides which latencies count as writes. */
  readonly writes: boolean;
  /** The statements of one execution with their keys drawn, each a message of its own. */
  draw(random: Random, prepared: boolean): Statement[];
}

export function statement(
  verb: Verb,
  relation: Relation | null,
  key: number,
  prepared: boolean,
  commit: CommitRecord | null = null,
): Statement {
  return { type: 'statement', verb, relation, key, prepared, commit };
}

export function commitRecord(): CommitRecord {
  return { branch: null, lsn: 0, unreplicated: false };
}
