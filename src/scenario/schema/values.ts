import { z } from 'zod';
import { parseSetting, type SettingFact, type SettingValue } from '../../postgres/settings.ts';
import type { DurationLaw } from '../law.ts';
import {
  type Parsed,
  parseBandwidth,
  parseCount,
  parseDuration,
  parseFraction,
  parseRate,
  parseSize,
  parseThroughput,
} from '../units.ts';

/** The words of the language: quantities, names and sections, from which the schema is built. */

/** What a custom issue tells beside its message; see `issues.ts`. */
export interface IssueHints {
  readonly nearest?: string | undefined;
  readonly candidates?: readonly string[] | undefined;
  /** Characters into the text of the value. */
  readonly offset?: number | undefined;
  readonly atKey?: boolean | undefined;
}

interface Refusing {
  readonly issues: unknown[];
}

/** Refuses a value while it is being transformed. */
export function refuse(
  context: Refusing,
  input: unknown,
  why: string,
  hints: IssueHints = {},
  path: readonly (string | number)[] = [],
): never {
  context.issues.push({ code: 'custom', input, message: why, params: hints, path: [...path] });
  return z.NEVER;
}

const CANDIDATES = '\u0000';

/** A message that carries the names among which a suggestion is looked for. */
export function withCandidates(why: string, names: readonly string[]): string {
  return [why, ...names].join(CANDIDATES);
}

/** Takes such a message apart. */
export function splitCandidates(message: string): { why: string; candidates: readonly string[] } {
  const [why, ...candidates] = message.split(CANDIDATES);
  return { why: why!, candidates };
}

/** A map with fixed names; a name that is not among them is refused with the nearest one. */
export function section<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? withCandidates(`is not a setting of ${what}`, names)
        : issue.input === undefined
          ? 'is missing'
          : `${what} is written as a map of ${someOf(names)}`,
  });
}

function someOf(names: readonly string[]): string {
  return names.length <= 6 ? names.join(', ') : `${names.slice(0, 6).join(', ')}, ...`;
}

/** The name of a component: it becomes part of metric names and paths, so it has no dot. */
export const name = z
  .string()
  .max(63, 'a name has at most 63 characters, as in Postgres')
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_-]*$/, 'a name is made of letters, digits, "_" and "-"');

/** A map from names chosen by the author. */
export function named<T extends z.ZodType>(value: T) {
  return z.record(name, value, {
    error: (issue) =>
      issue.input === undefined ? 'is missing' : 'is written as a map from names to values',
  });
}

/** A value or a list of them; always a list afterwards. */
export function oneOrMore<T extends z.ZodType>(value: T) {
  return z.union([value, z.array(value).min(1)]).transform((given): z.output<T>[] => {
    return Array.isArray(given) ? given : [given as z.output<T>];
  });
}

const scalar = (why: string) => z.union([z.string(), z.number()], { error: why });

/** A number with its unit, read by one of the parsers of `units.ts`. */
function quantity(parse: (raw: string | number) => Parsed<number>, kind: string, example: string) {
  return scalar(`is not ${kind} such as ${example}`)
    .transform((raw, context): number => {
      const parsed = parse(raw);
      if (parsed.ok) return parsed.value;
      return refuse(context, raw, parsed.why, { nearest: parsed.nearest });
    })
    .describe(`${kind}, such as ${example}`);
}

/** Whole nanoseconds. */
export const duration = quantity(parseDuration, 'a duration', '30s');
/** Bytes. */
export const size = quantity(parseSize, 'a size', '8GB');
/** Bits per second. */
export const bandwidth = quantity(parseBandwidth, 'a bandwidth', '10Gbit');
/** Bytes per second. */
export const throughput = quantity(parseThroughput, 'a throughput', '500MB/s');
/** Per second. */
export const rate = quantity(parseRate, 'a rate', '1500/s');
/** A number that need not be whole, with k, M or B. */
export const amount = quantity(parseCount, 'a number', '1.5k');
/** Between 0 and 1. */
export const fraction = quantity(parseFraction, 'a share', '20%');

