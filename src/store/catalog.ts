/** The tables that are there already, as the database describes them. */
import type { Client } from 'pg'
import { TABLES } from './tables.js'

export interface FoundColumn {
  readonly name: string
  /** As format_type writes it: `numeric(10,4)`. */
  readonly type: string
  /** NOT NULL. */
  readonly required: boolean
  /** A default, or a value of its own making. */
  readonly default: boolean
  /** Refuses a value from outside. */
  readonly generated: boolean
}

export interface FoundTable {
  /** pg_class.relkind: r a table, p a partitioned one, v a view and so on. */
  readonly kind: string
  readonly columns: readonly FoundColumn[]
  /** Columns that are unique together, with no condition. */
  readonly keys: readonly { readonly columns: readonly string[]; readonly primary: boolean }[]
}

export type Catalog = ReadonlyMap<string, FoundTable>

const QUERY = `SELECT c.relname AS name, c.relkind AS kind,
  (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'required', a.attnotnull, 'default', a.atthasdef OR a.attidentity <> '',
      'generated', a.attgenerated <> '' OR a.attidentity = 'a') ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT json_agg(json_build_object('primary', i.indisprimary, 'columns',
      (SELECT json_agg(a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))))
    FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL) AS keys
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`

/** What of jules's tables is in the schema, by name: one query, of which every role may see the answer. */
export async function readCatalog(client: Client, schema: string): Promise<Catalog> {
  const { rows } = await client.query<{
    name: string
    kind: string
    columns: FoundColumn[] | null
    keys: FoundTable['keys'] | null
  }>(QUERY, [schema, TABLES.map(({ name }) => name)])
  return new Map(
    rows.map(({ name, kind, columns, keys }) => [name, { kind, columns: columns ?? [], keys: keys ?? [] }]),
  )
}
