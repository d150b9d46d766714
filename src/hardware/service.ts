/**
 * Requests that get one answer: a health check, a call of etcd's or Patroni's REST API. The
 * connection below is not modelled apart from what its user notices: a host without the service
 * refuses after a round trip, a closed path or a silent host costs the time-out.
 */
import { Mailbox, type Nanoseconds, type ProcessGroup } from '../kernel/index.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';

/** Something on a host that answers requests, at once or later. */
export interface Service<Q, A> {
  readonly host: Host;
  /** The processes of the service: frozen, it does not answer. */
  readonly group: ProcessGroup;
  /** Whether it listens; if not, requests are refused. */
  readonly listening: boolean;
  handle(request: Q, respond: (answer: A) => void): void;
}

/** What became of a request. */
export type Reply<A> =
  | { readonly outcome: 'answered'; readonly answer: A }
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'timed out' };

const REFUSED = { outcome: 'refused' } as const;
const TIMED_OUT = { outcome: 'timed out' } as const;
const REQUEST_BYTES = 300;
const SYN_RETRY: Nanoseconds = 1_000_000_000;

/** Sends a request to a service and waits for the answer, at most until the deadline. */
export function* call<Q, A>(
  network: Network,
  from: Host,
  service: Service<Q, A>,
  request: Q,
  deadline: Nanoseconds,
): Generator<undefined, Reply<A>, undefined> {
  const { sim } = network;
  const there = network.path(from, service.host);
  const back = network.path(service.host, from);
  const answers = new Mailbox<Reply<A>>(sim);
  const answer = (reply: Reply<A>) => {
    if (back.open && !back.loses()) answers.send(reply, back.leave(REQUEST_BYTES) + back.draw());
  };
  for (;;) {
    const sent = sim.now;
    if (there.open && !there.loses()) {
      yield sim.holdUntil(Math.min(deadline, there.leave(REQUEST_BYTES) + there.draw()));
      if (sim.now >= deadline) return TIMED_OUT;
      if (there.openSince(sent) && service.host.state === 'up') break;
    }
    yield sim.holdUntil(Math.min(deadline, sent + SYN_RETRY));
    if (sim.now >= deadline) return TIMED_OUT;
  }
  const arrived = sim.now;
  if (!service.listening) answer(REFUSED);
  else if (!service.group.frozen) {
    service.handle(request, (given) => answer({ outcome: 'answered', answer: given }));
  }
  for (;;) {
    const reply = answers.take();
    if (reply) return back.openSince(arrived) ? reply : yield* silence(network, deadline);
    if (sim.now >= deadline) return TIMED_OUT;
    yield answers.receive(deadline);
  }
}

function* silence(network: Network, deadline: Nanoseconds) {
  yield network.sim.holdUntil(deadline);
  return TIMED_OUT;
}
