/**
 * What Postgres made of a schema: tables, columns and indexes, as its own catalogs have them. The
 * question is one query; the answer is plain data that is kept with the plans.
 */
import { z } from 'zod';

const column = z.object({
  name: z.string(),
  /** As format_type writes it: `character varying(40)`. */
  type: z.string(),
  /** pg_attribute.attlen: bytes; -1 for values of their own length. */
  length: z.number(),
  /** pg_attribute.attalign: c, s, i, d for 1, 2, 4, 8 bytes. */
  align: z.enum(['c', 's', 'i', 'd']),
  /** pg_attribute.atttypmod. */
  modifier: z.number(),
  notNull: z.boolean(),
  isIdentity: z.boolean(),
  default: z.string().nullable(),
});

const index = z.object({
  name: z.string(),
  unique: z.boolean(),
  primary: z.boolean(),
  /** The access method. */
  method: z.string(),
  /** The path of its first file in the data directory; null in what is kept. */
  file: z.string().nullable(),
  fillfactor: z.number().nullable(),
  /** Columns of the key by their places in the table, from 1; 0 for an expression. */
  columns: z.array(z.number()),
  /** What each column of the index is stored as, those of INCLUDE too. */
  stored: z.array(column.pick({ type: true, length: true, align: true, modifier: true })),
  predicate: z.string().nullable(),
  definition: z.string(),
});

/** pg_constraint.confdeltype: no action, restrict, cascade, set null, set default. */
const action = z.enum(['a', 'r', 'c', 'n', 'd']);

const foreignKey = z.object({
  name: z.string(),
  /** The table that it refers to. */
  table: z.object({ schema: z.string(), name: z.string() }),
  /** Columns by their places, here and there. */
  columns: z.array(z.number()),
  referenced: z.array(z.number()),
  onDelete: action,
  onUpdate: action,
  /** Not NOT VALID. */
  isValid: z.boolean(),
});

const table = z.object({
  schema: z.string(),
  name: z.string(),
  /** pg_class.relkind: r for a table, p for a partitioned one. */
  kind: z.enum(['r', 'p']),
  /** The partitioned table that it is a part of, with its schema. */
  parent: z.object({ schema: z.string(), name: z.string() }).nullable(),
  /** `FOR VALUES FROM (...) TO (...)`. */
  bound: z.string().nullable(),
  /** Of a partitioned table: `RANGE (created)`. */
  partitionKey: z.string().nullable(),
  file: z.string().nullable(),
  fillfactor: z.number().nullable(),
  /** pg_class.reloptions; plans of before do not have it. */
  options: z.record(z.string(), z.string()).nullish(),
  columns: z.array(column),
  indexes: z.array(index),
  /** Its foreign keys, those of the partitioned table included. */
  references: z.array(foreignKey),
  /** Its CHECK constraints that are valid. */
  checks: z.array(z.string()).optional(),
});

export const catalogSchema = z.object({ tables: z.array(table) });

export type Catalog = z.output<typeof catalogSchema>;
export type CatalogTable = Catalog['tables'][number];
export type CatalogColumn = CatalogTable['columns'][number];
export type CatalogForeignKey = z.output<typeof foreignKey>;
export type CatalogIndex = CatalogTable['indexes'][number];

/** What is kept of a catalog: the same for the same schema, whatever ran before it. */
export function withoutFiles({ tables }: Catalog): Catalog {
  return {
    tables: tables.map((one) => {
      const indexes = one.indexes.map((each) => ({ ...each, file: null }));
      return { ...one, file: null, indexes };
    }),
  };
}

/** A table's name as a scenario writes it: with its schema unless that is `public`. */
export function tableName({ schema, name }: Pick<CatalogTable, 'schema' | 'name'>): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}

const FILLFACTOR = `(SELECT option_value::int FROM pg_options_to_table(c.reloptions)
     WHERE option_name = 'fillfactor')`;

