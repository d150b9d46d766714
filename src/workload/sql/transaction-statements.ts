/** BEGIN and the end of a transaction with their options, and what is SET for one transaction. */
import { MICROSECOND, MILLISECOND, type Nanoseconds, SECOND } from '../../kernel/index.ts';
import type { TransactionSettings } from '../../postgres/statement.ts';
import type { Token, Tokens } from './lexer.ts';
import { Refusal } from './problem.ts';
import { PLAIN, type Template } from './template.ts';

function of(verb: Template['verb'], settings: TransactionSettings | null): Template {
  const details = settings === null ? null : { ...PLAIN, settings };
  return { verb, relation: null, rows: { kind: 'none' }, details };
}

/** A statement that begins, ends or sets up a transaction; null: it is another one. */
export function transactionStatement(tokens: Tokens): Template | null {
  if (tokens.skipWords('begin') || tokens.skipWords('start')) return beginStatement(tokens);
  if (tokens.skipWords('commit') || tokens.skipWords('end')) return endStatement(tokens, 'commit');
  if (tokens.skipWords('rollback') || tokens.skipWords('abort')) {
    return endStatement(tokens, 'rollback');
  }
  if (tokens.skipWords('savepoint')) return savepointStatement(tokens, 'savepoint');
  if (tokens.skipWords('release')) return savepointStatement(tokens, 'release');
  return tokens.skipWords('set') ? setStatement(tokens) : null;
}

/** Behind BEGIN or START. */
export function beginStatement(tokens: Tokens): Template {
  if (!tokens.skipWords('work')) tokens.skipWords('transaction');
  let settings: TransactionSettings | null = null;
  do {
    if (tokens.skipWords('read', 'write')) continue;
    if (tokens.skipWords('isolation', 'level')) settings = isolation(tokens);
    else if (!tokens.isAtEnd) tokens.refuse('is not supported: ISOLATION LEVEL and READ WRITE are');
  } while (tokens.skipSymbol(','));
  tokens.expectEnd('is not supported behind BEGIN: ISOLATION LEVEL and READ WRITE are');
  return of('begin', settings);
}

/** Behind SAVEPOINT, RELEASE [SAVEPOINT] or ROLLBACK TO [SAVEPOINT]: its name. */
export function savepointStatement(
  tokens: Tokens,
  verb: 'savepoint' | 'release' | 'rollback to',
): Template {
  if (verb !== 'savepoint') tokens.skipWords('savepoint');
  const savepoint = tokens.expectName('the name of a savepoint').value;
  tokens.expectEnd('is not supported behind the name of a savepoint');
  return { verb, relation: null, rows: { kind: 'none' }, details: { ...PLAIN, savepoint } };
}

/** Behind COMMIT, END, ROLLBACK or ABORT. */
export function endStatement(tokens: Tokens, verb: 'commit' | 'rollback'): Template {
  if (!tokens.skipWords('work')) tokens.skipWords('transaction');
  if (verb === 'rollback' && tokens.skipWords('to')) {
    return savepointStatement(tokens, 'rollback to');
  }
  tokens.expectEnd('is not supported behind the end of a transaction');
  return of(verb, null);
}

/** Behind SET: what lasts as long as the transaction. */
export function setStatement(tokens: Tokens): Template {
  if (tokens.skipWords('transaction', 'isolation', 'level')) {
    const settings = isolation(tokens);
    tokens.expectEnd('is not supported behind an isolation level');
    return of('set', settings);
  }
  tokens.expectWord('local');
  const name = tokens.expectName('the name of a setting');
  const read = SETTINGS.get(name.value);
  if (read === undefined) {
    const names = [...SETTINGS.keys()];
    throw new Refusal(name, `cannot be SET LOCAL here; supported are ${names.join(', ')}`, names);
  }
  if (!tokens.skipSymbol('=') && !tokens.skipWords('to')) tokens.refuse('= or TO is expected here');
  const settings = read(tokens);
  tokens.expectEnd('is not supported behind the value of a setting');
  return of('set', settings);
}

function isolation(tokens: Tokens): TransactionSettings {
  if (tokens.skipWords('repeatable', 'read')) return { isolation: 'repeatable read' };
  if (tokens.skipWords('serializable')) return { isolation: 'serializable' };
  if (tokens.skipWords('read', 'committed') || tokens.skipWords('read', 'uncommitted')) {
    return { isolation: 'read committed' };
  }
  return tokens.refuse('READ COMMITTED, REPEATABLE READ or SERIALIZABLE is expected here');
}

type SettingReader = (tokens: Tokens) => TransactionSettings;

const SETTINGS: ReadonlyMap<string, SettingReader> = new Map<string, SettingReader>([
  ['synchronous_commit', (tokens) => ({ synchronousCommit: synchronousCommit(tokens) })],
  ['lock_timeout', (tokens) => ({ lockTimeout: duration(tokens) })],
  ['statement_timeout', (tokens) => ({ statementTimeout: duration(tokens) })],
]);

const LEVELS = ['off', 'local', 'remote_write', 'on', 'remote_apply'];

function synchronousCommit(tokens: Tokens): string {
  const token = tokens.take();
  if (LEVELS.includes(token.value)) return token.value;
  throw new Refusal(token, `is not one of ${LEVELS.join(', ')}`, LEVELS);
}

const UNITS: Readonly<Record<string, Nanoseconds>> = {
  us: MICROSECOND,
  ms: MILLISECOND,
  s: SECOND,
  min: 60 * SECOND,
};

/** A number of milliseconds, or a text with a unit. */
function duration(tokens: Tokens): Nanoseconds {
  const token: Token = tokens.take();
  const parts = /^(\d{1,9})\s*(us|ms|s|min)?$/.exec(token.value);
  if (parts !== null) return Number(parts[1]) * UNITS[parts[2] ?? 'ms']!;
  throw new Refusal(token, "is no time: write a number of milliseconds, or '5s'");
}
