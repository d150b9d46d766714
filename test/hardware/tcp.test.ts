import { describe, expect, it } from 'vitest';
import { connect, Endpoint, handshake, LINUX_SOCKET, type Packet } from '../../src/hardware/tcp.ts';
import {
  constant,
  exponential,
  Mailbox,
  MILLISECOND,
  NEVER,
  SECOND,
} from '../../src/kernel/index.ts';
import { at, connected, DELAY, listener, RTO, type World, world } from './network-fixtures.ts';

const DELAY_MS = DELAY / MILLISECOND;
const RTO_MS = RTO / MILLISECOND;

/** When a handshake from the first host to the second ends, and how. */
function shake({ sim, network, hosts }: World, listening: () => boolean, deadline = NEVER) {
  const ended: [number, string][] = [];
  sim.spawn(
    (function* () {
      const result = yield* handshake(network, hosts[0]!, hosts[1]!, listening, deadline);
      ended.push([sim.now / MILLISECOND, result]);
    })(),
  );
  return ended;
}

describe('the handshake', () => {
  it('takes a round trip for the client, half a one more for the server', () => {
    const here = world(['a', 'b']);
    const port = listener<number>(here.sim);
    const client = new Endpoint<number>(here.hosts[0]!, new Mailbox(here.sim), LINUX_SOCKET);
    let stands = 0;
    here.sim.spawn(
      (function* () {
        // a port may make its listener anew each time that it is asked for
        const result = yield* connect(here.network, client, here.hosts[1]!, () => ({ ...port }));
        expect(result).toBe(client);
        stands = here.sim.now;
      })(),
    );
    here.sim.run(SECOND);
    expect(stands).toBe(2 * DELAY);
    expect(port.accepted.map(({ at }) => at)).toEqual([3 * DELAY]);
    expect(port.accepted[0]!.endpoint.peer).toBe(client);
  });

  it('is refused after a round trip where nobody listens', () => {
    const here = world(['a', 'b']);
    const ended = shake(here, () => false);
    here.sim.run(SECOND);
    expect(ended).toEqual([[2 * DELAY_MS, 'refused']]);
  });

  it('is given up after seven SYNs, 127 s, or at the deadline', () => {
    for (const [deadline, end] of [
      [NEVER, 127_000],
      [4 * SECOND, 4_000],
    ] as const) {
      const here = world(['a', 'b']);
      here.hosts[1]!.powerOff();
      const ended = shake(here, () => true, deadline);
      here.sim.run(200 * SECOND);
      expect(ended).toEqual([[end, 'timed out']]);
    }
  });

  it.each([
    [500, 1_000],
    [1_001, 3_000],
    [6_999, 7_000],
    [20_000, 31_000],
    [63_000, 63_000],
  ])('a path that opens after %i ms is found by the SYN at %i ms', (opens, syn) => {
    const here = world(['a', 'b']);
    const path = here.network.path(here.hosts[0]!, here.hosts[1]!);
    path.close();
    at(here.sim, opens, () => path.reopen());
    const ended = shake(here, () => true);
    here.sim.run(200 * SECOND);
    expect(ended).toEqual([[syn + 2 * DELAY_MS, 'connected']]);
  });

  it('a lost SYN-ACK costs as much as a lost SYN', () => {
    const here = world(['a', 'b']);
    const back = here.network.path(here.hosts[1]!, here.hosts[0]!);
    at(here.sim, 15, () => back.close());
    at(here.sim, 16, () => back.reopen());
    const ended = shake(here, () => true);
    here.sim.run(200 * SECOND);
    expect(ended).toEqual([[1_000 + 2 * DELAY_MS, 'connected']]);
  });
});

