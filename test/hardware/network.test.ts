import { describe, expect, it } from 'vitest';
import { Network } from '../../src/hardware/network.ts';
import { call, type Reply, type Service } from '../../src/hardware/service.ts';
import {
  constant,
  exponential,
  MILLISECOND,
  type ProcessGroup,
  SECOND,
  Simulation,
  uniform,
} from '../../src/kernel/index.ts';
import { at, DELAY, hostNamed, PLAIN, RTO, type World, world } from './network-fixtures.ts';

const DELAY_MS = DELAY / MILLISECOND;
const RTO_MS = RTO / MILLISECOND;

describe('a path', () => {
  it('draws its own delay, times the factors, plus the further delays of faults', () => {
    const { network, hosts } = world(['a', 'b'], { delay: uniform(8e6, 12e6) });
    const path = network.path(hosts[0]!, hosts[1]!);
    const mean = () => {
      let sum = 0;
      for (let i = 0; i < 20_000; i++) sum += path.draw();
      return sum / 20_000 / MILLISECOND;
    };
    const further = { factor: 1, loss: 0, bitsPerSecond: null };
    expect(mean()).toBeCloseTo(10, 1);
    const first = path.degrade({ ...further, factor: 3, delay: null });
    const second = path.degrade({ ...further, delay: exponential(5 * MILLISECOND) });
    expect(path.meanDelay).toBe(35 * MILLISECOND);
    expect(Math.abs(mean() - 35)).toBeLessThan(4 * Math.sqrt((36 * 4) / 3 + 25) * 0.0071);
    first();
    expect(path.meanDelay).toBe(15 * MILLISECOND);
    second();
    expect(mean()).toBeCloseTo(10, 1);
  });

  it('loses packets to each cause independently', () => {
    const { network, hosts } = world(['a', 'b'], { loss: 0.1 });
    const path = network.path(hosts[0]!, hosts[1]!);
    const share = () => {
      let lost = 0;
      for (let i = 0; i < 50_000; i++) if (path.loses()) lost++;
      return lost / 50_000;
    };
    const undo = path.degrade({ delay: null, factor: 1, loss: 0.5, bitsPerSecond: null });
    expect(Math.abs(share() - 0.55)).toBeLessThan(0.01);
    undo();
    expect(Math.abs(share() - 0.1)).toBeLessThan(0.006);
  });

  it('is open when no barrier is left and the receiver runs', () => {
    const { sim, network, hosts } = world(['a', 'b']);
    const path = network.path(hosts[0]!, hosts[1]!);
    const back = network.path(hosts[1]!, hosts[0]!);
    sim.run(SECOND);
    path.close();
    path.close();
    path.reopen();
    expect([path.open, back.open]).toEqual([false, true]);
    sim.run(2 * SECOND);
    path.reopen();
    expect([path.open, path.openSince(SECOND), path.openSince(SECOND + 1)]).toEqual([
      ...[true, false, true],
    ]);
    hosts[1]!.pause();
    expect([path.open, back.open]).toEqual([false, true]);
    hosts[1]!.resume();
    expect([path.open, path.openSince(SECOND + 1)]).toEqual([true, false]);
  });

  it('messages leave one after the other: at the card, the path, a fault’s bottleneck', () => {
    const sim = new Simulation(1);
    const hosts = ['a', 'b', 'c'].map((name, i) => hostNamed(sim, name, i, 8e9)); // 1 byte/ns
    const network = new Network(sim, hosts, () => ({ ...PLAIN, bitsPerSecond: 4e9 }));
    const there = network.path(hosts[0]!, hosts[1]!);
    const elsewhere = network.path(hosts[0]!, hosts[2]!);
    expect(there.leave(1_000)).toBe(1_000 + 2_000);
    expect(there.leave(1_000)).toBe(1_000 + 4_000);
    expect(elsewhere.leave(1_000)).toBe(3_000 + 2_000); // shares the card, not the path
    const undo = there.degrade({ delay: null, factor: 1, loss: 0, bitsPerSecond: 8e6 });
    expect(there.leave(1_000)).toBe(7_000 + 1_000_000);
    undo();
    expect(there.leave(1_000)).toBe(9_000);
    expect(network.path(hosts[0]!, hosts[0]!).leave(1e9)).toBe(0);
  });
});

/** A service on the second host that doubles after 3 ms. */
function doubling({ sim, hosts }: World) {
  const host = hosts[1]!;
  const group: ProcessGroup = host.newGroup();
  const service: Service<number, number> & { up: boolean } = {
    host,
    group,
    up: true,
    get listening() {
      return this.up;
    },
    handle(request, respond) {
      host.spawn(
        (function* () {
          yield sim.hold(3 * MILLISECOND);
          respond(2 * request);
        })(),
        group,
      );
    },
  };
  return service;
}

