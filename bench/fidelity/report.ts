/** The report: what was measured, what was predicted, and what is known of the difference. */
import { CAUSES } from './causes.ts';
import type { ExperimentResult, Fidelity } from './harness.ts';
import { isWithin, type Row, targetOf, verdicts } from './row.ts';
import { groupBy, median } from './statistics.ts';

const HEAD = `# Fidelity: what was measured and what is predicted

Written by \`npm run fidelity\`. Each experiment of \`bench/fidelity/data\` is set up as a scenario,
run, and compared with what a real PostgreSQL did. The simulator is given the calibration
measurements (C1 to C3: one machine, one client) and nothing of the results: one profile for all
experiments, nothing fitted to any of them. Clients and servers share one host, as they did. One
constant that C1 to C3 do not give, the work of others after which half of what a visit left in a
core's cache is gone (250 us), was chosen with V1's errors in view: V1 is no blind test of it.
Another, what waking a busy core takes of what waking an idle one does (0.28), was measured with
pairs of processes on another machine. Which mechanisms to build, and which of two trials to keep,
was decided with the errors in view; their values come from C1 to C3. What partitions cost was
measured on another server and is scaled by a SELECT (C2b); V10 says what of it was chosen with its
errors in view.

Errors are (predicted - measured) / measured, those of hit ratios plain differences. The noise is
how far repeats of a measurement lie apart, as a share of their mean; points measured once have the
median noise of their experiment's repeated points. A row is within its target also where it is
within twice the noise.
`;

export function reportOf(fidelity: Fidelity, withCauses: boolean): string {
  const parts = [
    HEAD,
    summary(fidelity),
    ...fidelity.results.map((result) => section(result, withCauses)),
    calibrationTable(fidelity),
  ];
  return `${parts.join('\n')}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}

function summary({ results, without }: Fidelity): string {
  const rows = results.flatMap(({ experiment, rows: all, refused }) => {
    const judged = verdicts(all).map((verdict) => {
      const { target, within, rows: of, median: middle, worst, met } = verdict;
      const limits = [
        target.median === null ? [] : [`${percent(target.median)} median`],
        target.worst === null ? [] : [percent(target.worst)],
      ];
      return [
        experiment.name,
        target.name,
        limits.flat().join(', '),
        percent(middle),
        percent(worst),
        `${within} of ${of}`,
        met ? 'met' : '**missed**',
      ];
    });
    const missing = refused.size;
    if (missing === 0) return judged;
    const note = `${missing} points not simulated yet`;
    return [...judged, [experiment.name, note, '', '', '', '', 'open']];
  });
  const head = ['experiment', 'target', 'allowed', 'median', 'worst', 'within', 'verdict'];
  const rest = without.length > 0 ? `\nNo scenarios yet: ${without.join(', ')}.\n` : '';
  return `## Verdicts\n\n${table(head, rows)}${rest}`;
}

function section(result: ExperimentResult, withCauses: boolean): string {
  const { experiment, rows, refused } = result;
  const parts = [`## ${experiment.name}: ${experiment.title}\n`];
  if (experiment.differences.length > 0) {
    const differences = experiment.differences.map((each) => `- ${each}`).join('\n');
    parts.push(`What differs from the measurement:\n\n${differences}\n`);
  }
  const played = rows.filter(({ point }) => !refused.has(point));
  if (played.length > 0) parts.push(pointsTable(played));
  if (refused.size > 0) parts.push(refusals(result));
  if (result.ablations.length > 0) parts.push(ablationTable(result));
  const causes = withCauses
    ? CAUSES.filter((each) => each.experiments.includes(experiment.name))
    : [];
  if (causes.length > 0) {
    parts.push(`Known causes of misses:\n\n${causes.map(({ text }) => `- ${text}`).join('\n')}\n`);
  }
  return parts.join('\n');
}

/** One row a point, one column a metric: measured, predicted, error, noise. */
function pointsTable(rows: readonly Row[]): string {
  const metrics = [...groupBy(rows, ({ metric }) => metric).keys()];
  const points = [...groupBy(rows, ({ point }) => point)].map(([point, own]) => [
    point,
    ...metrics.map((metric) => cell(own.find((row) => row.metric === metric))),
  ]);
  const legend = 'Measured → predicted (error; ± noise); **bold** misses its target.\n';
  return `${legend}\n${table(['point', ...metrics], points)}`;
}

function cell(row: Row | undefined): string {
  if (!row) return '';
  const { measured, predicted, error, noise, metric } = row;
  if (predicted === null) return `${figure(measured)} → not predicted`;
  const difference = targetOf(metric)?.isDifference ?? false;
  const off = error === null ? '' : signed(error, difference);
  const spread = noise === null ? '' : `; ± ${percent(noise)}`;
  const text = `${figure(measured)} → ${figure(predicted)} (${off}${spread})`;
  return isWithin(row) === false ? `**${text}**` : text;
}

function refusals({ refused }: ExperimentResult): string {
  const reasons = groupBy([...refused], ([, why]) => why);
  const lines = [...reasons].map(([why, points]) => `- ${points.length} points: ${why}`);
  return `Not simulated yet:\n\n${lines.join('\n')}\n`;
}

const ABLATED = ['tps', 'p50_ms', 'p99_ms', 'wal_bytes_per_txn', 'lost_commits', 'outage_s'];

/** Medians of the absolute errors, with all mechanisms and without each. */
function ablationTable({ rows, ablations }: ExperimentResult): string {
  const metrics = ABLATED.filter((metric) => rows.some((row) => row.metric === metric));
  const line = (name: string, own: readonly Row[]) => [
    name,
    ...metrics.map((metric) => {
      const errors = own.flatMap((row) =>
        row.metric === metric && row.error !== null ? [Math.abs(row.error)] : [],
      );
      return percent(median(errors));
    }),
  ];
  const all = [line('all mechanisms', rows), ...ablations.map((a) => line(a.name, a.rows))];
  return `Median error without a mechanism:\n\n${table(['', ...metrics], all)}`;
}

function calibrationTable({ calibration }: Fidelity): string {
  const rows = calibration.derived.map(({ name, value, unit, how }) => [
    name,
    `${figure(value)} ${unit}`.trim(),
    how,
  ]);
  return `## What the simulator was given\n\n${table(['value', '', 'from'], rows)}`;
}

function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const size = Math.abs(value);
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(size >= 1 ? 4 : 3);
}

function percent(share: number | null): string {
  if (share === null) return '';
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)}%`;
}

function signed(error: number, difference: boolean): string {
  const sign = error < 0 ? '-' : '+';
  const size = Math.abs(error) * 100;
  return `${sign}${size.toFixed(size < 9.95 ? 1 : 0)}${difference ? ' points' : '%'}`;
}
