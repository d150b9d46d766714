/** Clients that say SQL at given times, and what they hear. */
import { expect } from 'vitest';
import { MILLISECOND, type Process, Random, SECOND } from '../../src/kernel/index.ts';
import { STATEMENT_BYTES } from '../../src/postgres/statement.ts';
import { constantOf } from '../../src/workload/sql/expression.ts';
import { lex, Tokens } from '../../src/workload/sql/lexer.ts';
import { readStatement } from '../../src/workload/sql/sql.ts';
import { fillIn } from '../../src/workload/sql/template.ts';
import { type Client, ONE_WAY, World } from './world.ts';

/** A statement and when it is sent, in milliseconds after the first second. */
export type Step = readonly [at: number, sql: string];

const ENVIRONMENT = { random: new Random('sql'), variables: [] };

function* say(client: Client, sql: string) {
  const tokens = new Tokens(lex(sql, 0, 'sql').tokens);
  const template = readStatement(tokens, { variable: () => constantOf(0n) });
  client.endpoint!.send(fillIn(template, ENVIRONMENT, true)!, STATEMENT_BYTES);
  return yield* client.hear();
}

/**
 * Each client says its statements to one server. The log tells for each when it was answered, less
 * the way there and back. `disturb` may do something to the world meanwhile.
 */
export function play(
  plans: Record<string, readonly Step[]>,
  settings = {},
  disturb: (world: World) => void = () => {},
) {
  const world = new World({ servers: [{ name: 'pg1', settings }] });
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
  disturb(world);
  world.sim.run(10 * SECOND);
  const { server } = world.instance('pg1');
  expect(server.locks.rows.size + server.activeTransactions, 'nothing is left over').toBe(0);
  return { log, server, heap: server.storage.tables[0]!.heap, world };
}