/** Calls the service at an instant and says when and how that ended. */
function callAt(
  { sim, network, hosts }: World,
  service: Service<number, number>,
  milliseconds: number,
  patience = 2_000,
) {
  const ended: [number, Reply<number>][] = [];
  sim.spawn(
    (function* () {
      yield sim.holdUntil(milliseconds * MILLISECOND);
      const deadline = sim.now + patience * MILLISECOND;
      const reply = yield* call(network, hosts[0]!, service, 21, deadline);
      ended.push([sim.now / MILLISECOND, reply]);
    })(),
  );
  return ended;
}

const ANSWER = { outcome: 'answered', answer: 42 };
const TIMED_OUT = { outcome: 'timed out' };

describe('a call', () => {
  it('takes a round trip and the service’s time, or a round trip to be refused', () => {
    const here = world(['a', 'b']);
    const service = doubling(here);
    const answered = callAt(here, service, 100);
    const refused = callAt(here, service, 200);
    at(here.sim, 150, () => {
      service.up = false;
    });
    here.sim.run(SECOND);
    expect(answered).toEqual([[100 + 2 * DELAY_MS + 3, ANSWER]]);
    expect(refused).toEqual([[200 + 2 * DELAY_MS, { outcome: 'refused' }]]);
  });

  it('meets a stopped process that answers when it goes on, if that is in time', () => {
    const here = world(['a', 'b']);
    const service = doubling(here);
    at(here.sim, 50, () => here.hosts[1]!.pause(service.group));
    const late = callAt(here, service, 100, 1_000);
    const inTime = callAt(here, service, 100, 2_000);
    at(here.sim, 1_500, () => here.hosts[1]!.resume(service.group));
    here.sim.run(10 * SECOND);
    expect(late).toEqual([[1_100, TIMED_OUT]]);
    expect(inTime).toEqual([[1_500 + 3 + DELAY_MS, ANSWER]]);
  });

  it('a request that meets a closed path is sent again after 1, 3, 7... time-outs', () => {
    const here = world(['a', 'b']);
    const path = here.network.path(here.hosts[0]!, here.hosts[1]!);
    at(here.sim, 50, () => path.close());
    at(here.sim, 400, () => path.reopen());
    const ended = callAt(here, doubling(here), 100);
    here.sim.run(10 * SECOND);
    expect(ended).toEqual([[100 + 3 * RTO_MS + 2 * DELAY_MS + 3, ANSWER]]);
  });

  it('an answer that is dropped on its way comes with its retransmission', () => {
    const here = world(['a', 'b']);
    const back = here.network.path(here.hosts[1]!, here.hosts[0]!);
    at(here.sim, 120, () => back.close()); // the answer has left at 113 ms
    at(here.sim, 121, () => back.reopen());
    const ended = callAt(here, doubling(here), 100);
    here.sim.run(10 * SECOND);
    expect(ended).toEqual([[113 + RTO_MS + DELAY_MS, ANSWER]]);
  });

  it('and one that was given after a cut and its end just comes', () => {
    const here = world(['a', 'b']);
    const back = here.network.path(here.hosts[1]!, here.hosts[0]!);
    at(here.sim, 111, () => back.close());
    at(here.sim, 112, () => back.reopen());
    const ended = callAt(here, doubling(here), 100);
    here.sim.run(10 * SECOND);
    expect(ended).toEqual([[113 + DELAY_MS, ANSWER]]);
  });

  it('a host that loses power does not answer, not even after its boot', () => {
    const here = world(['a', 'b']);
    at(here.sim, 112, () => here.hosts[1]!.powerOff());
    at(here.sim, 300, () => here.hosts[1]!.powerOn());
    const ended = callAt(here, doubling(here), 100);
    here.sim.run(10 * SECOND);
    expect(ended).toEqual([[2_100, TIMED_OUT]]);
  });

  it('each of the two messages is lost with the path’s probability', () => {
    const loss = 0.1;
    const here = world(['a', 'b'], { delay: constant(DELAY), loss });
    const service = doubling(here);
    const calls = Array.from({ length: 4_000 }, (_, i) => callAt(here, service, 100_000 * i, 9e4));
    here.sim.run(4_000 * 100 * SECOND);
    const atOnce = calls.filter((ended, i) => ended[0]![0] === 100_000 * i + 2 * DELAY_MS + 3);
    const expected = 4_000 * (1 - loss) ** 2;
    expect(Math.abs(atOnce.length - expected)).toBeLessThan(4 * Math.sqrt(expected * 0.19));
    expect(calls.filter(([only]) => only![1].outcome !== 'answered')).toEqual([]);
  });
});
