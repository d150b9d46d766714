import { regionNames, regionRoundTrip } from '../../hardware/presets/regions.ts';
import { MICROSECOND, MILLISECOND } from '../../kernel/time.ts';
import { constantLaw, type DurationLaw } from '../law.ts';
import type { Network, NetworkPath, Zone } from '../model.ts';
import { naturalCompare, naturalEntries } from '../natural.ts';
import { nearest } from '../suggest.ts';
import type { Context } from './context.ts';

/**
 * Zones, and round trip, bandwidth and loss between each two. The most specific entry wins: a pair
 * of zones, a zone and a region, a pair of regions, then `same-zone` and `same-region`, then what
 * is known of cloud regions.
 */
export function resolveNetwork(context: Context): Network {
  const zones = resolveZones(context);
  const names = [...zones.keys()];
  for (const kind of ['rtt', 'bandwidth', 'loss'] as const) checkKeys(context, kind, zones);
  const paths = new Map<string, NetworkPath>();
  for (const [i, from] of names.entries())
    for (const to of names.slice(i))
      paths.set(pathKey(from, to), pathBetween(context, zones.get(from)!, zones.get(to)!));
  return { zones, paths };
}

/** The language's defaults, as if they were written in the file. */
const SAME_ZONE = 200 * MICROSECOND;
const SAME_REGION = MILLISECOND;

/** The key of what lies between two zones; their order does not matter. */
export function pathKey(a: string, b: string): string {
  return naturalCompare(a, b) <= 0 ? `${a}~${b}` : `${b}~${a}`;
}

/** What lies between two zones of a network. */
export function pathOf(network: Network, a: string, b: string): NetworkPath {
  return network.paths.get(pathKey(a, b))!;
}

const MOST_ZONES = 200;

function resolveZones(context: Context): Map<string, Zone> {
  const given = naturalEntries(context.file.network?.zones ?? { a: 'us-east-1' });
  if (given.length === 0) context.findings.problem(['network', 'zones'], 'has no zone');
  if (given.length > MOST_ZONES)
    context.findings.problem(['network', 'zones'], `has more than ${MOST_ZONES} zones`);
  return new Map(given.slice(0, MOST_ZONES).map(([name, region]) => [name, { name, region }]));
}

type Kind = 'rtt' | 'bandwidth' | 'loss';

/** Every key is a word of the language or a pair of known names, each pair given once. */
function checkKeys(context: Context, kind: Kind, zones: ReadonlyMap<string, Zone>): void {
  const regions = new Set([...zones.values()].map((zone) => zone.region));
  const known = [...zones.keys(), ...regions];
  const seen = new Set<string>();
  for (const key of Object.keys(context.file.network?.[kind] ?? {})) {
    if (key === 'same-zone' || key === 'same-region') continue;
    const path = ['network', kind, key];
    const sides = key.split('~');
    if (sides.length !== 2) {
      const why = 'is not same-zone, same-region or a pair such as a~b';
      const hint = nearest(key, ['same-zone', 'same-region']);
      context.findings.problem(path, why, { nearest: hint, atKey: true });
      continue;
    }
    checkPair(context, path, sides, known);
    const pair = pathKey(sides[0]!, sides[1]!);
    if (seen.has(pair))
      context.findings.problem(path, 'gives the same pair twice', { atKey: true });
    seen.add(pair);
  }
}

function checkPair(
  context: Context,
  path: string[],
  sides: readonly string[],
  known: readonly string[],
): void {
  for (const side of sides) {
    if (known.includes(side)) continue;
    if (regionNames.includes(side)) {
      context.findings.warning(path, `no zone lies in ${side}`, { atKey: true });
      continue;
    }
    const why = `"${side}" is neither a zone nor the region of one`;
    const hint = nearest(side, known);
    const pair = hint === undefined ? undefined : path.at(-1)!.replace(side, hint);
    context.findings.problem(path, why, { nearest: pair, atKey: true });
  }
}

function pathBetween(context: Context, from: Zone, to: Zone): NetworkPath {
  const network = context.file.network ?? {};
  return {
    zones: [from.name, to.name],
    rtt: lookUp(network.rtt ?? {}, from, to) ?? knownRoundTrip(context, from, to),
    bandwidthBitsPerSecond: lookUp(network.bandwidth ?? {}, from, to) ?? null,
    loss: lookUp(network.loss ?? {}, from, to) ?? 0,
  };
}

function lookUp<T>(given: Readonly<Record<string, T>>, from: Zone, to: Zone): T | undefined {
  if (from.name === to.name) return given[`${from.name}~${to.name}`] ?? given['same-zone'];
  const pairs = [
    [from.name, to.name],
    [from.name, to.region],
    [from.region, to.name],
    [from.region, to.region],
  ] as const;
  for (const [a, b] of pairs) {
    if (Object.hasOwn(given, `${a}~${b}`)) return given[`${a}~${b}`];
    if (Object.hasOwn(given, `${b}~${a}`)) return given[`${b}~${a}`];
  }
  return from.region === to.region ? given['same-region'] : undefined;
}

function knownRoundTrip(context: Context, from: Zone, to: Zone): DurationLaw {
  if (from.name === to.name) return constantLaw(SAME_ZONE);
  if (from.region === to.region) return constantLaw(SAME_REGION);
  const known = regionRoundTrip(from.region, to.region);
  if (known !== null) return known;
  const wrong = regionNames.includes(from.region) ? to : from;
  context.findings.problem(
    ['network', 'zones', wrong.name],
    `no round trip is known between ${from.region} and ${to.region}; ` +
      `give network.rtt "${from.region}~${to.region}"`,
    { nearest: nearest(wrong.region, regionNames) },
  );
  return constantLaw(0);
}
