/**
 * How libpq opens a connection (libpq-connect): the hosts of the list in order, or shuffled with
 * load_balance_hosts=random, each with a time-out of its own; startup and authentication; and the
 * check of target_session_attrs against what the server reports about itself.
 *
 * Kept: one address a host, connect_timeout per host (1 s counts as 2), SCRAM's round trips and the
 * client's hashing, prefer-standby's second pass. The next host is tried after a refusal, a
 * time-out, 57P03 (cannot connect now) and an unsuitable server; any other answer ends the attempt
 * as a whole, a broken connection too (observed with libpq 15.18; fe-connect.c:PQconnectPoll).
 * Left out: TLS, GSS, versions before 14, which need a query of their own for the server's role.
 */
import type { Host } from '../hardware/host.ts';
import type { Network } from '../hardware/network.ts';
import {
  connect,
  Endpoint,
  type Listener,
  type Packet,
  type SocketOptions,
} from '../hardware/tcp.ts';
import { type Mailbox, type Nanoseconds, NEVER, type Random, SECOND } from '../kernel/index.ts';
import { SCRAM_CLIENT_TIME } from '../postgres/costs.ts';
import type { WireMessage } from '../postgres/statement.ts';

export const TARGET_SESSION_ATTRS = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const;
export type TargetSessionAttrs = (typeof TARGET_SESSION_ATTRS)[number];

/** Something that clients can connect to. */
export interface Target {
  readonly host: Host;
  readonly listener: () => Listener<WireMessage> | undefined;
}

export interface ConnectionOptions {
  readonly targets: readonly Target[];
  readonly targetSessionAttrs: TargetSessionAttrs;
  readonly loadBalanceHosts: boolean;
  /** 0: wait as long as the kernel does. */
  readonly connectTimeout: Nanoseconds;
  readonly socket: SocketOptions;
}

/** An open connection, or why there is none, as FAILURES of the workload has it. */
export type Opened = Endpoint<WireMessage> | { readonly failure: string };

const STARTUP: WireMessage = { type: 'startup' };
const TERMINATE: WireMessage = { type: 'terminate' };
const STARTUP_BYTES = 120;
const SCRAM_BYTES = 160;
const NO_HOST = { failure: '08001 no suitable host' };

/** Opens a connection for the running process, which alone reads the inbox. */
export function* open(
  network: Network,
  from: Host,
  inbox: Mailbox<Packet<WireMessage>>,
  options: ConnectionOptions,
  random: Random,
): Generator<undefined, Opened, undefined> {
  const order = options.loadBalanceHosts ? shuffled(options.targets, random) : options.targets;
  const wanted = options.targetSessionAttrs;
  const passes = wanted === 'prefer-standby' ? (['standby', 'any'] as const) : [wanted];
  let last: { readonly failure: string } = NO_HOST;
  for (const attrs of passes) {
    for (const target of order) {
      const endpoint = new Endpoint(from, inbox, options.socket);
      const opened = yield* attempt(network, endpoint, target, options.connectTimeout);
      if ('failure' in opened) {
        last = opened;
        if (isFinal(opened.failure)) return last;
      } else if (suits(attrs, opened.inHotStandby)) return endpoint;
      else {
        endpoint.send(TERMINATE, STARTUP_BYTES);
        endpoint.close();
        last = NO_HOST;
      }
    }
  }
  return last;
}

/** Whether libpq gives up although there are hosts left. */
function isFinal(failure: string): boolean {
  return failure !== '57P03' && !failure.startsWith('08001');
}

type Attempt = { readonly failure: string } | { readonly inHotStandby: boolean };

function* attempt(
  network: Network,
  endpoint: Endpoint<WireMessage>,
  target: Target,
  connectTimeout: Nanoseconds,
): Generator<undefined, Attempt, undefined> {
  const { sim } = network;
  const patience = connectTimeout > 0 ? Math.max(connectTimeout, 2 * SECOND) : NEVER;
  const deadline = sim.now + patience;
  const result = yield* connect(network, endpoint, target.host, target.listener, deadline);
  if (typeof result === 'string') return { failure: `08001 ${result}` };
  endpoint.send(STARTUP, STARTUP_BYTES);
  for (;;) {
    const packet = endpoint.inbox.take();
    if (packet === undefined) {
      if (sim.now >= deadline) {
        endpoint.close();
        return { failure: '08001 timed out' };
      }
      yield endpoint.inbox.receive(deadline);
    } else if (packet.endpoint === endpoint) {
      const answer = answerOf(packet);
      if (answer === 'authenticate') {
        yield sim.hold(SCRAM_CLIENT_TIME / 2);
        endpoint.send({ type: 'authentication', last: false }, SCRAM_BYTES);
      } else {
        if ('failure' in answer) endpoint.close();
        return answer;
      }
    }
  }
}

function answerOf(packet: Packet<WireMessage>): Attempt | 'authenticate' {
  if (packet.ending) return { failure: `08006 ${packet.ending}` };
  const message = packet.message!;
  switch (message.type) {
    case 'ready':
      return { inHotStandby: message.inHotStandby };
    case 'error':
      return { failure: message.sqlstate };
    default:
      return 'authenticate';
  }
}

/** On a primary default_transaction_read_only is off, so read-write and primary agree. */
function suits(attrs: TargetSessionAttrs, inHotStandby: boolean): boolean {
  switch (attrs) {
    case 'read-write':
    case 'primary':
      return !inHotStandby;
    case 'read-only':
    case 'standby':
      return inHotStandby;
    default:
      return true;
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
