import { describe, expect, it } from 'vitest';
import { MICROSECOND, MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import { at } from '../hardware/network-fixtures.ts';
import { client, proxyWorld } from './haproxy-fixtures.ts';

const last = (log: readonly string[]) => log[log.length - 1]!;

describe('a session', () => {
  it('costs the sum of the ways: there and back over both legs', () => {
    const made = proxyWorld();
    const one = client(made, 'primary', 1_000, [2_000, 2_001, 3_000]);
    made.sim.run(10 * SECOND);
    expect(one.log).toEqual(['1020 connected', '2040 complete', '2041 complete', '3040 complete']);
  });

  it('and the proxy’s time for each message where it has a host that costs', () => {
    const made = proxyWorld({}, { relayCost: 20 * MICROSECOND });
    const one = client(made, 'primary', 1_000, [2_000]);
    made.sim.run(10 * SECOND);
    expect(one.log).toEqual(['1020 connected', '2040.04 complete']);
  });

  it('what the client says before the server’s connection stands waits for it', () => {
    const made = proxyWorld();
    const one = client(made, 'primary', 1_000, [1_020]);
    made.sim.run(10 * SECOND);
    // at the proxy 1030, its own handshake ends 1050, at the server 1060, back over 20 ms
    expect(one.log).toEqual(['1020 connected', '1080 complete']);
  });

  it('ends on one side when it ends on the other', () => {
    const made = proxyWorld();
    const one = client(made, 'primary', 1_000);
    const two = client(made, 'primary', 1_000);
    made.sim.run(2 * SECOND);
    const [first, second] = made.backends[0]!.connections;
    first!.send({ type: 'complete' }, 100);
    first!.close();
    two.endpoint!.close();
    made.sim.run(3 * SECOND);
    expect(one.log).toEqual(['1020 connected', '2020 complete', '2020 closed']);
    expect(second!.closed).toBe(true);
    expect(made.proxy.sessions('primary')).toBe(0);
  });

  it('goes round over the replicas, connection by connection', () => {
    const made = proxyWorld();
    for (let i = 0; i < 10; i++) client(made, 'replica', 1_000 + i);
    made.sim.run(2 * SECOND);
    expect(made.backends.map(({ connections }) => connections.length)).toEqual([0, 5, 5]);
  });

  it('ends after the shorter of the two silences, counted from the last message', () => {
    const made = proxyWorld({ 'timeout client': 30 * SECOND, 'timeout server': 20 * SECOND });
    const one = client(made, 'primary', 1_000, [15_000]);
    made.sim.run(100 * SECOND);
    expect(one.log).toEqual(['1020 connected', '15040 complete', `${15_030 + 20_000 + 10} closed`]);
  });
});

describe('when the server is marked down', () => {
  /** A demoted primary: its API says 503, its port goes on. */
  function demoted(what: 'none' | 'shutdown-sessions') {
    const made = proxyWorld({ 'on-marked-down': what });
    const one = client(made, 'primary', 1_000, [150_000]);
    at(made.sim, 100_000, () => {
      made.backends[0]!.status['/primary'] = 503;
    });
    const refused = client(made, 'primary', 160_000);
    made.sim.run(200 * SECOND);
    return { one, refused, down: made.changes[0]![0] };
  }

  it('sessions are shut down if the configuration says so', () => {
    const { one, refused, down } = demoted('shutdown-sessions');
    expect(one.log).toEqual(['1020 connected', `${down + 10} closed`]);
    expect(refused.log).toEqual(['160020 connected', '160040 closed']);
  });

  it('and live on by HAProxy’s default; only new ones are turned away', () => {
    const { one, refused } = demoted('none');
    expect(one.log).toEqual(['1020 connected', '150040 complete']);
    expect(refused.log).toEqual(['160020 connected', '160040 closed']);
  });
});

describe('connecting to a server', () => {
  it('a refusal is tried again after a second, retries times, then the client is sent away', () => {
    const made = proxyWorld({ retries: 2 });
    made.backends[0]!.listens = false;
    const one = client(made, 'primary', 1_000);
    made.sim.run(20 * SECOND);
    // accepted at 1030; attempts of 20 ms at 1030, 2050, 3070
    expect(one.log).toEqual(['1020 connected', `${3_070 + 20 + 10} closed`]);
  });

  it('a server that comes back in between is found', () => {
    const made = proxyWorld({ retries: 2 });
    made.backends[0]!.listens = false;
    at(made.sim, 2_500, () => {
      made.backends[0]!.listens = true;
    });
    const one = client(made, 'primary', 1_000, [1_100]);
    made.sim.run(20 * SECOND);
    expect(one.log).toEqual(['1020 connected', `${3_070 + 20 + 20 + 10} complete`]);
  });

  it('a blackholed one costs `timeout connect` each time, without a pause', () => {
    const made = proxyWorld({ retries: 2, 'timeout connect': 1500 * MILLISECOND });
    made.backends[0]!.host.powerOff();
    const one = client(made, 'primary', 1_000);
    made.sim.run(8 * SECOND);
    expect(one.log).toEqual(['1020 connected', `${1_030 + 3 * 1_500 + 10} closed`]);
  });

  it('with redispatch another server is taken at once where there is one', () => {
    const made = proxyWorld({ redispatch: true });
    made.backends[1]!.listens = false;
    const two = [client(made, 'replica', 1_000, [1_200]), client(made, 'replica', 1_000, [1_200])];
    made.sim.run(2 * SECOND);
    expect(two.map(({ log }) => last(log))).toEqual(['1240 complete', '1240 complete']);
    expect(made.backends[2]!.connections).toHaveLength(2);
  });

  it('above maxconn a client waits in the queue, as long as `timeout queue` allows', () => {
    const made = proxyWorld({ maxconn: 2, 'timeout queue': 5 * SECOND });
    const served = [client(made, 'primary', 1_000), client(made, 'primary', 1_000)];
    const lucky = client(made, 'primary', 1_100, [1_200]);
    const unlucky = client(made, 'primary', 1_200);
    at(made.sim, 4_000, () => served[0]!.endpoint!.close());
    made.sim.run(20 * SECOND);
    // the close reaches the proxy at 4010; its handshake ends at 4030
    expect(lucky.log).toEqual(['1120 connected', `${4_030 + 20 + 10} complete`]);
    expect(unlucky.log).toEqual(['1220 connected', `${1_230 + 5_000 + 10} closed`]);
    expect(made.backends[0]!.connections).toHaveLength(3);
  });
});

describe('the proxy itself', () => {
  it('crashes: both sides are closed, new clients are refused until it is started', () => {
    const made = proxyWorld();
    const one = client(made, 'primary', 1_000);
    at(made.sim, 2_000, () => made.proxy.crash());
    const refused = client(made, 'primary', 3_000);
    at(made.sim, 4_000, () => made.proxy.start());
    const later = client(made, 'primary', 5_000, [6_000]);
    made.sim.run(10 * SECOND);
    expect(one.log).toEqual(['1020 connected', '2010 closed']);
    expect(made.backends[0]!.connections[0]!.closed).toBe(true);
    expect(refused.log).toEqual(['3020 refused']);
    expect(last(later.log)).toBe('6040 complete');
  });

  it('is stopped: nothing is relayed, nothing is lost, checks and silences are not missed', () => {
    const made = proxyWorld();
    const one = client(made, 'primary', 1_000, [2_000]);
    at(made.sim, 1_500, () => made.proxy.host.pause(made.proxy.group));
    at(made.sim, 9_000, () => made.proxy.host.resume(made.proxy.group));
    const waiting = client(made, 'primary', 3_000, [3_100]);
    made.sim.run(20 * SECOND);
    expect(one.log).toEqual(['1020 connected', `${9_000 + 30} complete`]);
    expect(waiting.log).toEqual(['3020 connected', `${9_000 + 20 + 30} complete`]);
    expect(made.changes).toEqual([]);
  });

  it('loses power: silence on both sides, and a reset after its boot', () => {
    const made = proxyWorld();
    const one = client(made, 'primary', 1_000, [2_500]);
    at(made.sim, 2_000, () => made.proxy.host.powerOff());
    at(made.sim, 3_000, () => made.proxy.host.powerOn());
    const later = client(made, 'primary', 4_000, [5_000]);
    made.sim.run(10 * SECOND);
    expect(one.log).toEqual(['1020 connected', `${2_500 + 3 * 220 + 20} reset`]);
    expect(last(later.log)).toBe('5040 complete');
  });

  it('two runs of one seed are the same', () => {
    const digest = () => {
      const made = proxyWorld({ balance: 'random' }, { seed: 7 });
      for (let i = 0; i < 50; i++) client(made, 'replica', 1_000 + 37 * i, [9_000 + i]);
      at(made.sim, 5_000, () => made.backends[2]!.host.powerOff());
      made.sim.run(60 * SECOND);
      return [made.sim.trace.digest, made.sim.steps];
    };
    expect(digest()).toEqual(digest());
  });
});
