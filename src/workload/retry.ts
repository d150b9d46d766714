/**
 * Transactions that are tried again, as pgbench does with --max-tries: after an error that may not
 * come a second time, in a new transaction. The latency counts from the first attempt. An outcome
 * that nobody knows is never tried again. Left out: pgbench's random numbers are the same again,
 * here they are new ones.
 */
import type { Distribution, Random } from '../kernel/index.ts';

export interface Retrying {
  /** Attempts after the first. */
  readonly attempts: number;
  /** From the error to the next attempt. */
  readonly wait: Distribution;
  /** SQLSTATEs; empty: serialization failures and deadlocks. */
  readonly on: readonly string[];
}

const WORTH_ANOTHER_TRY = ['40001', '40P01'];

/** One session's attempts at its present transaction. */
export class Attempts<Transaction> {
  /** What is to be tried again; null: nothing. */
  pending: Transaction | null = null;
  /** Of the present transaction, the first not counted. */
  again = 0;
  private readonly policy: Retrying | null;
  private readonly random: Random;

  constructor(policy: Retrying | null, random: Random) {
    this.policy = policy;
    this.random = random;
  }

  /** What is to be tried again, if anything, is taken up. */
  take(): Transaction | null {
    const { pending } = this;
    if (pending === null) this.again = 0;
    this.pending = null;
    return pending;
  }

  /** The transaction has failed: whether it is to be tried again. */
  retries(transaction: Transaction, failure: string): boolean {
    const { policy } = this;
    if (policy === null || this.again >= policy.attempts) return false;
    const on = policy.on.length > 0 ? policy.on : WORTH_ANOTHER_TRY;
    if (!on.includes(failure.split(' ')[0]!)) return false;
    this.again++;
    this.pending = transaction;
    return true;
  }

  drawWait(): number {
    return this.policy!.wait.draw(this.random);
  }
}
