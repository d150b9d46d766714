import { MILLISECOND, type Nanoseconds, SECOND } from '../../kernel/time.ts';

/**
 * How Patroni's etcd client spends its retry_timeout. A request goes to the node last used, then
 * to the others in their order, each with its share of the time. When all have failed, the client
 * first asks them all for the list of members (with the same time-outs again), then, if any of
 * retry_timeout is left, sleeps a little and tries again with as many nodes as get a second each.
 * So a request to nodes that accept connections but stay silent fails only after up to twice
 * retry_timeout; to unreachable ones connections are given up after half a node's share.
 *
 * Kept: time-outs, retries, their order, back-off and its jitter. Left out: the ttl of the cached
 * list of members and its refresh after a success on another node, names and authentication.
 * Source: patroni/dcs/etcd.py: _calculate_timeouts, _do_http_request, api_execute;
 * patroni/utils.py:Retry. That only failures to connect are repeated on the same node is
 * urllib3's rule for POST, which etcd v3 requests are.
 */
export interface NodeTimeouts {
  /** How many nodes are tried: fewer if each would get less than a second. */
  readonly nodes: number;
  readonly perNode: Nanoseconds;
  /** Attempts on the same node beyond the first. */
  readonly retries: number;
}

/** Shares a time among nodes: one node gets up to 2 retries, two get 1 each, more get none. */
export function nodeTimeouts(nodes: number, timeout: Nanoseconds): NodeTimeouts {
  let most = 4 - Math.min(nodes, 3);
  for (let count = nodes; count > 0; count--) {
    const share = timeout / count;
    if (share >= SECOND) {
      let attempts = 1;
      while (attempts < most && share / (attempts + 1) >= SECOND) attempts++;
      return { nodes: count, perNode: Math.floor(share / attempts), retries: attempts - 1 };
    }
    most = 1;
  }
  return { nodes: 0, perNode: timeout, retries: 0 };
}

/** Half of the node's share, at least a second. */
export function connectTimeout(perNode: Nanoseconds): Nanoseconds {
  return Math.max(SECOND, Math.floor(perNode / 2));
}

/** What to do next. A node is an index into the list given at the start. */
export type ClientAction =
  | {
      readonly kind: 'attempt';
      readonly purpose: 'request' | 'member list';
      readonly node: number;
      /** Until the connection stands (an open one needs none). */
      readonly connectTimeout: Nanoseconds;
      /** Until the answer is complete, connecting included. */
      readonly timeout: Nanoseconds;
    }
  | { readonly kind: 'sleep'; readonly duration: Nanoseconds }
  | { readonly kind: 'give up' };

/** One request on its way. */
export interface ClientRequest {
  readonly order: readonly number[];
  /** The instant at which retry_timeout has passed. */
  readonly deadline: Nanoseconds;
  readonly retryTimeout: Nanoseconds;
  readonly retrying: boolean;
  readonly phase: 'request' | 'member list';
  readonly timeouts: NodeTimeouts;
  readonly position: number;
  readonly attempts: number;
  readonly delay: Nanoseconds;
  readonly action: ClientAction;
}

/**
 * Starts a request.
 * @param nodes how many nodes are known
 * @param base the node last used, tried first; the others follow in their order
 * @param retrying false for writes that are tried once, on the base node only (the member key,
 *   `/status`)
 */
export function startRequest(
  nodes: number,
  base: number,
  now: Nanoseconds,
  retryTimeout: Nanoseconds,
  retrying = true,
): ClientRequest {
  const order = [base];
  for (let node = 0; node < nodes; node++) if (node !== base) order.push(node);
  return attempting({
    order,
    deadline: now + retryTimeout,
    retryTimeout,
    retrying,
    phase: 'request',
    timeouts: nodeTimeouts(nodes, retryTimeout),
    position: 0,
    attempts: 0,
    delay: 100 * MILLISECOND,
    action: { kind: 'give up' },
  });
}

/**
 * After a failed attempt.
 * @param connected the connection stood: the request may have been carried out
 * @param jitter a whole number from 0 to 80, drawn evenly: hundredths of a second of sleep
 */
export function afterFailure(
  request: ClientRequest,
  connected: boolean,
  now: Nanoseconds,
  jitter: number,
): ClientRequest {
  if (!connected && request.attempts <= request.timeouts.retries) return attempting(request);
  if (!request.retrying) return { ...request, action: { kind: 'give up' } };
  const position = request.position + 1;
  const nodes = request.phase === 'request' ? request.timeouts.nodes : request.order.length;
  if (position < nodes) return attempting({ ...request, position, attempts: 0 });
  if (request.phase === 'member list') return pause(request, now, jitter);
  const timeouts = nodeTimeouts(request.order.length, request.retryTimeout);
  return attempting({ ...request, phase: 'member list', timeouts, position: 0, attempts: 0 });
}

/** After a node has told the list of members: the request itself is tried again. */
export function afterMemberList(
  request: ClientRequest,
  now: Nanoseconds,
  jitter: number,
): ClientRequest {
  return pause(request, now, jitter);
}

/** After the sleep: the request starts over with the nodes that the time allows. */
export function afterSleep(request: ClientRequest): ClientRequest {
  return attempting({ ...request, phase: 'request', position: 0, attempts: 0 });
}

/** The node to begin with next time, after this request has succeeded or been given up. */
export function nextBase(request: ClientRequest, succeeded: boolean): number {
  if (succeeded) return request.order[request.position]!;
  const alone = request.retrying || request.order.length === 1;
  return alone ? request.order[0]! : request.order[1]!;
}

function attempting(request: ClientRequest): ClientRequest {
  const { perNode } = request.timeouts;
  const action: ClientAction = {
    kind: 'attempt',
    purpose: request.phase,
    node: request.order[request.position]!,
    connectTimeout: Math.min(connectTimeout(perNode), perNode),
    timeout: perNode,
  };
  return { ...request, attempts: request.attempts + 1, action };
}

/** Sleeps if what is left after that gives a node a second, else gives up. */
function pause(request: ClientRequest, now: Nanoseconds, jitter: number): ClientRequest {
  const duration = request.delay + jitter * 10 * MILLISECOND;
  const timeouts = nodeTimeouts(request.order.length, request.deadline - duration - now);
  if (timeouts.nodes === 0) return { ...request, action: { kind: 'give up' } };
  const delay = Math.min(2 * request.delay, SECOND);
  return { ...request, timeouts, delay, action: { kind: 'sleep', duration } };
}
