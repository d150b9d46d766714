import { describe, expect, test } from 'vitest';
import {
  type BackendState,
  type HorizonInput,
  type HorizonScope,
  horizonOf,
  type SessionState,
  shownXmin,
} from '../../../src/postgres/heap/horizon.ts';

const TABLE: HorizonScope = { kind: 'table', database: 1 };
const CATALOG: HorizonScope = { kind: 'catalog', database: 1 };
const SHARED: HorizonScope = { kind: 'shared catalog' };
const QUIET: HorizonInput = { afterLastCompleted: 1000, backends: [], prepared: [], slots: [] };
const backend = (state: Partial<BackendState>): BackendState => ({
  ...{ database: 1, xid: null, xmin: null },
  ...state,
});
const session = (state: Partial<SessionState>): SessionState => ({
  ...{ isolation: 'read committed', hasRunStatement: true, isInStatement: false },
  ...{ hasOpenCursor: false, xid: null, snapshotXmin: 500 },
  ...state,
});
const horizonWith = (state: SessionState) =>
  horizonOf({ ...QUIET, backends: [backend({ xid: state.xid, xmin: shownXmin(state) })] }, TABLE);

describe('mechanisms 6.1: which state holds the horizon', () => {
  test.each<[string, Partial<SessionState>, number]>([
    ['idle in transaction, READ COMMITTED, nothing written', {}, 1000],
    ['the same with an xid', { xid: 700 }, 700],
    ['REPEATABLE READ after the first statement', { isolation: 'repeatable read' }, 500],
    ['SERIALIZABLE after the first statement', { isolation: 'serializable' }, 500],
    [
      'REPEATABLE READ after BEGIN alone',
      { isolation: 'repeatable read', hasRunStatement: false, snapshotXmin: null },
      1000,
    ],
    ['an open cursor', { hasOpenCursor: true }, 500],
    ['a running statement', { isInStatement: true }, 500],
  ])('%s', (_, state, expected) => {
    expect(horizonWith(session(state))).toBe(expected);
  });

  test.each<[string, Partial<HorizonInput>, [number, number, number]]>([
    ['nobody', {}, [1000, 1000, 1000]],
    ['a backend here', { backends: [backend({ xmin: 600 })] }, [600, 600, 600]],
    ['one elsewhere', { backends: [backend({ database: 2, xmin: 600 })] }, [1000, 1000, 600]],
    ['VACUUM', { backends: [backend({ xmin: 600, isVacuum: true })] }, [1000, 1000, 1000]],
    [
      'logical decoding',
      { backends: [backend({ xmin: 600, isLogicalDecoding: true })] },
      [1000, 1000, 1000],
    ],
    [
      'feedback without a slot',
      { backends: [backend({ database: 0, xmin: 600, isStandbyFeedback: true })] },
      [600, 600, 600],
    ],
    ['prepared', { prepared: [{ database: 1, xid: 400 }] }, [400, 400, 400]],
    ['prepared elsewhere', { prepared: [{ database: 2, xid: 400 }] }, [1000, 1000, 400]],
    ['feedback in a slot', { slots: [{ xmin: 300, catalogXmin: null }] }, [300, 300, 300]],
    ['a logical slot', { slots: [{ xmin: null, catalogXmin: 300 }] }, [1000, 300, 300]],
    ['a physical slot', { slots: [{ xmin: null, catalogXmin: null }] }, [1000, 1000, 1000]],
    ['vacuum_defer_cleanup_age', { deferCleanupAge: 50 }, [950, 950, 950]],
  ])('%s: tables, catalogs, shared catalogs', (_, input, expected) => {
    const scopes = [TABLE, CATALOG, SHARED];
    expect(scopes.map((scope) => horizonOf({ ...QUIET, ...input }, scope))).toEqual(expected);
  });

  test('the oldest of all counts', () => {
    const backends = [backend({ xid: 900, xmin: 880 }), backend({ xmin: 870 })];
    const slots = [{ xmin: 890, catalogXmin: 860 }];
    expect(horizonOf({ ...QUIET, backends, slots }, TABLE)).toBe(870);
    expect(horizonOf({ ...QUIET, backends, slots }, CATALOG)).toBe(860);
  });
});