describe('a stream', () => {
  it('delivers in order, each message after its delay at the earliest', () => {
    const here = world(['a', 'b'], { delay: exponential(DELAY) });
    const { client, server, atServer } = connected(here);
    for (let i = 0; i < 500; i++) at(here.sim, 1_000 + i, () => client.send(i, 100));
    here.sim.run(5 * SECOND);
    expect(atServer.map((line) => Number(line.split(' ')[1]))).toEqual(
      Array.from({ length: 500 }, (_, i) => i),
    );
    expect(server.closed).toBe(false);
    const late = atServer.filter((line, i) => Number(line.split(' ')[0]) > 1_000 + i + DELAY_MS);
    expect(late.length).toBeGreaterThan(200); // exp(-1) of them by their own delay, others behind
  });

  it('a lost packet costs 1, 3, 7... retransmission time-outs, geometrically often', () => {
    const loss = 0.2;
    const here = world(['a', 'b']);
    const { client, atServer } = connected(here);
    const path = here.network.path(here.hosts[0]!, here.hosts[1]!);
    path.degrade({ delay: null, factor: 1, loss, bitsPerSecond: null });
    const n = 5_000;
    const gap = 100_000;
    for (let i = 1; i <= n; i++) at(here.sim, i * gap, () => client.send(i, 100));
    here.sim.run((n + 1) * gap * MILLISECOND);
    expect(atServer).toHaveLength(n);
    const counts = new Map<number, number>();
    for (const line of atServer) {
      const [arrival, message] = line.split(' ').map(Number);
      const losses = (arrival! - message! * gap - DELAY_MS) / RTO_MS + 1; // 2^losses
      counts.set(Math.round(losses), (counts.get(Math.round(losses)) ?? 0) + 1);
      expect(Math.log2(Math.round(losses)) % 1).toBe(0);
      expect(Math.abs(losses - Math.round(losses))).toBeLessThan(1e-6);
    }
    for (const [k, factor] of [1, 2, 4, 8].entries()) {
      const expected = n * loss ** k * (1 - loss);
      expect(Math.abs((counts.get(factor) ?? 0) - expected)).toBeLessThan(4 * Math.sqrt(expected));
    }
  });

  it.each([
    [2_001, 1],
    [2_250, 3],
    [2_700, 7],
    [9_000, 63],
  ])(
    'a path closed at 2 s that opens at %i ms: on with the retransmission after %i',
    (opens, k) => {
      const here = world(['a', 'b']);
      const { client, atServer } = connected(here);
      const path = here.network.path(here.hosts[0]!, here.hosts[1]!);
      at(here.sim, 1_900, () => client.send(1, 100));
      at(here.sim, 2_000, () => path.close());
      at(here.sim, 2_000, () => client.send(2, 100));
      at(here.sim, 2_000, () => client.send(3, 100));
      at(here.sim, opens, () => path.reopen());
      here.sim.run(100 * SECOND);
      const resumed = 2_000 + k * RTO_MS + DELAY_MS;
      expect(opens).toBeLessThanOrEqual(2_000 + k * RTO_MS);
      expect(atServer).toEqual(['1910 1', `${resumed} 2`, `${resumed} 3`]);
    },
  );

  it('what is on the way when the path closes is dropped and sent again', () => {
    const here = world(['a', 'b']);
    const { client, atServer } = connected(here);
    const path = here.network.path(here.hosts[0]!, here.hosts[1]!);
    at(here.sim, 1_994, () => client.send(1, 100));
    at(here.sim, 1_996, () => client.send(2, 100));
    at(here.sim, 2_005, () => path.close());
    at(here.sim, 2_006, () => path.reopen());
    here.sim.run(100 * SECOND);
    expect(atServer).toEqual(['2004 1', `${1_996 + RTO_MS + DELAY_MS} 2`]);
  });

  it('a cut of the way back: one message arrives, the next waits for an acknowledgement', () => {
    const here = world(['a', 'b']);
    const { client, server, atClient, atServer } = connected(here);
    const back = here.network.path(here.hosts[1]!, here.hosts[0]!);
    at(here.sim, 2_000, () => back.close());
    at(here.sim, 2_001, () => client.send(1, 100));
    at(here.sim, 2_002, () => client.send(2, 100));
    at(here.sim, 2_003, () => server.send(9, 100));
    at(here.sim, 3_000, () => back.reopen());
    here.sim.run(100 * SECOND);
    expect(atServer).toEqual(['2011 1', `${2_001 + 7 * RTO_MS + DELAY_MS} 2`]);
    expect(atClient).toEqual([`${2_003 + 7 * RTO_MS + DELAY_MS} 9`]);
  });

  it('waits behind what left before it at the rate of the card and of the path', () => {
    const here = world(['a', 'b'], { bitsPerSecond: 8e6 }); // 1 MB/s
    const { client, atServer } = connected(here);
    at(here.sim, 1_000, () => {
      client.send(1, 50_000);
      client.send(2, 100_000);
    });
    here.sim.run(10 * SECOND);
    expect(atServer).toEqual(['1060 1', '1160 2']);
  });
});