/** A whole number of things, with k, M or B. */
export function count(least = 0, most = Number.MAX_SAFE_INTEGER) {
  return amount.transform((value, context): number => {
    if (!Number.isInteger(value)) return refuse(context, value, 'must be a whole number');
    if (value < least) return refuse(context, value, `must be at least ${least}`);
    if (value > most) return refuse(context, value, `must be at most ${most}`);
    return value;
  });
}

const shapeOfLaw = z.strictObject(
  {
    median: duration.optional(),
    p99: duration.optional(),
    mean: duration.optional(),
    min: duration.optional(),
    max: duration.optional(),
    samples: z.array(duration).min(1).max(100_000).optional(),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? withCandidates('is no part of a distribution', [
            ...['median', 'p99', 'mean', 'min', 'max', 'samples'],
          ])
        : 'is not a duration such as 1ms or a distribution such as {median: 1ms, p99: 2ms}',
  },
);

/** A duration, or a distribution of durations. */
export const law = z
  .union([duration, shapeOfLaw])
  .transform((given, context): DurationLaw => {
    if (typeof given === 'number') return { kind: 'constant', value: given };
    const found = lawOf(given);
    return typeof found === 'string' ? refuse(context, given, found) : found;
  })
  .describe('a duration, or a distribution: {median, p99}, {mean}, {min, max} or {samples}');

function lawOf(given: z.output<typeof shapeOfLaw>): DurationLaw | string {
  const { median, p99, mean, min, max, samples } = given;
  const parts = Object.values(given).filter((each) => each !== undefined).length;
  if (median !== undefined && p99 !== undefined && parts === 2) {
    if (p99 < median) return 'the p99 lies below the median';
    if (median === 0) return 'the median of a log-normal distribution is above 0';
    return { kind: 'log-normal', median, p99 };
  }
  if (mean !== undefined && parts === 1) return { kind: 'exponential', mean };
  if (min !== undefined && max !== undefined && parts === 2)
    return max < min ? 'the max lies below the min' : { kind: 'uniform', min, max };
  if (samples !== undefined && parts === 1)
    return { kind: 'empirical', samples: [...samples].sort((a, b) => a - b) };
  return 'a distribution is {median, p99}, {mean}, {min, max} or {samples}, and no mixture';
}

/** One of a few words. */
export function word<const Words extends readonly [string, ...string[]]>(...words: Words) {
  return z.enum(words, {
    error: (issue) =>
      issue.input === undefined
        ? 'is missing'
        : withCandidates(`is not one of ${words.join(', ')}`, words),
  });
}

/** Text, in whatever form YAML read it. */
export const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** on or off; YAML 1.2 reads these words as text, and true and false as themselves. */
export const flag = z
  .union([z.boolean(), z.enum(['on', 'off', 'yes', 'no', 'true', 'false'])], {
    error: 'is not on or off',
  })
  .transform((given) => given === true || given === 'on' || given === 'yes' || given === 'true');

/** A setting of a tool, read by the tool's rules. */
export function setting(fact: SettingFact) {
  return z
    .union([z.string(), z.number(), z.boolean()], { error: 'is not a single value' })
    .transform((raw, context): SettingValue => {
      const parsed = parseSetting(fact, raw);
      if (parsed.ok) return parsed.value;
      return refuse(context, raw, parsed.why, { candidates: parsed.candidates });
    })
    .describe(settingDescription(fact));
}

/** A setting in a line: type, words, unit, default. */
export function settingDescription(fact: SettingFact): string {
  const unit = fact.unit === '' ? '' : `, in ${fact.unit}`;
  const values = fact.values.length === 0 ? '' : `: ${fact.values.join(', ')}`;
  const byDefault = fact.default === '' ? '' : `; default ${fact.default}`;
  return `${fact.type}${values}${unit}${byDefault}`;
}

/** The shape of a section that consists of a tool's settings. */
export function settingsShape(
  facts: readonly SettingFact[],
): Record<string, z.ZodOptional<ReturnType<typeof setting>>> {
  return Object.fromEntries(facts.map((fact) => [fact.name, setting(fact).optional()]));
}
