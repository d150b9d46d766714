import { z } from 'zod';
import {
  findSetting,
  POSTGRES_VERSIONS,
  SETTING_FACTS,
  settingNames,
} from '../postgres/settings.ts';
import { postgresql } from './schema/machines.ts';
import { scenarioSchema } from './schema/root.ts';
import { settingDescription } from './schema/values.ts';

/**
 * The language as a JSON Schema (draft 2020-12), for editors: what a file may contain before
 * quantities are read and names are looked up.
 */
export function scenarioJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(scenarioSchema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'ref',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === (postgresql as unknown)) Object.assign(jsonSchema, settingsSchema());
    },
  });
  return { ...schema, title: 'pgherd scenario' };
}

/** The known settings by name; an extension's settings have a dot and are free. */
function settingsSchema(): Record<string, unknown> {
  const newest = POSTGRES_VERSIONS.at(-1)!;
  const names = [...new Set(SETTING_FACTS.map((fact) => fact.name))];
  const properties: Record<string, unknown> = {
    version: { type: 'number', enum: POSTGRES_VERSIONS, description: 'major version' },
  };
  for (const name of names) {
    const fact = POSTGRES_VERSIONS.map((version) => findSetting(name, version)).findLast(
      (found) => found !== undefined,
    );
    if (fact === undefined || fact.internal) continue;
    const gone = settingNames(newest).includes(name) ? '' : `; until version ${fact.until}`;
    properties[name] = { description: `${settingDescription(fact)}${gone}` };
  }
  return {
    properties,
    patternProperties: { '\\.': { description: "an extension's setting" } },
    additionalProperties: false,
  };
}
