import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { scenarioJsonSchema, starterScenario } from '../../src/scenario/index.ts';
import { examples, load } from './support.ts';

type Schema = { readonly [key: string]: unknown };

const root = scenarioJsonSchema() as Schema;

/** The keywords of JSON Schema that the generated one uses, in the plainest way. */
function errors(schema: Schema | boolean, value: unknown, at = ''): string[] {
  if (typeof schema === 'boolean') return schema ? [] : [`${at}: not allowed`];
  if (typeof schema['$ref'] === 'string') return errors(definition(schema['$ref']), value, at);
  const forms = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined;
  if (forms !== undefined)
    return forms.some((form) => errors(form, value, at).length === 0) ? [] : [`${at}: no form`];
  if (Array.isArray(schema['allOf']))
    return (schema['allOf'] as Schema[]).flatMap((part) => errors(part, value, at));
  const { enum: words, const: only } = schema as { enum?: unknown[]; const?: unknown };
  if (words !== undefined && !words.includes(value)) return [`${at}: not one of ${words}`];
  if (only !== undefined && only !== value) return [`${at}: not ${only}`];
  const types = [schema['type']].flat() as (string | undefined)[];
  if (!types.some((type) => isOfType(type, value))) return [`${at}: not ${schema['type']}`];
  if (Array.isArray(value)) return itemErrors(schema, value, at);
  return typeof value === 'object' && value !== null
    ? memberErrors(schema, value as Record<string, unknown>, at)
    : [];
}

function definition(reference: string): Schema {
  const steps = reference.replace('#', '').split('/').slice(1);
  return steps.reduce((node, step) => node[step] as Schema, root);
}

function isOfType(type: string | undefined, value: unknown): boolean {
  if (type === undefined) return true;
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object')
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function itemErrors(schema: Schema, value: readonly unknown[], at: string): string[] {
  const items = schema['items'] as Schema | undefined;
  return items === undefined ? [] : value.flatMap((item, i) => errors(items, item, `${at}.${i}`));
}

function memberErrors(schema: Schema, value: Record<string, unknown>, at: string): string[] {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  const patterns = Object.entries((schema['patternProperties'] ?? {}) as Record<string, Schema>);
  const missing = ((schema['required'] ?? []) as string[])
    .filter((key) => value[key] === undefined)
    .map((key) => `${at}.${key}: missing`);
  const wrong = Object.entries(value).flatMap(([key, member]) => {
    if (Object.hasOwn(properties, key)) return errors(properties[key]!, member, `${at}.${key}`);
    const pattern = patterns.find(([expression]) => new RegExp(expression).test(key));
    if (pattern !== undefined) return errors(pattern[1], member, `${at}.${key}`);
    const rest = (schema['additionalProperties'] ?? true) as Schema | boolean;
    return errors(rest, member, `${at}.${key}`);
  });
  return [...missing, ...wrong];
}

describe('the JSON Schema', () => {
  test.each([...examples.keys()])('%s has the structure that it describes', (name) => {
    expect(errors(root, parse(examples.get(name)!))).toEqual([]);
  });

  test.each([
    ['servers.pg1.zoen: x', '{servers: {pg1: {zoen: x}}, workload: {}}'],
    ['no workload', '{servers: {pg1: {}}}'],
    ['an unknown setting', '{servers: {pg1: {}}, workload: {}, postgresql: {shared_bufers: 1}}'],
    ['an unknown fault', '{servers: {pg1: {}}, workload: {}, faults: [{at: 1s, explode: pg1}]}'],
    ['a wrong word', '{servers: {pg1: {}}, workload: {}, fencing: nothing}'],
    ['a list for a map', '{servers: [], workload: {}}'],
  ])('%s has not', (_, text) => {
    expect(errors(root, parse(text))).not.toEqual([]);
  });

  test('every section and every setting of PostgreSQL is in it', () => {
    const sections = Object.keys(root['properties'] as object);
    expect(sections).toEqual(
      expect.arrayContaining(['servers', 'faults', 'sweep_expect', 'claims']),
    );
    expect(JSON.stringify(root)).toContain('"synchronous_standby_names"');
  });
});

describe('the starter scenario', () => {
  test('loads without a warning, under any name', () => {
    for (const name of ['first', 'a b: c', '"', '8']) {
      const { scenario, warnings } = load(starterScenario(name));
      expect(scenario.name).toBe(name);
      expect(warnings).toEqual([]);
    }
  });
});
