/** The locks of rows that FOR UPDATE and the like take. */
import {
  FOR_KEY_SHARE,
  FOR_NO_KEY_UPDATE,
  FOR_SHARE,
  FOR_UPDATE,
  type RowLockMode,
} from '../../postgres/locking/lock-modes.ts';
import type { StatementDetails } from '../../postgres/statement.ts';
import type { PlannedStatement } from './statements.ts';
import { rowLockWords } from './words.ts';

const MODES = new Map<string, RowLockMode>([
  ['update', FOR_UPDATE],
  ['no key update', FOR_NO_KEY_UPDATE],
  ['share', FOR_SHARE],
  ['key share', FOR_KEY_SHARE],
]);

/** What a statement's locking clause says, and of which tables; null: nothing that is known. */
export function rowLocksOf(statement: PlannedStatement) {
  const { strength, of, locked } = rowLockWords(statement);
  const rowLock = MODES.get(strength);
  if (rowLock === undefined) return null;
  const details = { rowLock, lockedRows: locked } satisfies Partial<StatementDetails>;
  return { of, details };
}