const OPTIONS = `(SELECT json_object_agg(option_name, option_value)
    FROM pg_options_to_table(c.reloptions))`;

const STORAGE = `'type', format_type(a.atttypid, a.atttypmod), 'length', a.attlen,
      'align', a.attalign, 'modifier', a.atttypmod`;

const COLUMNS = `(SELECT coalesce(json_agg(json_build_object('name', a.attname, ${STORAGE},
      'notNull', a.attnotnull, 'isIdentity', a.attidentity <> '',
      'default', pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum), '[]')
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`;

const STORED = `(SELECT json_agg(json_build_object(${STORAGE}) ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid)`;

/** Columns by their place among those that are there: a dropped one has a number and no place. */
const KEY = `(SELECT json_agg((SELECT count(*) FROM pg_attribute p WHERE p.attrelid = i.indrelid
      AND p.attnum BETWEEN 1 AND k.number AND NOT p.attisdropped) ORDER BY k.place)
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place)
    WHERE k.place <= i.indnkeyatts)`;

/** The primary key comes first, other unique indexes before the rest. */
const INDEXES = `(SELECT coalesce(json_agg(json_build_object('name', c.relname,
      'unique', i.indisunique, 'primary', i.indisprimary, 'method', m.amname,
      'file', pg_relation_filepath(c.oid), 'fillfactor', ${FILLFACTOR},
      'columns', ${KEY}, 'stored', ${STORED},
      'predicate', pg_get_expr(i.indpred, i.indrelid),
      'definition', pg_get_indexdef(i.indexrelid))
      ORDER BY NOT i.indisprimary, NOT i.indisunique, c.oid), '[]')
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
    WHERE i.indrelid = t.oid)`;

function places(relation: string, numbers: string): string {
  return `(SELECT json_agg((SELECT count(*) FROM pg_attribute p WHERE p.attrelid = ${relation}
      AND p.attnum BETWEEN 1 AND k.number AND NOT p.attisdropped) ORDER BY k.place)
    FROM unnest(${numbers}) WITH ORDINALITY k (number, place))`;
}

/** Without those that it has for each partition of the table that it refers to. */
const REFERENCES = `(SELECT coalesce(json_agg(json_build_object('name', f.conname,
      'table', (SELECT json_build_object('schema', fn.nspname, 'name', fc.relname)
        FROM pg_class fc JOIN pg_namespace fn ON fn.oid = fc.relnamespace
        WHERE fc.oid = f.confrelid),
      'columns', ${places('f.conrelid', 'f.conkey')},
      'referenced', ${places('f.confrelid', 'f.confkey')},
      'onDelete', f.confdeltype, 'onUpdate', f.confupdtype, 'isValid', f.convalidated)
      ORDER BY f.conname), '[]')
    FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f'
      AND NOT EXISTS (SELECT FROM pg_constraint u
        WHERE u.oid = f.conparentid AND u.conrelid = f.conrelid))`;

const CHECKS = `(SELECT coalesce(json_agg(pg_get_constraintdef(k.oid) ORDER BY k.oid), '[]')
    FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated)`;

const PARENT = `(SELECT json_build_object('schema', pn.nspname, 'name', p.relname)
    FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
    JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE h.inhrelid = c.oid AND c.relispartition)`;

/** Asks for the catalog: one row with one column, tables in the order in which they were made. */
export const CATALOG_QUERY = `SELECT json_build_object('tables', coalesce(json_agg(
    json_build_object('schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
      'parent', ${PARENT}, 'bound', pg_get_expr(c.relpartbound, c.oid),
      'partitionKey', pg_get_partkeydef(c.oid),
      'file', pg_relation_filepath(c.oid), 'fillfactor', ${FILLFACTOR},
      'options', ${OPTIONS}, 'columns', ${COLUMNS},
      'indexes', (SELECT ${INDEXES} FROM (SELECT c.oid) t),
      'references', ${REFERENCES}, 'checks', ${CHECKS})
    ORDER BY c.oid), '[]')) AS catalog
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;
