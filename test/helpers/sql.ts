import { expect } from 'vitest';
import { MILLISECOND, type Process, Random, SECOND } from '../../src/kernel/index.ts';
import { STATEMENT_BYTES, type Statement } from '../../src/postgres/statement.ts';
import { constantOf } from '../../src/workload/sql/expression.ts';
import { lex, Tokens } from '../../src/workload/sql/lexer.ts';
import { readStatement } from '../../src/workload/sql/sql.ts';
import { fillIn } from '../../src/workload/sql/template.ts';
import { type Client, ONE_WAY, type ServerPlan, World } from './world.ts';

/** What a client says, and when: in milliseconds after the first second. */
export type Step = readonly [at: number, sql: string | Statement];

export const UPDATE = 'UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = 1';

const ENVIRONMENT = { random: new Random('sql'), variables: [] };

/** A statement of SQL as a client sends it. */
export function statementOf(sql: string): Statement {
  const tokens = new Tokens(lex(sql, 0, 'sql').tokens);
  const template = readStatement(tokens, { variable: () => constantOf(0n) });
  return fillIn(template, ENVIRONMENT, true)!;
}

/** Says one statement and hears the answer. */
export function* say(client: Client, sql: string | Statement) {
  const statement = typeof sql === 'string' ? statementOf(sql) : sql;
  client.endpoint!.send(statement, STATEMENT_BYTES);
  return yield* client.hear();
}

/** Clients of pg1 who say their statements in time; the log tells when each was answered. */
export function converse(world: World, plans: Record<string, readonly Step[]>): string[] {
  const log: string[] = [];
  const body = function* (client: Client, steps: readonly Step[]): Process {
    yield* client.connect(['pg1']);
    for (const [at, sql] of steps) {
      yield world.sim.holdUntil(SECOND + at * MILLISECOND);
      const answer = yield* say(client, sql);
      const since = Math.floor((world.sim.now - SECOND - 2 * ONE_WAY) / MILLISECOND);
      log.push(`${since} ${client.name}: ${answer}`);
    }
  };
  for (const name of Object.keys(plans)) world.play(body(world.client(name), plans[name]!));
  return log;
}

/** A server and its clients for ten seconds; `disturb` may do something to them meanwhile. */
export function play(
  plans: Record<string, readonly Step[]>,
  settings = {},
  plan: Partial<ServerPlan> = {},
  disturb: (world: World) => void = () => {},
) {
  const world = new World({ servers: [{ name: 'pg1', settings, ...plan }] });
  const log = converse(world, plans);
  disturb(world);
  world.sim.run(10 * SECOND);
  const { server } = world.instance('pg1');
  expect(server.locks.rows.size + server.activeTransactions, 'nothing is left over').toBe(0);
  return { log, server, heap: server.storage.tables[0]!.heap, world };
}
