import { describe, expect, test } from 'vitest';
import { lexStatement, statementsOf } from '../../../src/workload/planner/lex.ts';
import { readScript } from '../../../src/workload/planner/reader.ts';
import { placeInScript } from '../../../src/workload/planner/statements.ts';

const pieces = (schema: string) => statementsOf(schema).map(({ text }) => text);

describe('a schema is cut where psql would cut it', () => {
  test.each([
    ['CREATE TABLE a (x int); CREATE TABLE b (y int)', 2],
    ["COMMENT ON TABLE a IS 'x; y'; SELECT 1;", 2],
    ["SELECT E'it\\'s; one'; SELECT 2;", 2],
    ['CREATE TABLE "a;b" (x int); -- one; more\nSELECT 2;', 2],
    ['/* a; b */ SELECT 1; ; SELECT 2', 2],
    ['CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2 $$; SELECT 3;', 2],
    ['CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT $$;$$; $x$; SELECT 3;', 2],
    ['CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3;', 2],
    [
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN x THEN 1 END; END; SELECT 3;',
      2,
    ],
    ["SELECT 'no end; SELECT 2;", 1],
    ['', 0],
  ])('%s', (schema, count) => {
    expect(pieces(schema)).toHaveLength(count);
    const joined = statementsOf(schema).map(({ offset, text }) => schema.startsWith(text, offset));
    expect(joined).not.toContain(false);
  });
});

describe('what Postgres gets of a script', () => {
  const statementsIn = (text: string) => {
    const { parsed, statements } = readScript(text, 1);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return [...statements.values()];
  };

  test('variables are parameters, each once; casts, quotes and operators are not variables', () => {
    const [only] = statementsIn(
      '\\set a 1\n\\set b 2\n' +
        "SELECT :a + :b, :a::text, '12:30' <@ x, data->>'k:v', $$:a$$ FROM t WHERE y @> :b;",
    );
    expect(only!.sql).toBe(
      "SELECT $1 + $2, $1::text, '12:30' <@ x, data->>'k:v', $$:a$$ FROM t WHERE y @> $2",
    );
    expect(only!.parameters).toHaveLength(2);
  });

  test('a place in it is a place in the script', () => {
    const script =
      '\\set account random(1, 10)\n  SELECT nme FROM t WHERE i = :account AND wrng = 1;';
    const [only] = statementsIn(script);
    for (const word of ['SELECT', 'nme', 'wrng', '= 1']) {
      expect(placeInScript(only!, only!.sql.indexOf(word)), word).toBe(script.indexOf(word));
    }
    expect(placeInScript(only!, -1)).toBe(script.indexOf('SELECT'));
  });

  test('BEGIN, COMMIT and SET are not for Postgres', () => {
    const all = statementsIn(
      'BEGIN; SET LOCAL lock_timeout = 5; SELECT 1; SAVEPOINT s; UPDATE t SET x = 1; END;',
    );
    expect(all.map(({ sql }) => sql)).toEqual(['SELECT 1', 'UPDATE t SET x = 1']);
  });

  test.each([
    ['ANALYZE t;', 'ANALYZE', 'is not a statement that can be planned'],
    ['SELECT * FROM t WHERE i = :k;', ':k', 'is not set before'],
    ["SELECT 'open;", "'", 'the quote'],
    ["\\set n 5\nSELECT now() - interval ':n days';", "':n days'", 'within quotes'],
  ])('%s', (script, token, why) => {
    const { parsed } = readScript(script, 1);
    expect(parsed.ok).toBe(false);
    if (parsed.ok) return;
    expect(parsed.problems[0]).toMatchObject({ token, offset: script.indexOf(token) });
    expect(parsed.problems[0]!.why).toContain(why);
  });

  test('every character of a statement is in a token, or blank, or a comment', () => {
    const sql = 'SELECT a.b /* c */, "d" || \'e\' -- f\n FROM t WHERE g ~ $1 AND h @@ i #> j;';
    const { tokens, end } = lexStatement(sql, 0);
    const rest = tokens.reduce(
      (left, { offset, text }) =>
        left.slice(0, offset) + ' '.repeat(text.length) + left.slice(offset + text.length),
      sql,
    );
    expect(rest.replace('/* c */', '').replace('-- f', '').trim()).toBe('');
    expect(end).toBe(sql.length);
  });
});