describe('giving up', () => {
  it.each([
    ['after TCP_USER_TIMEOUT', 30 * SECOND],
    ['after 15 retransmissions and one more time-out without it', 0],
  ])('%s unacknowledged data ends a connection', (_, userTimeout) => {
    const options = { ...LINUX_SOCKET, userTimeout };
    const here = world(['a', 'b']);
    const { client, atClient } = connected(here, options);
    const path = here.network.path(here.hosts[0]!, here.hosts[1]!);
    at(here.sim, 2_000, () => path.close());
    at(here.sim, 2_000, () => client.send(1, 100));
    here.sim.run(2_000 * SECOND);
    let rto = RTO_MS;
    let expected = 2_000;
    for (let i = 0; i <= 15; i++, rto = Math.min(2 * rto, 120_000)) expected += rto;
    expect(atClient).toEqual([`${userTimeout > 0 ? 32_000 : expected} timed out`]);
  });

  it('keepalive: idle, then so many probes at an interval, from what was heard last', () => {
    const here = world(['a', 'b']);
    const keepalive = { keepaliveIdle: 60 * SECOND, keepaliveInterval: 10 * SECOND };
    const options = { ...LINUX_SOCKET, ...keepalive, keepaliveCount: 3 };
    const { server, atClient } = connected(here, options);
    at(here.sim, 5_000, () => server.send(1, 100)); // heard at 5.01 s; probes at 65.01 s, 125.01 s
    at(here.sim, 100_000, () => here.hosts[1]!.powerOff());
    here.sim.run(1_000 * SECOND);
    expect(atClient).toEqual(['5010 1', `${5_010 + 120_000 + 3 * 10_000} timed out`]);
  });

  it('a peer that is back before the last probe stays, one that was rebooted resets', () => {
    for (const [lost, outcome] of [
      [false, []],
      [true, [`${35_010 + 2 * DELAY_MS} reset`]],
    ] as const) {
      const here = world(['a', 'b']);
      const keepalive = { keepaliveIdle: 10 * SECOND, keepaliveInterval: 5 * SECOND };
      const { client, server, atClient } = connected(here, {
        ...{ ...LINUX_SOCKET, ...keepalive, keepaliveCount: 5 },
      });
      at(here.sim, 10_000, () => server.send(1, 100)); // probes at 20.01, 25.01, 30.01, 35.01
      at(here.sim, 12_000, () => (lost ? here.hosts[1]!.powerOff() : here.hosts[1]!.pause()));
      at(here.sim, 31_000, () => (lost ? here.hosts[1]!.powerOn() : here.hosts[1]!.resume()));
      here.sim.run(500 * SECOND);
      expect(atClient).toEqual(['10010 1', ...outcome]);
      expect(client.gone).toBe(lost);
    }
  });
});

