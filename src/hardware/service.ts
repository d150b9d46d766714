/**
 * Requests that get one answer: a health check, a call of etcd's or Patroni's REST API.
 *
 * Kept: what the user of the connection below notices: a host on which nobody listens refuses
 * after a round trip; what is lost or meets a closed path is sent again (after a round trip and
 * 200 ms, doubled each time); a stopped process answers when it goes on; a host that loses power
 * never does. Left out: the end of the connection that a crashed process's kernel announces; who
 * has asked it waits for the time-out.
 */
import {
  Mailbox,
  MILLISECOND,
  type Nanoseconds,
  type Process,
  type ProcessGroup,
} from '../kernel/index.ts';
import type { Host } from './host.ts';
import type { Network, Path } from './network.ts';

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

/** An answer on its way. */
interface Letter<A> {
  readonly reply: Reply<A>;
  readonly sent: Nanoseconds;
  /** It did not even get onto the path. */
  readonly lost: boolean;
}

const REFUSED = { outcome: 'refused' } as const;
const TIMED_OUT = { outcome: 'timed out' } as const;
const MESSAGE_BYTES = 300;
const RTO_MIN = 200 * MILLISECOND;

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
  const rto = RTO_MIN + Math.round(there.meanDelay + back.meanDelay);
  if (!(yield* transmit(network, there, deadline, rto))) return TIMED_OUT;
  const answers = new Mailbox<Letter<A>>(sim);
  const answer = (reply: Reply<A>) => {
    const lost = !back.open || back.loses();
    const arrival = lost ? sim.now : back.leave(MESSAGE_BYTES) + back.draw();
    answers.send({ reply, sent: sim.now, lost }, arrival);
  };
  const handle = () =>
    service.handle(request, (given) => answer({ outcome: 'answered', answer: given }));
  const { incarnation } = service.host;
  if (!service.listening) answer(REFUSED);
  else if (service.group.frozen) sim.spawn(once(handle), service.group);
  else handle();
  for (;;) {
    const letter = answers.take();
    if (letter) {
      if (!letter.lost && back.openSince(letter.sent)) return letter.reply;
      yield sim.holdUntil(Math.min(deadline, letter.sent + rto));
      const came = yield* transmit(network, back, deadline, 2 * rto);
      return came && service.host.incarnation === incarnation ? letter.reply : TIMED_OUT;
    }
    if (sim.now >= deadline) return TIMED_OUT;
    yield answers.receive(deadline);
  }
}

/** The running process goes on when a message has come through, or at the deadline: false. */
function* transmit(network: Network, path: Path, deadline: Nanoseconds, firstRto: Nanoseconds) {
  const { sim } = network;
  let next = sim.now;
  let rto = firstRto;
  while (sim.now < deadline) {
    const sent = sim.now;
    if (path.open && !path.loses()) {
      yield sim.holdUntil(Math.min(deadline, path.leave(MESSAGE_BYTES) + path.draw()));
      if (sim.now >= deadline) return false;
      if (path.openSince(sent)) return true;
    }
    next += rto;
    rto *= 2;
    yield sim.holdUntil(Math.min(deadline, next));
  }
  return false;
}

/** A process of one step; in a stopped group it waits until that goes on. */
export function* once(act: () => void): Process {
  act();
}
