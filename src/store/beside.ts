/** What the store knows of a date beside its bars: when they came, and what runs left behind. */
import type { Client } from 'pg'
import { INVENTED_SOURCES } from '../market/bar.js'
import type { JsonObject } from '../stream/json.js'
import type { Catalog } from './catalog.js'

/** When the rows of one symbol came, against when they could. Instants in epoch milliseconds. */
export interface Arrived {
  readonly symbol: string
  readonly rows: number
  readonly medianMs: number
  /** Rows that came before their bar had ended, the first such bar, and the most milliseconds before. */
  readonly early: number
  readonly firstEarlyMs: number | null
  readonly mostEarlyMs: number
}

export interface ArrivalQuery {
  readonly symbols: readonly string[]
  readonly interval: string
  readonly lengthMs: number
  /** Starts of bars, the second excluded. */
  readonly fromMs: number
  readonly toMs: number
}

/**
 * When bars came, by symbol; generated ones are left aside, they are there before their time. None where the table of others does not
 * keep it.
 */
export async function arrivals(
  client: Client,
  catalog: Catalog,
  { symbols, interval, lengthMs, fromMs, toMs }: ArrivalQuery,
): Promise<Arrived[]> {
  const updated = catalog.get('market_data')?.columns.find(({ name }) => name === 'updated_at')
  if (updated?.type !== 'timestamp with time zone') return []
  const { rows } = await client.query(
    `SELECT symbol, count(*)::float8 AS rows,
       extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY updated_at))::float8 * 1000 AS median,
       count(*) FILTER (WHERE ahead > 0)::float8 AS early,
       extract(epoch FROM min("time") FILTER (WHERE ahead > 0))::float8 * 1000 AS first,
       coalesce(max(ahead), 0)::float8 AS most
     FROM (SELECT symbol, "time", updated_at,
             extract(epoch FROM "time")::float8 * 1000 + $3 - extract(epoch FROM updated_at)::float8 * 1000 AS ahead
           FROM market_data
           WHERE symbol = ANY($1) AND "interval" = $2 AND isfinite("time") AND isfinite(updated_at)
             AND "time" >= to_timestamp($4) AND "time" < to_timestamp($5)
             AND (source IS NULL OR NOT source = ANY($6))) AS bars
     GROUP BY symbol ORDER BY symbol`,
    [symbols, interval, lengthMs, fromMs / 1000, toMs / 1000, INVENTED_SOURCES],
  )
  return rows.map((row) => ({
    ...{ symbol: String(row.symbol), rows: Number(row.rows), medianMs: Number(row.median) },
    ...{ early: Number(row.early), mostEarlyMs: Number(row.most) },
    firstEarlyMs: row.first === null ? null : Number(row.first),
  }))
}

const RUN_TABLES = { fill: 'fills', equity: 'equity', state: 'run_states' } as const

/** Records of runs that were marked between two instants, the second excluded: those of each type in the order of time, then summaries. */
export async function runRecords(
  client: Client,
  catalog: Catalog,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<{ readonly type: string; readonly object: JsonObject }[]> {
  const found: { type: string; object: JsonObject }[] = []
  const isThere = (table: string) => catalog.get(table)?.lacking.includes('SELECT') === false
  for (const [type, table] of Object.entries(RUN_TABLES)) {
    if (!isThere(table)) continue
    const { rows } = await client.query(
      `SELECT to_jsonb(t) AS object FROM ${table} AS t
       WHERE "time" >= to_timestamp($1) AND "time" < to_timestamp($2) ORDER BY "time"`,
      [fromMs / 1000, toMs / 1000],
    )
    found.push(...rows.map(({ object }) => ({ type, object })))
  }
  const runs = [...new Set(found.map(({ object }) => object.run))]
  if (runs.length === 0 || !isThere('run_summaries')) return found
  const { rows } = await client.query('SELECT summary FROM run_summaries WHERE run = ANY($1)', [runs])
  return [...found, ...rows.map(({ summary }) => ({ type: 'summary', object: summary }))]
}
