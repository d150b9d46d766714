import { describe, expect, it } from 'vitest';
import { figuresAsked, figuresFor, KEY_FIGURES, NARROW_FIGURES } from '../../src/report/figures.ts';
import { knownMetric } from '../../src/scenario/index.ts';
import { compared, run } from './fixtures.ts';

const scope = { servers: [], transactions: [], clients: [], pools: [], members: [] };

describe('figures', () => {
  it.each([...KEY_FIGURES, ...NARROW_FIGURES])('$metric is a metric of the language', (figure) => {
    expect(knownMetric(figure.metric, scope)).toEqual({ known: true });
  });

  it('are left out where no run has anything to say', () => {
    const metrics = { 'throughput.tps': 0, 'reads.stale': 0, 'outage.write': null };
    const shown = figuresFor(KEY_FIGURES, [run({ metrics }), run({ metrics })]);
    expect(shown.map(({ metric }) => metric)).toEqual(['throughput.tps']);
  });

  it('include what the scenario itself asks about', () => {
    const asked = run({
      metrics: { 'servers.pg1.wal.bytes': 5, 'waits.IPC.SyncRep': 0.5, 'throughput.tps': 1 },
      observe: [compared('waits.IPC.SyncRep > 0.5', 0.5, 0.5, false)],
      expect: [compared('servers.pg1.wal.bytes / throughput.tps < 9', 5, 9, true)],
    });
    expect(figuresAsked(KEY_FIGURES, [asked, asked]).map(({ metric }) => metric)).toEqual([
      'waits.IPC.SyncRep',
      'servers.pg1.wal.bytes',
    ]);
  });
});
