import type { Lsn } from '../../postgres/lsn.ts';
import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import type { Observed, ObservedServer } from '../observed.ts';

function position(name: string, doc: string): MetricDefinition {
  return { name: `servers.<server>.wal.lsn.${name}`, kind: 'number', unit: 'bytes', doc };
}

/** The positions of one server's WAL, as numbers: `X/Y` is X * 2^32 + Y. */
class PositionMeter {
  replayed: Lsn | null = null;
  private readonly server: ObservedServer;
  private first: Lsn;
  private last: Lsn;
  private stepsBack = 0;

  constructor(server: ObservedServer) {
    this.server = server;
    this.first = this.last = server.wal.flushed.value;
  }

  flushed(lsn: Lsn): void {
    if (lsn < this.last) this.stepsBack++;
    this.last = lsn;
  }

  restart(): void {
    this.first = this.last;
    this.stepsBack = 0;
  }

  report(sheet: MetricSheet): void {
    const prefix = `servers.${this.server.name}.wal.lsn.`;
    sheet.put(`${prefix}first`, this.first);
    sheet.put(`${prefix}last`, this.last);
    sheet.put(`${prefix}replayed`, this.replayed);
    sheet.put(`${prefix}steps_back`, this.stepsBack);
  }
}

/** Where in its history each server is: a position is a number of bytes (datatype pg_lsn). */
export const positionFamily: MetricFamily = {
  metrics: [
    position('first', 'Up to where the WAL was on the server’s disk when the warm-up ended.'),
    position('last', 'Up to where it was there at the end.'),
    position('replayed', 'Up to where a standby had replayed it; null if it replayed nothing.'),
    {
      name: 'servers.<server>.wal.lsn.steps_back',
      kind: 'number',
      unit: 'count',
      doc: 'Times that the position on the server’s disk went back: rewinding, another history.',
    },
  ],
  measure: ({ postgres, instances }: Observed) => {
    const meters = instances.map(({ server }) => new PositionMeter(server));
    postgres.flushed.observe((_, server, lsn) => meters[server]!.flushed(lsn));
    postgres.standbyFlushed.observe((_, standby, lsn) => meters[standby]!.flushed(lsn));
    postgres.replayed.observe((_, standby, lsn) => {
      meters[standby]!.replayed = lsn;
    });
    return {
      restart: () => {
        for (const meter of meters) meter.restart();
      },
      report: (sheet) => {
        for (const meter of meters) meter.report(sheet);
      },
    };
  },
};
