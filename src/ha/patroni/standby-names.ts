/**
 * The value of synchronous_standby_names as Patroni writes and reads it. Kept: names, `N (...)`,
 * `FIRST N (...)`, `ANY N (...)`, `*`, quoted names. Left out: names with a comma or a quote in
 * them.
 *
 * Source: patroni/postgresql/sync.py: parse_sync_standby_names, set_synchronous_standby_names.
 */
export interface StandbyNames {
  readonly type: 'off' | 'priority' | 'quorum';
  /** How many of the names must confirm a commit. */
  readonly num: number;
  /** Empty also for the strict mode's placeholder, which is nobody's name. */
  readonly names: readonly string[];
  readonly star: boolean;
}

/** A name that no standby has: commits wait until there is a real one. */
export const STRICT_PLACEHOLDER = '__patroni_strict_sync_replica_placeholder__';

/** Reads a value; anything but a list of names is an error of the program. */
export function parseStandbyNames(value: string): StandbyNames {
  const text = value.trim();
  if (text === '') return { type: 'off', num: 0, names: [], star: false };
  const match = /^(?:(any|first)\s+)?(\d+)\s*\((.*)\)$/i.exec(text);
  const type = match?.[1]?.toLowerCase() === 'any' ? 'quorum' : 'priority';
  const list = (match ? match[3]! : text).split(',').map((name) => unquoted(name.trim()));
  const names = list.filter((name) => name !== STRICT_PLACEHOLDER && name !== '*');
  return { type, num: match ? Number(match[2]) : 1, names, star: list.includes('*') };
}

/**
 * Writes a value: sorted by name; empty for no names, unless `num` demands at least one: then the
 * placeholder.
 * @param num null: as many as there are names
 */
export function formatStandbyNames(
  names: readonly string[],
  num: number | null,
  quorum: boolean,
): string {
  const placeholder = names.length === 0 && (num ?? 0) >= 1;
  const list = placeholder ? [STRICT_PLACEHOLDER] : [...names].sort().map(quoted);
  if (list.length === 0) return '';
  if (list.length === 1 && !quorum) return list[0]!;
  return `${quorum ? 'ANY ' : ''}${num ?? list.length} (${list.join(',')})`;
}

function quoted(name: string): string {
  const plain = /^[A-Za-z_][A-Za-z_0-9$]*$/.test(name);
  const keyword = ['first', 'any'].includes(name.toLowerCase());
  return plain && !keyword ? name : `"${name}"`;
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1) : name;
}
