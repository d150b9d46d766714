import { describe, expect, test } from 'vitest';
import { Mailbox, NEVER, type Process, Random, Simulation } from '../../src/kernel/index.ts';

function* reading(sim: Simulation, mailbox: Mailbox<string>, log: string[]): Process {
  for (;;) {
    const message = mailbox.take();
    if (message === undefined) yield mailbox.receive();
    else log.push(`${sim.now} ${message}`);
  }
}

function world() {
  const sim = new Simulation();
  const log: string[] = [];
  return { sim, log, mailbox: new Mailbox<string>(sim) };
}

describe('mailbox', () => {
  test('hands out in the order of arrival, equal instants in the order of sending', () => {
    const { sim, log, mailbox } = world();
    sim.spawn(reading(sim, mailbox, log));
    sim.run(1);
    mailbox.send('late', 30);
    mailbox.send('early', 10);
    mailbox.send('early too', 10);
    mailbox.send('at once');
    mailbox.send('of the past', 0);
    sim.run(100);
    expect(log).toEqual(['1 of the past', '1 at once', '10 early', '10 early too', '30 late']);
  });

  test('a message that overtakes wakes the reader earlier', () => {
    const { sim, log, mailbox } = world();
    mailbox.send('slow', 50);
    sim.spawn(reading(sim, mailbox, log));
    sim.run(5);
    mailbox.send('fast', 20);
    sim.run(100);
    expect(log).toEqual(['20 fast', '50 slow']);
    expect(sim.steps).toBe(3); // no step in vain
  });

  test('does not hand out what has not arrived', () => {
    const { sim, mailbox } = world();
    mailbox.send('later', 10);
    expect(mailbox.take()).toBeUndefined();
    sim.run(9);
    expect(mailbox.take()).toBeUndefined();
    sim.run(10);
    expect(mailbox.take()).toBe('later');
    expect(mailbox.take()).toBeUndefined();
  });

  test('wakes at the deadline if nothing comes before', () => {
    const { sim, log, mailbox } = world();
    function* reader(): Process {
      for (const deadline of [5, 40, NEVER]) {
        yield mailbox.receive(deadline);
        log.push(`${sim.now} ${mailbox.take() ?? 'nothing'}`);
      }
    }
    sim.spawn(reader());
    mailbox.send('a', 20);
    mailbox.send('b', 60);
    sim.run(100);
    expect(log).toEqual(['5 nothing', '20 a', '60 b']);
  });

  test('withdraws what is on its way, and only that', () => {
    const { sim, log, mailbox } = world();
    for (const [text, at] of [
      ['a1', 1],
      ['b1', 1],
      ['a2', 20],
      ['b2', 20],
      ['a3', 30],
    ] as const) {
      mailbox.send(text, at);
    }
    sim.run(10);
    expect(mailbox.withdraw((message) => message.startsWith('a'))).toEqual(['a2', 'a3']);
    sim.spawn(reading(sim, mailbox, log));
    sim.run(100);
    expect(log).toEqual(['10 a1', '10 b1', '20 b2']);
  });

  test('a reader that died is not woken, and its successor finds the messages', () => {
    const { sim, log, mailbox } = world();
    const reader = sim.spawn(reading(sim, mailbox, log));
    sim.run(5);
    sim.kill(reader);
    mailbox.send('for the heir', 8);
    sim.run(20);
    expect(log).toEqual([]);
    sim.spawn(reading(sim, mailbox, log));
    sim.run(30);
    expect(log).toEqual(['20 for the heir']);
  });

  test('100,000 messages with random delays arrive once, in time and in order', () => {
    const { sim, mailbox } = world();
    const random = new Random('mailbox');
    const received: { at: number; due: number; sequence: number }[] = [];
    const N = 100_000;
    function* sender(): Process {
      for (let sequence = 0; sequence < N; sequence++) {
        const due = sim.now + random.integer(0, 40);
        mailbox.send(`${due} ${sequence}`, due);
        if (random.chance(0.7)) yield sim.hold(random.integer(0, 3));
      }
    }
    function* reader(): Process {
      for (;;) {
        const message = mailbox.take();
        if (message === undefined) {
          yield mailbox.receive();
          continue;
        }
        const [due, sequence] = message.split(' ').map(Number);
        received.push({ at: sim.now, due: due!, sequence: sequence! });
      }
    }
    sim.spawn(reader());
    sim.spawn(sender());
    sim.run(10 * N);
    const inOrder = [...received].sort((a, b) => a.due - b.due || a.sequence - b.sequence);
    expect(received).toHaveLength(N);
    expect(received.every(({ at, due }) => at === due)).toBe(true);
    expect(received.every((message, i) => message === inOrder[i])).toBe(true);
  });

  test('a backlog of 300,000 drains in linear time', () => {
    const { sim, mailbox } = world();
    for (let i = 0; i < 300_000; i++) mailbox.send(String(i));
    let sum = 0;
    for (let message = mailbox.take(); message !== undefined; message = mailbox.take()) {
      sum += Number(message);
    }
    expect(sum).toBe((300_000 * 299_999) / 2);
    expect(sim.steps).toBe(0);
  });
});
