import {
  defaultSettings,
  findSetting,
  MODELLED,
  POSTGRES_VERSIONS,
  type PostgresSettings,
  parseSetting,
  type SettingFact,
  type SettingValue,
  settingNames,
} from '../../postgres/settings.ts';
import { PLAN_CACHE_MODE, PLANNER_SETTINGS } from '../../workload/planner/settings.ts';
import type { Path } from '../problem.ts';
import { nearest } from '../suggest.ts';
import type { Context } from './context.ts';

const FOR_PLANS: ReadonlySet<string> = new Set([...PLANNER_SETTINGS, PLAN_CACHE_MODE]);

type Raw = Readonly<Record<string, string | number | boolean>>;

const NEWEST = POSTGRES_VERSIONS.at(-1)!;

/** The version that a section names; the newest one if it names none. */
export function versionOf(context: Context, path: Path, raw: Raw | undefined): number | undefined {
  const { version: given } = raw ?? {};
  if (given === undefined) return undefined;
  const version = Number(given);
  if (POSTGRES_VERSIONS.includes(version)) return version;
  const why = `is no version that is modelled; ${POSTGRES_VERSIONS[0]} to ${NEWEST} are`;
  context.findings.problem([...path, 'version'], why, {
    nearest: String(version > NEWEST ? NEWEST : POSTGRES_VERSIONS[0]),
  });
  return NEWEST;
}

/** The newest version, which a scenario has by default. */
export const DEFAULT_VERSION = NEWEST;

/**
 * One section of GUCs, read as `postgresql.conf` is. Unknown names are errors, known ones that the
 * model does not use are warnings.
 */
export function readSettings(
  context: Context,
  path: Path,
  raw: Raw | undefined,
  version: number,
): Record<string, SettingValue> {
  const settings: Record<string, SettingValue> = {};
  for (const [name, value] of Object.entries(raw ?? {})) {
    if (name === 'version') continue;
    const fact = factOf(context, [...path, name], name, version);
    if (fact === undefined) continue;
    const parsed = parseSetting(fact, value);
    if (parsed.ok) settings[fact.name] = parsed.value;
    else refuseValue(context, [...path, name], value, parsed);
  }
  return settings;
}

function refuseValue(
  context: Context,
  path: Path,
  value: string | number | boolean,
  parsed: { readonly why: string; readonly candidates?: readonly string[] },
): void {
  const text = String(value);
  const amount = /^\s*[\d.]+/.exec(text)?.[0] ?? '';
  const words = (parsed.candidates ?? []).map((each) => `${amount}${each}`);
  context.findings.problem(path, parsed.why, {
    what: `${path.join('.')} = ${text.length > 40 ? `${text.slice(0, 40)}...` : text}`,
    nearest: nearest(text, words),
  });
}

/** The defaults of a version under the settings of the file, the server's own last. */
export function mergeSettings(
  version: number,
  layers: readonly Readonly<Record<string, SettingValue>>[],
): PostgresSettings {
  return Object.assign({}, defaultSettings(version), ...layers) as PostgresSettings;
}

function factOf(
  context: Context,
  path: Path,
  name: string,
  version: number,
): SettingFact | undefined {
  const fact = findSetting(name, version);
  if (fact === undefined) {
    refuseName(context, path, name, version);
    return undefined;
  }
  if (fact.internal) {
    context.findings.problem(path, 'is reported by the server and cannot be set', { atKey: true });
    return undefined;
  }
  if (!Object.hasOwn(MODELLED, fact.name) && !FOR_PLANS.has(fact.name))
    context.findings.warning(path, 'is known, but nothing in the model uses it yet', {
      atKey: true,
    });
  return fact;
}

function refuseName(context: Context, path: Path, name: string, version: number): void {
  if (name.includes('.')) {
    const why = "is an extension's setting, which nothing in the model uses";
    context.findings.warning(path, why, { atKey: true });
    return;
  }
  const elsewhere = POSTGRES_VERSIONS.filter((each) => findSetting(name, each) !== undefined);
  const why =
    elsewhere.length > 0
      ? `is a setting of PostgreSQL ${elsewhere[0]} to ${elsewhere.at(-1)}, not of ${version}`
      : `is not a setting of PostgreSQL ${version}`;
  context.findings.problem(path, why, {
    nearest: elsewhere.length > 0 ? undefined : nearest(name, settingNames(version)),
    atKey: true,
  });
}
