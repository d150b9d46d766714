import { describe, expect, test } from 'vitest';
import {
  HeldXid,
  type Isolation,
  NO_XID,
  ProcArray,
  ProcEntry,
} from '../../../src/postgres/procarray/index.ts';

/** A session that does what the test says while a writer commits after each of its deeds. */
function scene(isolation: Isolation = 'read committed', version = 17) {
  const clock = { now: 0 };
  const array = new ProcArray(clock, version);
  const session = new ProcEntry('session');
  const writer = new ProcEntry('writer');
  session.isolation = isolation;
  for (const entry of [session, writer]) array.connect(entry);
  const write = () => {
    clock.now += 1_000;
    array.assignXid(writer);
    array.endTransaction(writer, true);
  };
  const statement = () => {
    array.beginStatement(session);
    array.endStatement(session);
  };
  const isHeld = () => {
    for (let i = 0; i < 10; i++) write();
    return array.oldestNonRemovableXid() < array.nextXid;
  };
  return { clock, array, session, writer, write, statement, isHeld };
}

describe('who holds the horizon (6.1)', () => {
  test('idle in transaction, READ COMMITTED, nothing written, no cursor: no', () => {
    const { statement, isHeld, array } = scene();
    statement();
    expect(isHeld()).toBe(false);
    expect(array.holder()).toBeNull();
  });

  test('the same with an id: yes, at its xid', () => {
    const { array, session, statement, isHeld, clock } = scene();
    clock.now = 77;
    statement();
    const xid = array.assignXid(session);
    expect(isHeld()).toBe(true);
    expect(array.oldestNonRemovableXid()).toBe(xid);
    expect(array.holder()).toMatchObject({ kind: 'backend', name: 'session', since: 77 });
    array.endTransaction(session, false);
    expect(isHeld()).toBe(false);
  });

  test.each(['repeatable read', 'serializable'] as const)(
    '%s after the first statement: yes, at its xmin; before it, no',
    (isolation) => {
      const { array, session, statement, isHeld } = scene(isolation);
      expect(isHeld(), 'after BEGIN only').toBe(false);
      statement();
      const { xmin } = session;
      expect(isHeld()).toBe(true);
      expect(array.oldestNonRemovableXid()).toBe(xmin);
      array.endTransaction(session, true);
      expect(isHeld()).toBe(false);
    },
  );

  test('a running statement: yes', () => {
    const { array, session, isHeld } = scene();
    array.beginStatement(session);
    expect(isHeld()).toBe(true);
    array.endStatement(session);
    expect(isHeld()).toBe(false);
  });

  test('an open cursor: yes, at the oldest one', () => {
    const { array, session, isHeld, write } = scene();
    const declare = () => {
      array.beginStatement(session);
      array.openCursor(session);
      array.endStatement(session);
      return session.snapshot.xmin;
    };
    declare();
    write();
    const second = declare();
    expect(isHeld()).toBe(true);
    array.closeCursor(session, 0);
    expect(array.oldestNonRemovableXid()).toBe(second);
    array.closeCursor(session, 0);
    expect(isHeld()).toBe(false);
  });

  test('a prepared transaction: yes, across restarts', () => {
    const { array, session, isHeld } = scene();
    const xid = array.assignXid(session);
    array.prepare(session, 'gid');
    expect(isHeld()).toBe(true);
    array.restart();
    expect(array.oldestNonRemovableXid()).toBe(xid);
    expect(array.holder()).toMatchObject({ kind: 'prepared transaction', name: 'gid' });
    expect(array.finishPrepared('gid', true)).toBe(true);
    expect(array.finishPrepared('gid', true)).toBe(false);
    expect(array.oldestNonRemovableXid()).toBe(array.nextXid);
  });

  test('a restart rolls back what was running and forgets who was connected', () => {
    const { array, session, writer } = scene();
    const xid = array.assignXid(session);
    array.beginStatement(session);
    array.restart();
    expect(array.connections).toBe(0);
    expect(array.oldestNonRemovableXid()).toBe(array.nextXid);
    array.connect(writer);
    array.beginStatement(writer);
    expect(array.isVisible(xid, writer)).toBe(false);
  });

  test.each(['slot', 'standby feedback'] as const)('%s: yes, in all databases', (kind) => {
    const { array, isHeld } = scene();
    array.connect(new ProcEntry('elsewhere', 1));
    const holder = new HeldXid(kind, 's1');
    array.hold(holder, array.nextXid);
    expect(isHeld()).toBe(true);
    expect(array.oldestNonRemovableXid(1)).toBe(holder.xid);
    expect(array.oldestNonRemovableSharedXid()).toBe(holder.xid);
    array.restart();
    expect(isHeld(), 'a slot is on disk, feedback is not').toBe(kind === 'slot');
    array.hold(holder, NO_XID);
    expect(isHeld()).toBe(false);
  });

  test('a logical slot: catalogs only', () => {
    const { array, isHeld } = scene();
    const slot = new HeldXid('slot', 'logical');
    array.hold(slot, array.nextXid, true);
    expect(isHeld()).toBe(false);
    expect(array.oldestNonRemovableCatalogXid()).toBe(slot.xid);
    expect(array.oldestNonRemovableSharedXid()).toBe(slot.xid);
  });

  test('a physical slot without feedback holds WAL and no horizon', () => {
    const { array, isHeld } = scene();
    array.hold(new HeldXid('slot', 'physical'), NO_XID);
    expect(isHeld()).toBe(false);
  });

  test('a backend that runs lazy VACUUM or decodes: no', () => {
    const { array, session, isHeld } = scene();
    session.ignored = true;
    array.beginStatement(session);
    expect(isHeld()).toBe(false);
  });

  test('backends of other databases hold the shared catalogs, not the tables here', () => {
    const { array, isHeld } = scene();
    const other = new ProcEntry('other', 1);
    array.connect(other);
    array.assignXid(other);
    expect(isHeld()).toBe(false);
    expect(array.oldestNonRemovableSharedXid()).toBe(other.xid);
  });

  test('but a long writer elsewhere holds them through any snapshot here', () => {
    const { array, session, isHeld } = scene();
    const other = new ProcEntry('other', 1);
    array.connect(other);
    array.assignXid(other);
    array.beginStatement(session);
    expect(isHeld()).toBe(true);
    expect(array.oldestNonRemovableXid(0)).toBe(other.xid);
  });
});

