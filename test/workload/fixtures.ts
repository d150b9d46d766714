import { LINUX_SOCKET } from '../../src/hardware/tcp.ts';
import { constant, MILLISECOND, NEVER, SECOND } from '../../src/kernel/index.ts';
import type { Statement } from '../../src/postgres/statement.ts';
import { ClientGroup, type ClientGroupOptions } from '../../src/workload/clients.ts';
import { FAILURES } from '../../src/workload/events.ts';
import { builtinScript } from '../../src/workload/pgbench.ts';
import type { Execution } from '../../src/workload/script.ts';
import type { World } from '../helpers/world.ts';

export const SELECT = builtinScript('read', 0, 'select-only', 1);
export const WRITE = builtinScript('write', 1, 'simple-update', 1);

/** Keepalives that find a silent server within three quarters of a second. */
const PROBES = {
  keepaliveIdle: SECOND / 4,
  keepaliveInterval: SECOND / 4,
  keepaliveCount: 2,
};

/** A group of clients of pg1 with the given differences from a plain closed loop. */
export function clients(world: World, options: Partial<ClientGroupOptions> = {}): ClientGroup {
  const context = { sim: world.sim, network: world.network, events: world.workload };
  return new ClientGroup(context, {
    name: 'app',
    index: 0,
    host: world.host('client'),
    sessions: 1,
    firstSession: 0,
    rate: null,
    think: null,
    mix: [{ script: SELECT, weight: 1 }],
    connection: {
      targets: [world.target('pg1')],
      targetSessionAttrs: 'any',
      loadBalanceHosts: false,
      connectTimeout: 2 * SECOND,
      socket: { ...LINUX_SOCKET, ...PROBES },
    },
    connectionPerTransaction: false,
    prepared: true,
    starts: 0,
    ends: NEVER,
    reconnect: constant(500 * MILLISECOND),
    cpu: null,
    threads: null,
    ...options,
  });
}

/** The statements of one execution; sleeps are left out. */
export function statementsOf(execution: Execution): Statement[] {
  const statements: Statement[] = [];
  execution.start();
  for (let step = execution.next(); step !== null; step = execution.next()) {
    if (step === 'no value') throw new Error('an expression has no value');
    if (typeof step === 'object') statements.push(step);
  }
  return statements;
}

export interface Outcome {
  readonly at: number;
  readonly session: number;
  readonly what: string;
}

/** What becomes of each transaction, in words. */
export function outcomes(world: World): Outcome[] {
  const log: Outcome[] = [];
  const { workload } = world;
  workload.acknowledged.observe((at, session) => log.push({ at, session, what: 'acknowledged' }));
  workload.unknown.observe((at, session) => log.push({ at, session, what: 'unknown' }));
  workload.failed.observe((at, session, _, failure) => {
    log.push({ at, session, what: `failed ${FAILURES[failure]}` });
  });
  return log;
}
