import { MICROSECOND, MILLISECOND, MINUTE, SECOND } from '../kernel/time.ts';

/**
 * How quantities are written in a scenario outside the tools' own settings: a number and a unit
 * without which it means nothing. Sizes count in powers of 1024, as Postgres's do; bandwidths of
 * networks, in bits, count in powers of 1000.
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string; readonly nearest?: string | undefined };

const HOUR = 60 * MINUTE;
const KIB = 1024;

const TIMES: Units = {
  ns: 1,
  us: MICROSECOND,
  µs: MICROSECOND,
  ms: MILLISECOND,
  s: SECOND,
  min: MINUTE,
  h: HOUR,
  d: 24 * HOUR,
};
const SIZES: Units = {
  B: 1,
  kB: KIB,
  KB: KIB,
  KiB: KIB,
  MB: KIB * KIB,
  MiB: KIB * KIB,
  GB: KIB * KIB * KIB,
  GiB: KIB * KIB * KIB,
  TB: KIB * KIB * KIB * KIB,
  TiB: KIB * KIB * KIB * KIB,
};
const BITS: Units = {
  bit: 1,
  kbit: 1e3,
  Kbit: 1e3,
  Mbit: 1e6,
  Gbit: 1e9,
  Tbit: 1e12,
  'bit/s': 1,
  'kbit/s': 1e3,
  'Mbit/s': 1e6,
  'Gbit/s': 1e9,
};
const COUNTS: Units = { k: 1e3, K: 1e3, M: 1e6, B: 1e9 };

type Units = Readonly<Record<string, number>>;

/** A number at the head of a text, and what stands after it. */
const QUANTITY = /^\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*$/;

interface Quantity {
  readonly amount: number;
  readonly unit: string;
}

function split(raw: string | number): Quantity | undefined {
  if (typeof raw === 'number') return { amount: raw, unit: '' };
  const match = raw.length <= 64 ? QUANTITY.exec(raw) : null;
  if (match === null) return undefined;
  return { amount: Number(match[1]!.replaceAll('_', '')), unit: match[2]! };
}

function parse(raw: string | number, units: Units, kind: string, example: string): Parsed<number> {
  const quantity = split(raw);
  if (quantity === undefined) return { ok: false, why: `is not ${kind} such as ${example}` };
  const { amount, unit } = quantity;
  if (!Number.isFinite(amount)) return { ok: false, why: `is not a finite number` };
  if (amount < 0) return { ok: false, why: `${kind} cannot be negative` };
  if (unit === '' && amount === 0) return { ok: true, value: 0 };
  if (unit === '') return { ok: false, why: `${kind} needs a unit, as in ${example}` };
  if (Object.hasOwn(units, unit)) return { ok: true, value: amount * units[unit]! };
  return {
    ok: false,
    why: `"${unit}" is no unit of ${kind}`,
    nearest: foldedUnit(amount, unit, units),
  };
}

function foldedUnit(amount: number, unit: string, units: Units): string | undefined {
  const names = Object.keys(units);
  const folded = unit.toLowerCase();
  const near = names.find((name) => name.toLowerCase() === folded) ?? LONG_NAMES[folded];
  return near !== undefined && names.includes(near) ? `${amount}${near}` : undefined;
}

const LONG_NAMES: Readonly<Record<string, string>> = {
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  m: 'min',
  mins: 'min',
  minute: 'min',
  minutes: 'min',
  hr: 'h',
  hour: 'h',
  hours: 'h',
  day: 'd',
  days: 'd',
  g: 'GB',
  gb: 'GB',
  mb: 'MB',
  kb: 'kB',
  gbps: 'Gbit',
  mbps: 'Mbit',
  tb: 'TB',
};

/** Longest duration that a clock of whole nanoseconds counts exactly: 104 days. */
const LONGEST = Number.MAX_SAFE_INTEGER;

/** `200ms`, `3min`: whole nanoseconds. */
export function parseDuration(raw: string | number): Parsed<number> {
  const parsed = parse(raw, TIMES, 'a duration', '30s');
  if (!parsed.ok) return parsed;
  if (parsed.value > LONGEST) return { ok: false, why: 'is longer than the 104 days of the clock' };
  return { ok: true, value: Math.round(parsed.value) };
}

