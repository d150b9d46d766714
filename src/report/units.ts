import type { Expression } from '../scenario/expression.ts';

/** Numbers as people read them. Metrics are in SI base units; their names say which. */

export type Unit =
  | 'seconds'
  | 'bytes'
  | 'bytes per second'
  | 'per second'
  | 'fraction'
  | 'dollars'
  | 'count';

/** The first rule that a metric's name matches gives its unit; what matches none is a count. */
const UNITS: readonly (readonly [RegExp, Unit])[] = [
  [/\.count$/, 'count'],
  [/(^|\.)throughput\./, 'per second'],
  [/(^|\.)wal\.rate(\.|$)/, 'bytes per second'],
  [/(^|\.|_)bytes(\.|$)/, 'bytes'],
  [/(^|\.)disk\.used(\.|$)/, 'bytes'],
  [/(^|\.)(latency|outage|staleness|connect|duration)(\.|$)/, 'seconds'],
  [/^servers\.[^.]+\.disk\.(read|write|fsync)\./, 'seconds'],
  [/_lag(\.|$)/, 'seconds'],
  [/^failover\.(detection|expiry|race|promotion|routing|reconnect|total)(\.|$)/, 'seconds'],
  [/^pgbouncer\..*\.wait(\.|$)/, 'seconds'],
  [/(^|\.)(utilization|hit_ratio|stale_fraction)(\.|$)/, 'fraction'],
  [/^(.*\.)?availability\./, 'fraction'],
  [/^waits\./, 'fraction'],
  [/^cost\./, 'dollars'],
];

export function unitOf(metric: string): Unit {
  return UNITS.find(([pattern]) => pattern.test(metric))?.[1] ?? 'count';
}

/** The unit of one side of a comparison; a ratio of two metrics and their product have none. */
export function unitOfExpression(expression: Expression): Unit {
  switch (expression.kind) {
    case 'number':
      return 'count';
    case 'metric':
      return unitOf(expression.name);
    case 'negated':
      return unitOfExpression(expression.of);
    case 'arithmetic':
      return unitOfArithmetic(expression);
  }
}

function unitOfArithmetic(expression: Extract<Expression, { kind: 'arithmetic' }>): Unit {
  const left = unitOfExpression(expression.left);
  const right = unitOfExpression(expression.right);
  switch (expression.operator) {
    case '+':
    case '-':
      return left === 'count' ? right : left;
    case '*':
      return isNumber(expression.left) ? right : isNumber(expression.right) ? left : 'count';
    case '/':
      return isNumber(expression.right) ? left : 'count';
  }
}

/** Whether there is no metric in it. */
export function isNumber(expression: Expression): boolean {
  switch (expression.kind) {
    case 'number':
      return true;
    case 'metric':
      return false;
    case 'negated':
      return isNumber(expression.of);
    case 'arithmetic':
      return isNumber(expression.left) && isNumber(expression.right);
  }
}

/** `41.2 ms`, `1,204/s`, `96 %`; a dash where there were no observations. */
export function formatValue(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return '-';
  if (!Number.isFinite(value)) return String(value);
  switch (unit) {
    case 'seconds':
      return formatSeconds(value);
    case 'bytes':
      return formatBytes(value);
    case 'bytes per second':
      return `${formatBytes(value)}/s`;
    case 'per second':
      return `${formatCount(value)}/s`;
    case 'fraction':
      return `${formatNumber(value * 100)} %`;
    case 'dollars':
      return `$${formatCount(value)}`;
    case 'count':
      return formatCount(value);
  }
}

/** Three significant digits, in the largest unit that leaves a whole part. */
export function formatSeconds(seconds: number): string {
  const size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size < 0.9995e-6) return `${formatNumber(seconds * 1e9)} ns`;
  if (size < 0.9995e-3) return `${formatNumber(seconds * 1e6)} µs`;
  if (size < 0.9995) return `${formatNumber(seconds * 1e3)} ms`;
  if (size < 119.5) return `${formatNumber(seconds)} s`;
  const sign = seconds < 0 ? '-' : '';
  const whole = Math.round(size);
  if (whole < 7200) return `${sign}${pair(Math.floor(whole / 60), 'min', whole % 60, 's')}`;
  const minutes = Math.round(size / 60);
  if (minutes < 2880) return `${sign}${pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min')}`;
  return `${sign}${formatNumber(size / 86_400)} days`;
}

/** Bytes in Postgres's units: 1 kB is 1024 bytes. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let index = 0;
  while (Math.abs(value) >= 1023.5 && index < units.length - 1) {
    value /= 1024;
    index++;
  }
  return `${formatNumber(value)} ${units[index]}`;
}

/** `12`, `1,204`, `12.4 M`; with a fraction where it matters. */
export function formatCount(value: number): string {
  if (Math.abs(value) >= 1e10) return `${formatNumber(value / 1e9)} B`;
  if (Math.abs(value) >= 1e7) return `${formatNumber(value / 1e6)} M`;
  return formatNumber(value);
}

/** Three significant digits, all digits of the whole part, thousands apart, no empty decimals. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 0.9995) return String(Number(value.toPrecision(3)));
  const decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  const text = value.toFixed(Number.isInteger(value) ? 0 : decimals);
  const [whole, fraction] = text.split('.');
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction ? `${grouped}.${fraction}` : grouped;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