describe('ends', () => {
  it('a crashed process: all that it had sent, then the news', () => {
    const here = world(['a', 'b']);
    const { client, server, atClient } = connected(here);
    at(here.sim, 1_000, () => {
      server.send(1, 100);
      server.send(2, 100);
      server.close();
    });
    here.sim.run(10 * SECOND);
    expect(atClient).toEqual(['1010 1', '1010 2', '1010 closed']);
    client.close();
    for (const host of here.hosts)
      for (const other of here.hosts) expect(here.network.path(host, other).traffic.size).toBe(0);
  });

  it('a host without power: what has left its card arrives, and nothing else', () => {
    const here = world(['a', 'b'], { bitsPerSecond: 8e6 }); // 100 kB take 100 ms
    const { server, atClient } = connected(here);
    at(here.sim, 1_000, () => {
      server.send(1, 1_000);
      server.send(2, 100_000);
    });
    at(here.sim, 1_005, () => here.hosts[1]!.powerOff());
    here.sim.run(60 * SECOND);
    expect(atClient).toEqual(['1011 1']);
  });

  it('and after its boot it resets what reaches it', () => {
    const here = world(['a', 'b']);
    const { client, atClient } = connected(here);
    at(here.sim, 1_000, () => here.hosts[1]!.powerOff());
    at(here.sim, 2_000, () => client.send(1, 100)); // again at 2.22, 2.66, 3.54
    at(here.sim, 3_000, () => here.hosts[1]!.powerOn());
    here.sim.run(60 * SECOND);
    expect(atClient).toEqual([`${2_000 + 7 * RTO_MS + 2 * DELAY_MS} reset`]);
  });

  it('data for a closed connection is answered by a reset, unless the way back is cut', () => {
    const here = world(['a', 'b']);
    const { client, server, atClient } = connected(here);
    const back = here.network.path(here.hosts[1]!, here.hosts[0]!);
    at(here.sim, 900, () => back.close());
    at(here.sim, 1_000, () => server.close()); // nobody at the client hears it
    at(here.sim, 1_100, () => client.send(1, 100));
    at(here.sim, 1_200, () => back.reopen());
    here.sim.run(60 * SECOND);
    expect(atClient[0]).toBe(`${1_000 + RTO_MS + DELAY_MS} closed`);
  });

  it('a paused host neither answers nor loses what was sent to it', () => {
    const here = world(['a', 'b']);
    const { client, atServer, atClient } = connected(here);
    at(here.sim, 1_000, () => here.hosts[1]!.pause());
    at(here.sim, 1_001, () => client.send(1, 100));
    at(here.sim, 4_000, () => here.hosts[1]!.resume());
    here.sim.run(60 * SECOND);
    expect(atServer).toEqual([`${1_001 + 15 * RTO_MS + DELAY_MS} 1`]);
    expect(atClient).toEqual([]);
  });
});

describe('conservation', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'whatever the network does, each message arrives once, in order (%i)',
    (seed) => {
      const here = world(['a', 'b'], { delay: exponential(DELAY) }, seed);
      const { sim, network, hosts } = here;
      const { client, server, atClient, atServer } = connected(here);
      for (const [from, to] of [
        [hosts[0]!, hosts[1]!],
        [hosts[1]!, hosts[0]!],
      ] as const)
        network.path(from, to).degrade({ delay: null, factor: 1, loss: 0.05, bitsPerSecond: null });
      const random = sim.random('test');
      for (let i = 0; i < 300; i++) {
        at(sim, random.integer(100, 20_000), () => client.send(i, 500));
        at(sim, random.integer(100, 20_000), () => server.send(i, 500));
      }
      for (let i = 0; i < 20; i++) {
        const ends = random.chance(0.5) ? hosts : [...hosts].reverse();
        const path = network.path(ends[0]!, ends[1]!);
        const closes = random.integer(100, 20_000);
        at(sim, closes, () => path.close());
        at(sim, closes + random.integer(0, 2_000), () => path.reopen());
      }
      const sentBy = (endpoint: Endpoint<number>) => {
        const order: number[] = [];
        const send = endpoint.send.bind(endpoint);
        endpoint.send = (message, bytes) => {
          order.push(message);
          send(message, bytes);
        };
        return order;
      };
      const [fromClient, fromServer] = [sentBy(client), sentBy(server)];
      sim.run(11 * SECOND);
      const soFar = (log: readonly string[]) => log.map((line) => Number(line.split(' ')[1]));
      expect(soFar(atServer)).toEqual(fromClient.slice(0, atServer.length));
      expect(atServer.length).toBeLessThan(300);
      sim.run(600 * SECOND);
      expect(soFar(atServer)).toEqual(fromClient);
      expect(soFar(atClient)).toEqual(fromServer);
      expect([fromClient.length, fromServer.length]).toEqual([300, 300]);
    },
  );

  it('a loss of everything ends in a time-out, not in an endless loop', () => {
    const here = world(['a', 'b'], { delay: constant(DELAY) });
    const { client, atClient } = connected(here);
    const path = here.network.path(here.hosts[0]!, here.hosts[1]!);
    path.degrade({ delay: null, factor: 1, loss: 1, bitsPerSecond: null });
    at(here.sim, 1_000, () => client.send(1, 100));
    here.sim.run(2_000 * SECOND);
    expect(atClient[0]).toMatch(/timed out$/);
    const stray = client.inbox.take() as Packet<number> | undefined;
    expect(stray).toBeUndefined();
  });
});
