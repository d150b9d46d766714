/**
 * How long a session may be idle, and a statement take (mechanisms 7.5):
 * idle_in_transaction_session_timeout between the statements of a transaction, aborted ones
 * included, idle_session_timeout (14) outside of one, statement_timeout from a statement's arrival
 * up to its commit, and transaction_timeout (17) from the beginning of a transaction to its commit,
 * which ends the session as well. All are off at 0.
 *
 * Kept: when each fires and with which error; of two the earlier, transaction_timeout last among
 * equals (postgres.c: ProcessInterrupts); that a statement_timeout which is not shorter than
 * transaction_timeout counts for nothing (postgres.c: enable_statement_timeout). A client that is
 * gone without a word keeps its locks and the horizon until one of them fires. A statement that
 * waits for a lock is cancelled at the instant; one that reads or computes at the end of the read,
 * or of its turn of the processor. client_connection_check_interval (14) is kept in waits for
 * locks (`locking/lock-manager.ts`); left out: a statement that computes does not look.
 */
import { type Nanoseconds, NEVER } from '../kernel/index.ts';
import type { PostgresSettings } from './settings.ts';
import { ERRORS, type ErrorResponse } from './statement.ts';

export class SessionTimeouts {
  private readonly inTransaction: Nanoseconds;
  private readonly idle: Nanoseconds;
  private readonly transaction: Nanoseconds;
  /** statement_timeout of the server; 0 is none. */
  readonly statement: Nanoseconds;

  constructor(settings: PostgresSettings) {
    const orNever = (timeout: Nanoseconds) => (timeout > 0 ? timeout : NEVER);
    this.inTransaction = orNever(settings.idle_in_transaction_session_timeout);
    this.idle = orNever(settings.idle_session_timeout);
    this.transaction = orNever(settings.transaction_timeout);
    this.statement = settings.statement_timeout;
  }

  /**
   * Until when a session that is idle since `since` may be; `began`: when its transaction did, -1
   * outside of one.
   */
  deadline(since: Nanoseconds, began: Nanoseconds): Nanoseconds {
    if (began < 0) return since + this.idle;
    return Math.min(since + this.inTransaction, began + this.transaction);
  }

  /**
   * Until when a statement may take that arrives now; `statement`: the statement_timeout that holds
   * for it, `began`: when its transaction did, -1 if it is one of its own.
   */
  cancelAt(now: Nanoseconds, statement: Nanoseconds, began: Nanoseconds): Nanoseconds {
    const ofTransaction = (began < 0 ? now : began) + this.transaction;
    if (statement <= 0 || statement >= this.transaction) return ofTransaction;
    return Math.min(now + statement, ofTransaction);
  }

  /** With which error it is cancelled at that instant: before its time, if its client is gone. */
  cancellation(
    cancelAt: Nanoseconds,
    at: Nanoseconds,
    statement: Nanoseconds,
    began: Nanoseconds,
  ): ErrorResponse {
    if (cancelAt < this.cancelAt(at, statement, began)) return ERRORS.connectionLost;
    const ofTransaction = (began < 0 ? at : began) + this.transaction;
    return cancelAt < ofTransaction ? ERRORS.statementTimeout : ERRORS.transactionTimeout;
  }

  /** Which of them has fired by `now`. */
  expired(now: Nanoseconds, since: Nanoseconds, began: Nanoseconds): ErrorResponse {
    if (began < 0) return ERRORS.idleSession;
    return now >= since + this.inTransaction ? ERRORS.idleInTransaction : ERRORS.transactionTimeout;
  }
}
