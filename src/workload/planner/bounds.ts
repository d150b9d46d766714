/** The bounds of partitions, as the catalog writes them: which keys they have. */
import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { RowKey } from '../../postgres/partitioning/strays.ts';
import { type Moment, parseMoment } from '../calendar.ts';
import { hashRemainder } from './hash-partition.ts';

/** A moment as an instant of the run. */
export function instantOf(text: string, now: Moment | null): Nanoseconds {
  if (text === 'MINVALUE') return Number.NEGATIVE_INFINITY;
  if (text === 'MAXVALUE') return Number.POSITIVE_INFINITY;
  const parsed = parseMoment(text);
  if (now === null || !parsed.ok) return 0;
  const { days, seconds } = parsed.value;
  return ((days - now.days) * 86_400 + seconds - now.seconds) * SECOND;
}

export function rangeTexts(bound: string): readonly [string, string] | null {
  const found = /^FOR VALUES FROM \('?([^',)]+)'?\) TO \('?([^',)]+)'?\)$/.exec(bound);
  return found === null ? null : [found[1]!, found[2]!];
}

/** Whether a partition has a number. */
export function takesNumber(bound: string): (value: number) => boolean {
  const range = rangeTexts(bound);
  if (range !== null) {
    const edge = (text: string, without: number) => (/VALUE$/.test(text) ? without : Number(text));
    const from = edge(range[0], Number.NEGATIVE_INFINITY);
    const to = edge(range[1], Number.POSITIVE_INFINITY);
    return (value) => value >= from && value < to;
  }
  const hash = /modulus (\d+), remainder (\d+)/i.exec(bound);
  if (hash !== null) {
    const [modulus, remainder] = [Number(hash[1]), Number(hash[2])];
    return (value) =>
      Number.isSafeInteger(value) && hashRemainder(BigInt(value), modulus) === remainder;
  }
  const list = listTexts(bound).map(Number);
  return (value) => list.includes(value);
}

export function takesText(bound: string, value: string): boolean {
  const range = rangeTexts(bound);
  if (range === null) return listTexts(bound).includes(value);
  const [from, to, moment] = [...range, value].map((each) => instantOf(each!, EPOCH));
  return parseMoment(value).ok && from! <= moment! && moment! < to!;
}

const EPOCH: Moment = { days: 0, seconds: 0 };

function listTexts(bound: string): string[] {
  const list = /^FOR VALUES IN \((.*)\)$/.exec(bound)?.[1];
  if (list === undefined) return [];
  return list.split(/,\s*/).map((each) => each.replace(/^'|'$/g, '').replaceAll("''", "'"));
}

/** Whether the bounds of a command have a row's key. */
export function takesKey(bound: string, now: Moment | null): (key: RowKey) => boolean {
  const [from = '', to = ''] = rangeTexts(bound) ?? [];
  if (now !== null && (parseMoment(from).ok || parseMoment(to).ok)) {
    const [low, high] = [instantOf(from, now), instantOf(to, now)];
    return (key) => typeof key === 'number' && low <= key && key < high;
  }
  const takes = takesNumber(bound);
  return (key) => (typeof key === 'number' ? takes(key) : key !== null && takesText(bound, key));
}
