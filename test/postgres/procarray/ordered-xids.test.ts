import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { HeldXid, OrderedXids } from '../../../src/postgres/procarray/ordered-xids.ts';

/** A sorted array: a stable sort after each entry. */
class NaiveXids {
  items: { held: HeldXid; xid: number }[] = [];

  enter(held: HeldXid, xid: number): void {
    this.items.push({ held, xid });
    this.items.sort((a, b) => a.xid - b.xid);
  }

  remove(held: HeldXid): void {
    this.items = this.items.filter((item) => item.held !== held);
  }
}

function listed(list: OrderedXids): HeldXid[] {
  const found: HeldXid[] = [];
  for (let held = list.first; held !== null; held = held.next) found.push(held);
  return found;
}

describe('ordered xids', () => {
  test('in any order of entering, leaving and replacing: a sorted array', () => {
    const random = new Random('ordered');
    const list = new OrderedXids();
    const naive = new NaiveXids();
    for (let step = 0; step < 5_000; step++) {
      const crowded = naive.items.length > random.integer(0, 20);
      const any = naive.items[random.integer(0, Math.max(0, naive.items.length - 1))];
      if (crowded && random.chance(0.2)) {
        const by = new HeldXid('prepared transaction', step);
        list.replace(any!.held, by);
        any!.held = by;
      } else if (crowded) {
        list.remove(any!.held);
        naive.remove(any!.held);
      } else {
        const held = new HeldXid('backend', step);
        const xid = random.integer(3, 40);
        list.enter(held, xid, step);
        naive.enter(held, xid);
      }
      expect(listed(list)).toEqual(naive.items.map(({ held }) => held));
      expect(list.oldest).toBe(naive.items[0]?.xid ?? Number.POSITIVE_INFINITY);
      expect(list.length).toBe(naive.items.length);
    }
  });
});