describe('snapshots and ids (6.1, 7.1)', () => {
  test('READ COMMITTED sees what committed before each statement', () => {
    const { array, session, statement, write } = scene();
    statement();
    const xid = array.nextXid;
    write();
    statement();
    expect(array.isVisible(xid, session)).toBe(true);
  });

  test.each(['repeatable read', 'serializable'] as const)(
    '%s sees what committed before the first query, not before BEGIN',
    (isolation) => {
      const { array, session, statement, write } = scene(isolation);
      const [first, second] = [array.nextXid, array.nextXid + 1];
      write();
      statement();
      write();
      statement();
      expect(array.isVisible(first, session)).toBe(true);
      expect(array.isVisible(second, session)).toBe(false);
    },
  );

  test('an id is assigned at the first write; a transaction that only reads has none', () => {
    const { array, session, statement } = scene();
    const before = array.nextXid;
    statement();
    array.endTransaction(session, true);
    expect([array.nextXid, session.hasXid]).toEqual([before, false]);
    expect(array.xactCompletionCount).toBe(0);
    expect(array.assignXid(session)).toBe(before);
    expect(array.isVisible(before, session), 'its own').toBe(true);
  });

  test.each([
    [13, true],
    [14, false],
  ])('v%d: a second snapshot with no writer ended between is new: %s', (version, isNew) => {
    const { array, session, writer, write, statement } = scene('read committed', version);
    statement();
    array.assignXid(writer);
    expect(array.beginStatement(session)).toBe(isNew);
    array.endStatement(session);
    array.endTransaction(writer, true);
    expect(array.beginStatement(session)).toBe(true);
    array.endStatement(session);
    write();
    expect(array.beginStatement(session)).toBe(true);
  });
});
