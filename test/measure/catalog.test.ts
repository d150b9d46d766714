import { describe, expect, it } from 'vitest';
import { definitionOf, knownMetric, METRICS, metricNames } from '../../src/measure/catalog.ts';
import { Measures } from '../../src/measure/measures.ts';
import { Stage } from './stage.ts';

const SUBJECTS = {
  servers: ['pg1', 'pg2', 'pg3'],
  transactions: ['lookup', 'transfer'],
  clients: ['app', 'batch'],
};

/** A run in which every server has been a standby. */
function report(): ReadonlyMap<string, number | null> {
  const stage = new Stage({ servers: 3 });
  const measures = new Measures(stage.observed);
  stage.at(1).promote(1);
  stage.at(2);
  return measures.finish().metrics;
}

describe('the catalogue', () => {
  it('knows every metric that a run reports', () => {
    const unknown = [...report().keys()].filter((name) => !knownMetric(name, SUBJECTS));
    expect(unknown).toEqual([]);
  });

  it('promises nothing that a run does not report', () => {
    const reported = report();
    const missing = metricNames(SUBJECTS).filter(
      (name) => !name.includes('<') && !reported.has(name),
    );
    expect(missing).toEqual([]);
  });

  it('knows no other names', () => {
    for (const name of [
      'latency',
      'latency.p98',
      'latency.wirte.p99',
      'commits.lost.mean',
      'servers.pg4.cpu.utilization',
      'transactions.lookup.outage.write',
      'errors.5300',
      'waits.IPX.SyncRep',
      'constructor',
      '',
    ]) {
      expect(knownMetric(name, SUBJECTS), name).toBe(false);
    }
    expect(knownMetric('servers.pg4.cpu.utilization')).toBe(true);
    expect(knownMetric('errors.40001')).toBe(true);
    expect(knownMetric('waits.LWLock.ProcArray')).toBe(true);
  });

  it('says what each is, in words that end', () => {
    expect(definitionOf('clients.app.outage.write')?.unit).toBe('seconds');
    expect(definitionOf('servers.pg1.replication.flush_lag.bytes.p99')?.unit).toBe('bytes');
    for (const { name, doc } of METRICS) expect(doc, name).toMatch(/^[A-Z].*\.$/);
  });

  it('defines no metric twice', () => {
    const names = metricNames(SUBJECTS);
    expect(new Set(names).size).toBe(names.length);
  });
});
