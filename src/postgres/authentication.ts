/**
 * How a connection begins: the startup packet, then SCRAM-SHA-256's two exchanges, three round
 * trips in all (postmaster.c: ProcessStartupPacket, auth.c: CheckSASLAuth).
 */
import type { Endpoint } from '../hardware/tcp.ts';
import type { Server } from './server.ts';
import { ERRORS, RESULT_BYTES, type WireMessage } from './statement.ts';
import { CLIENT_READ, CPU, type WaitState } from './waits.ts';

const AUTHENTICATION_REQUEST: WireMessage = { type: 'authentication request' };

/**
 * True: the session is ready. The packet, then both exchanges, have authentication_timeout; who
 * sends no packet is left without a word.
 */
export function* authenticate(server: Server, endpoint: Endpoint<WireMessage>, wait: WaitState) {
  const { context, settings } = server;
  const { inbox } = endpoint;
  let giveUpAt = 0;
  for (let exchange = 0; exchange < 3; exchange++) {
    if (exchange < 2) giveUpAt = context.sim.now + settings.authentication_timeout;
    let packet = inbox.take();
    while (packet === undefined) {
      if (context.sim.now >= giveUpAt) {
        if (exchange > 0) endpoint.send(ERRORS.authenticationTimeout, RESULT_BYTES);
        return false;
      }
      wait.now(CLIENT_READ);
      yield inbox.receive(giveUpAt);
      packet = inbox.take();
    }
    wait.now(CPU);
    if (packet.ending) return false;
    if (exchange < 2) endpoint.send(AUTHENTICATION_REQUEST, RESULT_BYTES);
  }
  endpoint.send({ type: 'ready', inHotStandby: server.inRecovery }, RESULT_BYTES);
  return true;
}
