import { toSeconds } from '../../kernel/time.ts';
import type { MetricFamily } from '../family.ts';

/** 730 hours, as cloud providers turn an hourly price into a monthly one. */
const SECONDS_PER_MONTH = 730 * 3600;

/** What the machines cost, and what a transaction does at this load. */
export const costFamily: MetricFamily = {
  metrics: [
    {
      name: 'cost.monthly',
      kind: 'number',
      unit: 'dollars',
      doc: 'All machines, US dollars a month; null if the price of one of them is not known.',
    },
    {
      name: 'cost.per_million_transactions',
      kind: 'number',
      unit: 'dollars',
      doc: 'The same per million transactions, if the run’s throughput lasted for a month (730 h).',
    },
  ],
  measure: (run) => {
    const topic = run.workload.acknowledged;
    let before = topic.count;
    return {
      restart: () => {
        before = topic.count;
      },
      report: (sheet) => {
        const acknowledged = topic.count - before;
        let monthly: number | null = 0;
        for (const price of run.monthlyPrices) {
          monthly = monthly === null || price === null ? null : monthly + price;
        }
        const transactions = (acknowledged / toSeconds(sheet.elapsed)) * SECONDS_PER_MONTH;
        sheet.put('cost.monthly', monthly);
        const known = monthly !== null && acknowledged > 0;
        const each = known ? (monthly! / transactions) * 1e6 : null;
        sheet.put('cost.per_million_transactions', each);
      },
    };
  },
};
