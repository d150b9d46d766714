import { describe, expect, it } from 'vitest';
import { Network } from '../../src/hardware/network.ts';
import { Endpoint, join, LINUX_SOCKET, type Packet, splice } from '../../src/hardware/tcp.ts';
import { Mailbox, MILLISECOND, type Process, Simulation } from '../../src/kernel/index.ts';
import { at, DELAY, hostNamed, PLAIN, reader } from './network-fixtures.ts';

const DELAY_MS = DELAY / MILLISECOND;

/** A client, a proxy and a server: two connections that the proxy joins in one of two ways. */
function chain(how: 'spliced' | 'relayed', seed = 1) {
  const sim = new Simulation(seed);
  const unlimited = Number.POSITIVE_INFINITY;
  const hosts = ['a', 'proxy', 'b'].map((name, i) => hostNamed(sim, name, i, unlimited));
  const [a, proxy, b] = hosts as [(typeof hosts)[0], (typeof hosts)[0], (typeof hosts)[0]];
  const network = new Network(sim, hosts, () => PLAIN);
  const inbox = new Mailbox<Packet<number>>(sim);
  const end = (host: typeof a, own = new Mailbox<Packet<number>>(sim)) =>
    new Endpoint<number>(host, own, LINUX_SOCKET);
  const [client, front, back, server] = [end(a), end(proxy, inbox), end(proxy, inbox), end(b)];
  join(network, client, front);
  join(network, back, server);
  let relayed = 0;
  if (how === 'spliced') splice(front, back, proxy.group);
  const relay = function* (): Process {
    for (;;) {
      const packet = inbox.take();
      if (packet === undefined) yield inbox.receive();
      else if (packet.ending) {
        front.close();
        back.close();
        return;
      } else {
        relayed++;
        (packet.endpoint === front ? back : front).send(packet.message!, 100);
      }
    }
  };
  proxy.spawn(relay());
  const atClient: string[] = [];
  const atServer: string[] = [];
  sim.spawn(reader(sim, client.inbox, atClient), a.group);
  sim.spawn(reader(sim, server.inbox, atServer), b.group);
  const ends = { client, server, atClient, atServer };
  return { sim, network, hosts: { a, proxy, b }, ...ends, relayed: () => relayed };
}

type Chain = ReturnType<typeof chain>;

/** A stretch of the way is closed for a while, in both directions. */
function cut({ sim, network, hosts }: Chain, leg: 'first' | 'second', from: number, to: number) {
  const other = leg === 'first' ? hosts.a : hosts.b;
  const paths = [network.path(other, hosts.proxy), network.path(hosts.proxy, other)];
  at(sim, from, () => {
    for (const path of paths) path.close();
  });
  at(sim, to, () => {
    for (const path of paths) path.reopen();
  });
}

describe('a splice', () => {
  it('delivers after the sum of both delays and wakes nobody in between', () => {
    const here = chain('spliced');
    here.client.send(7, 100);
    here.sim.run(100 * MILLISECOND);
    here.server.send(8, 100);
    here.sim.run(200 * MILLISECOND);
    expect(here.atServer).toEqual([`${2 * DELAY_MS} 7`]);
    expect(here.atClient).toEqual([`${100 + 2 * DELAY_MS} 8`]);
    expect(here.relayed()).toBe(0);
  });

  it('leaves messages to the process while a leg is closed or the process is stopped', () => {
    const here = chain('spliced');
    cut(here, 'second', 5, 5000);
    at(here.sim, 50, () => here.client.send(1, 100));
    here.sim.run(10_000 * MILLISECOND);
    expect(here.relayed()).toBe(1);
    here.hosts.proxy.pause(here.hosts.proxy.group);
    here.client.send(2, 100);
    here.sim.run(11_000 * MILLISECOND);
    expect(here.atServer.some((line) => line.endsWith(' 2'))).toBe(false);
    here.hosts.proxy.resume(here.hosts.proxy.group);
    here.sim.run(12_000 * MILLISECOND);
    expect(here.atServer.at(-1)).toBe(`${11_000 + DELAY_MS} 2`);
  });

  it('passes the end of either connection on, after what was sent before it', () => {
    const here = chain('spliced');
    here.client.send(1, 100);
    here.client.close();
    here.sim.run(1000 * MILLISECOND);
    expect(here.atServer).toEqual([`${2 * DELAY_MS} 1`, `${2 * DELAY_MS} closed`]);
  });

  it('is what a relaying process is, whatever is cut, for 300 random schedules', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Simulation(seed).random('schedule');
      const twins = [chain('spliced', seed), chain('relayed', seed)];
      let message = 0;
      for (let t = 20; t < 6000; t += random.integer(45, 120)) {
        const from = random.chance(0.5) ? 'client' : 'server';
        const number = ++message;
        for (const each of twins) at(each.sim, t, () => each[from].send(number, 100));
      }
      for (let n = random.integer(1, 4); n > 0; n--) {
        const leg = random.chance(0.5) ? 'first' : 'second';
        const begin = random.integer(0, 4000) + 0.5;
        const end = begin + random.integer(40, 1500);
        for (const each of twins) cut(each, leg, begin, end);
      }
      for (const { sim } of twins) sim.run(60_000 * MILLISECOND);
      const [spliced, relayed] = twins as [Chain, Chain];
      expect(spliced.atClient).toEqual(relayed.atClient);
      expect(spliced.atServer).toEqual(relayed.atServer);
      expect(spliced.atClient.length + spliced.atServer.length).toBe(message);
    }
  });
});
