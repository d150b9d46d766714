/**
 * VACUUM in scripts, with its options in brackets or, as of old, in order (gram.y: VacuumStmt). Of
 * a partitioned table all partitions are vacuumed, without a name all tables. FULL is refused;
 * options that change nothing here (VERBOSE, PARALLEL ...) are taken and left.
 */
import type { VacuumOptions } from '../../postgres/autovacuum/autovacuum.ts';
import type { Token, Tokens } from '../sql/lexer.ts';
import { Refusal } from '../sql/problem.ts';
import { PLAIN, type Template } from '../sql/template.ts';
import { tableName } from './catalog.ts';
import { leavesOf } from './partitions.ts';
import type { PlannedWorld } from './world.ts';

/** A VACUUM as it is written. */
export interface VacuumText {
  readonly kind: 'vacuum';
  readonly place: Token;
  readonly options: VacuumOptions;
  /** None: all. */
  readonly tables: readonly Token[];
}

type Options = { -readonly [Name in keyof VacuumOptions]: VacuumOptions[Name] };

/** In brackets, by name: what follows from its value. */
const OPTIONS: Readonly<Record<string, (options: Options, value: string, isOn: boolean) => void>> =
  {
    freeze: (options, _, isOn) => {
      options.freeze = isOn;
    },
    analyze: (options, _, isOn) => {
      options.analyze = isOn;
    },
    truncate: (options, _, isOn) => {
      options.truncate = isOn;
    },
    disable_page_skipping: (options, _, isOn) => {
      options.readsAll = isOn;
    },
    index_cleanup: (options, value, isOn) => {
      options.indexCleanup = value === 'auto' ? 'auto' : isOn ? 'on' : 'off';
    },
    verbose: () => {},
    parallel: () => {},
    process_toast: () => {},
    process_main: () => {},
  };

const OFF = ['off', 'false', '0', 'no'];

/** Reads a VACUUM if one begins here. */
export function readVacuum(tokens: Tokens): VacuumText | null {
  const place = tokens.next;
  if (!tokens.skipWords('vacuum')) return null;
  const options: Options = {};
  if (tokens.isSymbol('(')) inBrackets(tokens, options);
  else {
    if (tokens.isWord('full')) tokens.refuse('is not supported: FREEZE, VERBOSE and ANALYZE are');
    if (tokens.skipWords('freeze')) options.freeze = true;
    tokens.skipWords('verbose');
    if (tokens.skipWords('analyze')) options.analyze = true;
  }
  const tables: Token[] = [];
  if (!tokens.isAtEnd) {
    do tables.push(readName(tokens));
    while (tokens.skipSymbol(','));
  }
  tokens.expectEnd('is not supported behind the tables of VACUUM');
  return { kind: 'vacuum', place, options, tables };
}

function inBrackets(tokens: Tokens, options: Options): void {
  tokens.expectSymbol('(');
  do {
    const names = Object.keys(OPTIONS).map((name) => name.toUpperCase());
    const take = OPTIONS[tokens.next.value];
    if (take === undefined) tokens.refuse(`is not supported: ${names.join(', ')} are`, names);
    tokens.take();
    const isBare = tokens.isSymbol(',', ')');
    const value = isBare ? 'on' : tokens.take().value;
    take(options, value, !OFF.includes(value));
  } while (tokens.skipSymbol(','));
  tokens.expectSymbol(')');
}

function readName(tokens: Tokens): Token {
  const first = tokens.expectName('the name of a table');
  if (!tokens.skipSymbol('.')) return first;
  const second = tokens.expectName('the name of a table');
  const value = first.value === 'public' ? second.value : `${first.value}.${second.value}`;
  return { ...second, value };
}

/** The VACUUM as the simulator executes it; a table that is not in the schema is refused. */
export function vacuumTemplate(text: VacuumText, world: PlannedWorld): Template {
  const { catalog, lockIds, tables } = world;
  const named = text.tables.flatMap((name) => {
    const found = catalog.tables.find((each) => tableName(each) === name.value);
    if (found !== undefined) return leavesOf(catalog, found);
    throw new Refusal(name, 'is no table of the schema', catalog.tables.map(tableName));
  });
  const all = named.length > 0 ? named : tables.map((each) => each.catalog);
  const vacuum = { tables: all.map((each) => lockIds.get(each)!), options: text.options };
  const first = tables[vacuum.tables[0] ?? 0];
  if (first === undefined) throw new Refusal(text.place, 'finds no table in the schema');
  const details = { ...PLAIN, vacuum };
  return { verb: 'vacuum', relation: first.relation, rows: { kind: 'none' }, details };
}