/** `8GB`: bytes. */
export function parseSize(raw: string | number): Parsed<number> {
  const parsed = parse(raw, SIZES, 'a size', '8GB');
  if (!parsed.ok) return parsed;
  if (parsed.value > LONGEST) return { ok: false, why: 'is larger than 8 petabytes' };
  return { ok: true, value: Math.round(parsed.value) };
}

/** `10Gbit` or `500MB/s`: bits per second. */
export function parseBandwidth(raw: string | number): Parsed<number> {
  if (typeof raw === 'string' && /B\/s\s*$/.test(raw)) {
    const bytes = parseThroughput(raw);
    return bytes.ok ? { ok: true, value: bytes.value * 8 } : bytes;
  }
  return parse(raw, BITS, 'a bandwidth', '10Gbit');
}

/** `500MB/s`: bytes per second. */
export function parseThroughput(raw: string | number): Parsed<number> {
  const text = String(raw).trim();
  if (!text.endsWith('/s') && text !== '0')
    return {
      ok: false,
      why: 'a throughput is bytes per second, as in 500MB/s',
      ...perSecond(text),
    };
  return parse(text.slice(0, -2), SIZES, 'a throughput', '500MB/s');
}

function perSecond(text: string): { nearest?: string } {
  return /[kKMGT]?i?B$/.test(text) ? { nearest: `${text}/s` } : {};
}

const PER: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86400 };

/** `1500/s`, `2k/s`, `30/min`: per second. */
export function parseRate(raw: string | number): Parsed<number> {
  if (raw === 0 || raw === '0') return { ok: true, value: 0 };
  const text = String(raw);
  const slash = text.lastIndexOf('/');
  const per = PER[text.slice(slash + 1).trim()];
  if (slash < 0 || per === undefined)
    return { ok: false, why: 'a rate needs its unit of time, as in 1500/s', ...rateHint(raw) };
  const count = parseCount(text.slice(0, slash));
  return count.ok ? { ok: true, value: count.value / per } : count;
}

function rateHint(raw: string | number): { nearest?: string } {
  return typeof raw === 'number' && raw > 0 ? { nearest: `${raw}/s` } : {};
}

/** `200M`, `1.5k`, 32: a number of things, not negative. */
export function parseCount(raw: string | number): Parsed<number> {
  const quantity = split(raw);
  if (quantity === undefined) return { ok: false, why: 'is not a number such as 100, 20k or 3M' };
  const { amount, unit } = quantity;
  if (amount < 0) return { ok: false, why: 'a number of things cannot be negative' };
  if (unit !== '' && !Object.hasOwn(COUNTS, unit))
    return { ok: false, why: `"${unit}" is no unit of a count; k, M and B are` };
  const value = unit === '' ? amount : Math.round(amount * COUNTS[unit]! * 1e3) / 1e3;
  if (value > LONGEST) return { ok: false, why: 'is larger than can be counted exactly' };
  return { ok: true, value };
}

/** `50%` or 0.5: a share of one. */
export function parseFraction(raw: string | number): Parsed<number> {
  const quantity = split(raw);
  if (quantity === undefined || (quantity.unit !== '' && quantity.unit !== '%'))
    return { ok: false, why: 'is not a share such as 20% or 0.2' };
  const value = quantity.unit === '%' ? quantity.amount / 100 : quantity.amount;
  if (value >= 0 && value <= 1) return { ok: true, value };
  const percent = value > 1 && value <= 100 ? { nearest: `${value}%` } : {};
  return { ok: false, why: 'a share lies between 0 and 1, or 0% and 100%', ...percent };
}

const LITERALS: Units = { ...inSeconds(TIMES), ...SIZES, ...COUNTS, '%': 0.01, '': 1 };
const LITERAL_RATE = /^([A-Za-z%µ]*)\/(s|min|h)$/;

function inSeconds(units: Units): Units {
  return Object.fromEntries(Object.entries(units).map(([name, size]) => [name, size / SECOND]));
}

/**
 * A unit of a number in an expectation, in SI base units: seconds, bytes, counts, fractions.
 * `B` counts billions there, as in all counts. Undefined for what is no unit.
 */
export function literalUnit(unit: string): number | undefined {
  if (Object.hasOwn(LITERALS, unit)) return LITERALS[unit];
  const rate = LITERAL_RATE.exec(unit);
  if (rate === null || !Object.hasOwn(LITERALS, rate[1]!)) return undefined;
  return LITERALS[rate[1]!]! / PER[rate[2]!]!;
}
