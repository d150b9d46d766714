/**
 * How long a session may be idle (mechanisms 7.5): idle_in_transaction_session_timeout between the
 * statements of a transaction, aborted ones included, idle_session_timeout (14) outside of one, and
 * transaction_timeout (17), which ends the session as well. All are off at 0.
 *
 * Kept: when each fires while the server waits for the client, and with which error; of two the
 * earlier, transaction_timeout last among equals (postgres.c: ProcessInterrupts). A client that is
 * gone without a word keeps its locks and the horizon until one of them fires. Left out:
 * transaction_timeout in the middle of a statement: it fires at its end.
 */
import { type Nanoseconds, NEVER } from '../kernel/index.ts';
import type { PostgresSettings } from './settings.ts';
import { ERRORS, type ErrorResponse } from './statement.ts';

export class SessionTimeouts {
  private readonly inTransaction: Nanoseconds;
  private readonly idle: Nanoseconds;
  private readonly transaction: Nanoseconds;

  constructor(settings: PostgresSettings) {
    const orNever = (timeout: Nanoseconds) => (timeout > 0 ? timeout : NEVER);
    this.inTransaction = orNever(settings.idle_in_transaction_session_timeout);
    this.idle = orNever(settings.idle_session_timeout);
    this.transaction = orNever(settings.transaction_timeout);
  }

  /**
   * Until when a session that is idle since `since` may be; `began`: when its transaction did, -1
   * outside of one.
   */
  deadline(since: Nanoseconds, began: Nanoseconds): Nanoseconds {
    if (began < 0) return since + this.idle;
    return Math.min(since + this.inTransaction, began + this.transaction);
  }

  /** Which of them has fired by `now`. */
  expired(now: Nanoseconds, since: Nanoseconds, began: Nanoseconds): ErrorResponse {
    if (began < 0) return ERRORS.idleSession;
    return now >= since + this.inTransaction ? ERRORS.idleInTransaction : ERRORS.transactionTimeout;
  }
}
