/** The tables that are there already, as the database describes them. */
import type { Client } from 'pg'
import { Failure } from '../base/errors.js'
import { identifier, MIGRATIONS_TABLE, TABLES } from './tables.js'

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
  /** pg_class.relkind: r a table, p a partitioned one, v a view and so on; T a type of this name. */
  readonly kind: string
  /** A crash of the server empties it. */
  readonly unlogged: boolean
  /** Rules stand for what is written, or go with it. */
  readonly rules: boolean
  /** Triggers see what is written, and may change it or leave it out. */
  readonly triggers: boolean
  /** Policies decide which rows this role sees and writes. */
  readonly rowSecurity: boolean
  /** Tables inherit from it, whose rows are read with its own and which its keys know nothing of. */
  readonly children: boolean
  /** Whose it is, where it is another role's than the one of this session, and what that role may not do with it. */
  readonly owner: string | null
  readonly role: string
  readonly lacking: readonly string[]
  readonly columns: readonly FoundColumn[]
  /** Columns that are unique together, with no condition. */
  readonly keys: readonly {
    readonly columns: readonly string[]
    readonly primary: boolean
    /** Checked at once, as ON CONFLICT needs it. */
    readonly immediate: boolean
  }[]
}

export type Catalog = ReadonlyMap<string, FoundTable>

// Hypertables have a trigger and children of TimescaleDB's own.
const QUERY = `SELECT c.relname AS name, c.relkind AS kind, c.relpersistence = 'u' AS unlogged,
  c.relhasrules AND c.relkind IN ('r', 'p') AS rules, row_security_active(c.oid) AS "rowSecurity",
  EXISTS (SELECT FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_namespace o ON o.oid = f.pronamespace
    WHERE (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_partition_tree(c.oid)))
      AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 20 <> 0
      AND o.nspname NOT LIKE '\\_timescaledb%') AS triggers,
  c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h JOIN pg_class k ON k.oid = h.inhrelid
    JOIN pg_namespace o ON o.oid = k.relnamespace
    WHERE h.inhparent = c.oid AND o.nspname NOT LIKE '\\_timescaledb%') AS children,
  nullif(pg_get_userbyid(c.relowner), current_user) AS owner, current_user AS role,
  (SELECT json_agg(p) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p
    WHERE c.relkind IN ('r', 'p', 'v') AND NOT has_any_column_privilege(c.oid, p)) AS lacking,
  (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'required', a.attnotnull, 'default', a.atthasdef OR a.attidentity <> '',
      'generated', a.attgenerated <> '' OR a.attidentity = 'a') ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT json_agg(json_build_object('primary', i.indisprimary, 'immediate', i.indimmediate, 'columns',
      (SELECT json_agg(a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))))
    FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL) AS keys
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = ANY ($2)
UNION ALL
SELECT t.typname, 'T', false, false, false, false, false, NULL, current_user, NULL, NULL, NULL
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname = $1 AND t.typname = ANY ($2) AND t.typrelid = 0`

/**
 * What of jules's tables is in the schema, by name; every role may see the answer. Throws 77 where the role has no right to use
 * what is in the schema.
 */
export async function readCatalog(client: Client, schema: string): Promise<Catalog> {
  const right = await client.query(
    "SELECT current_user AS role FROM pg_namespace WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')",
    [schema],
  )
  const role: unknown = right.rows[0]?.role
  if (role !== undefined) {
    throw new Failure('denied', `the role ${role} may not use the schema ${schema}`, {
      hint: `as its owner: GRANT USAGE ON SCHEMA ${identifier(schema)} TO ${identifier(String(role))}`,
    })
  }
  const { rows } = await client.query<
    Omit<FoundTable, 'columns' | 'keys' | 'lacking'> & {
      name: string
      lacking: string[] | null
      columns: FoundColumn[] | null
      keys: FoundTable['keys'] | null
    }
  >(QUERY, [schema, [...TABLES, MIGRATIONS_TABLE].map(({ name }) => name)])
  return new Map(
    rows.map(({ name, lacking, columns, keys, ...facts }) => [
      name,
      { ...facts, lacking: lacking ?? [], columns: columns ?? [], keys: keys ?? [] },
    ]),
  )
}
