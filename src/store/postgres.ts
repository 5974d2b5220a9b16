/** The store on PostgreSQL, embedded or not. */

import type { Client } from 'pg'
import { badData, Failure, systemCode } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { quote } from '../base/words.js'
import { type BarBatch, Names, newBatch } from '../market/bar.js'
import type { Problem } from '../market/problem.js'
import type { OtherRecord } from '../market/reading.js'
import type { JsonObject } from '../stream/json.js'
import { type ArrivalQuery, type Arrived, arrivals, runRecords } from './beside.js'
import { failureOf } from './blocking.js'
import { BarCasts } from './casts.js'
import { type Catalog, type FoundTable, readCatalog } from './catalog.js'
import { abandon, openSession, type Session, type Target } from './connect.js'
import { RowDecoder } from './copy.js'
import { APART, type Difference, differencesIn, refuseDifferent, refuseUngranted } from './differences.js'
import { databaseFailure } from './failures.js'

import { ImportProgress } from './import-progress.js'
import { PostgresLoad } from './load.js'
import { type Reports, replaceReports } from './records.js'
import { migrate, schemaVersion } from './schema.js'
import type { BadRows, Holding, Load, LoadOptions, Purge, Reading, Selection, Store } from './store.js'
import { BARS, identifier, MIGRATIONS_TABLE, RECORD_TABLES, TABLES } from './tables.js'
import {
  createTimescale,
  isHypertable,
  type TimescaleStep,
  timescaleVersion,
  useTimescale,
} from './timescale.js'

/** Symbols come in this order unless another is asked for. */
const FIRST_SYMBOLS = ['NVDA', 'MSFT']

export interface InitReport {
  readonly migrations: number[]
  readonly timescale: string | null
  readonly steps: readonly TimescaleStep[]
}

/** What a server says of itself, and of the tables in the schema. */
export interface StoreFacts {
  readonly version: string
  readonly tls: boolean
  readonly tables: 'there' | 'missing' | 'different'
}

/** A check that found something about a symbol on a date. */
export interface Reported {
  readonly date: string
  readonly symbol: string
  readonly check: string
}

/** What eod-validate has recorded. */
export interface Findings {
  /** So many of a severity on a day; 0 where it was looked at. */
  readonly days: readonly { readonly day: string; readonly severity: string | null; readonly found: number }[]
  /** Quality records, those of the newest day first. */
  readonly newest: readonly JsonObject[]
}

/** The store in PostgreSQL, over one connection. */
export class PostgresStore implements Store {
  readonly name: string
  readonly embedded: boolean
  readonly tls: boolean
  readonly #session: Session
  readonly #client: Client
  readonly #schema: string

  constructor(session: Session) {
    this.#session = session
    this.#client = session.client
    this.#schema = session.schema
    this.name = session.name
    this.embedded = session.embedded
    this.tls = session.tls
  }

  /** Opens a session; nothing is created in the database. */
  static async open(target: Target): Promise<PostgresStore> {
    return new PostgresStore(await openSession(target))
  }

  /**
   * Makes or updates the tables, and a hypertable where TimescaleDB is: of a new table, or with `convert` also of one that
   * holds rows, which takes a while and is not for every load to begin with.
   */
  async init({ convert = false } = {}): Promise<InitReport> {
    return this.#doing('preparing the tables', async () => {
      const catalog = await this.#catalog()
      refuseDifferent(differencesIn(catalog, this.#schema), 'writing', convert ? APART : undefined)
      refuseUngranted(catalog, this.#schema)
      const lacking = TABLES.some(({ name }) => !catalog.has(name))
      const migrations = await migrate(this.#client, this.#schema, { lacking })
      const timescale = await timescaleVersion(this.#client)
      const due =
        timescale !== null && (!catalog.has(BARS.name) || (convert && !(await isHypertable(this.#client))))
      return { migrations, timescale, steps: due ? await useTimescale(this.#client) : [] }
    })
  }

  /** What the tables that are there have otherwise than jules's own. */
  async differences(): Promise<Difference[]> {
    return this.#doing('looking at the tables', async () =>
      differencesIn(await this.#catalog(), this.#schema),
    )
  }

  async facts(): Promise<StoreFacts> {
    return this.#doing('asking about the server', async () => {
      const { rows } = await this.#client.query<{ version: string }>(
        "SELECT current_setting('server_version') AS version",
      )
      const catalog = await this.#catalog()
      const stops = differencesIn(catalog, this.#schema).some((difference) => difference.stops !== 'nothing')
      const tables = stops ? 'different' : TABLES.every(({ name }) => catalog.has(name)) ? 'there' : 'missing'
      return { version: rows[0]!.version.slice(0, 100), tls: this.tls, tables }
    })
  }

  /** What the clock of the server says, in epoch milliseconds. */
  async clock(): Promise<number> {
    return this.#doing('asking the time', async () => {
      const { rows } = await this.#client.query<{ ms: number }>(
        'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
      )
      return rows[0]!.ms
    })
  }

  async load(options: LoadOptions): Promise<Load & { readonly skipped: number }> {
    await this.init()
    return this.#doing('preparing the load', async () => {
      const { importId } = options
      const progress = importId === undefined ? null : await ImportProgress.read(this.#client, importId)
      const catalog = await this.#catalog()
      return new PostgresLoad({ session: this.#session, catalog, options, progress })
    })
  }

  async *bars(
    selection: Selection,
    signal: AbortSignal,
    { groups = [], onBad = refuseBad }: Reading = {},
  ): AsyncGenerator<BarBatch> {
    const found = await this.#barsTable()
    if (found === null) return
    const casts = new BarCasts(found)
    const rows = all([where(selection), ...(await this.#readable(casts, selection, onBad))])
    const { to } = (await import('pg-copy-streams')).default
    const batch = newBatch(8192, new Names())
    const decoder = new RowDecoder(batch, (problem, row) =>
      onBad({ problem, where: `market_data of ${row}`, count: 1 }),
    )
    const sql = `SELECT ${casts.reading} FROM market_data WHERE ${rows} ORDER BY ${orderOf(selection, groups)}`
    const stream = this.#client.query(to(`COPY (${sql}) TO STDOUT (FORMAT binary)`))
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        signal.throwIfAborted()
        let full = decoder.push(chunk)
        while (full) {
          yield batch
          batch.length = 0
          full = decoder.push(Buffer.alloc(0))
        }
      }
      decoder.finish()
    } catch (error) {
      throw await failureOf(error, `${this.name}: reading bars`, this.#session)
    }
    if (batch.length > 0) yield batch
  }

  async holdings(): Promise<Holding[]> {
    return this.#doing('reading what the store holds', async () => {
      if ((await this.#barsTable()) === null) return []
      return this.#count('true')
    })
  }

  async matching(what: Purge): Promise<Holding[]> {
    return this.#doing('counting', async () =>
      (await this.#barsTable()) === null ? [] : this.#count(purged(what)),
    )
  }

  async purge(what: Purge): Promise<number> {
    return this.#doing('purging', async () => {
      const { rowCount } = await this.#client.query(`DELETE FROM market_data WHERE ${purged(what)}`)
      return rowCount ?? 0
    })
  }

  /** When bars came into the store; generated ones are left aside. */
  arrivals(query: ArrivalQuery): Promise<Arrived[]> {
    return this.#doing('asking when bars came', async () =>
      arrivals(this.#client, await this.#catalog(), query),
    )
  }

  /** What runs left behind between two instants, the second excluded. */
  runRecords(span: { readonly fromMs: number; readonly toMs: number }) {
    return this.#doing('reading records of runs', async () =>
      runRecords(this.#client, await this.#catalog(), span),
    )
  }

  /** Puts quality records in the place of all of their dates and rule sets, in one transaction. Makes the tables. */
  async replaceReports(reports: Reports, records: readonly OtherRecord[]): Promise<void> {
    await this.init()
    return this.#doing('recording what was found', async () => {
      const catalog = await this.#catalog()
      await this.#client.query('BEGIN')
      try {
        await replaceReports(this.#client, catalog, { ...reports, records })
        await this.#client.query('COMMIT')
      } catch (error) {
        await this.#client.query('ROLLBACK').catch(() => {})
        throw error
      }
    })
  }

  /** Which checks found something about which symbol on which of the dates; none where nobody has recorded any. */
  async reported({ dates, rulesets }: Reports): Promise<Reported[]> {
    return this.#doing('reading what was found before', async () => {
      const { name } = RECORD_TABLES.quality!
      if (!(await this.#catalog()).has(name)) return []
      const { rows } = await this.#client.query<{ date: string; symbol: string; check: string }>(
        `SELECT DISTINCT to_char(date, 'YYYY-MM-DD') AS date, symbol, "check" FROM ${name}
         WHERE date = ANY ($1::date[]) AND ruleset = ANY ($2::text[]) AND symbol <> ''`,
        [dates, rulesets],
      )
      return rows
    })
  }

  /** What was found on the newest dates, and the newest findings in words; nothing where nobody has recorded any. */
  async findings({ dates, rows }: { readonly dates: number; readonly rows: number }): Promise<Findings> {
    return this.#doing('reading what was found', async () => {
      const table = RECORD_TABLES.quality!
      const catalog = await this.#catalog()
      if (!catalog.has(table.name)) return { days: [], newest: [] }
      refuseDifferent(differencesIn(catalog, this.#schema, [table]), 'reading')
      const days = await this.#client.query<Findings['days'][number]>(
        `SELECT to_char(date, 'YYYY-MM-DD') AS day, severity, (count(*) FILTER (WHERE "check" <> 'run'))::float8 AS found
         FROM ${table.name}
         WHERE date IN (SELECT DISTINCT date FROM ${table.name} WHERE isfinite(date) ORDER BY date DESC LIMIT $1)
         GROUP BY date, severity`,
        [dates],
      )
      const newest = await this.#client.query<JsonObject>(
        `SELECT 'quality' AS type, to_char(date, 'YYYY-MM-DD') AS date, symbol, "check", severity, count, fix
         FROM ${table.name} AS r WHERE isfinite(r.date) AND "check" <> 'run'
         ORDER BY r.date DESC, symbol, "check", "from" LIMIT $1`,
        [rows],
      )
      return { days: days.rows, newest: newest.rows }
    })
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {})
  }

  /** Ends the session without waiting for a statement under way. */
  abort(): void {
    abandon(this.#client)
  }

  #catalog(): Promise<Catalog> {
    return readCatalog(this.#client, this.#schema)
  }

  /** The table of bars, null where there is none; throws where it cannot be read as bars. */
  #barsTable(): Promise<FoundTable | null> {
    return this.#doing('looking at the tables', async () => {
      const catalog = await this.#catalog()
      refuseDifferent(differencesIn(catalog, this.#schema, [BARS, MIGRATIONS_TABLE]), 'reading')
      await schemaVersion(this.#client)
      return catalog.get(BARS.name) ?? null
    })
  }

  async #count(condition: string): Promise<Holding[]> {
    const { rows } = await this.#client.query<Record<string, unknown>>(
      `SELECT left(symbol, 100) AS symbol, left("interval", 100) AS interval, left(source, 100) AS source, count(*)::float8 AS rows,
         extract(epoch FROM min("time"))::float8 * 1000 AS first, extract(epoch FROM max("time"))::float8 * 1000 AS last
       FROM market_data WHERE ${condition}
       GROUP BY symbol, "interval", source ORDER BY symbol, "interval", source`,
    )
    return rows.map((row) => ({
      symbol: String(row.symbol),
      interval: String(row.interval),
      source: row.source === null ? null : String(row.source),
      rows: Number(row.rows),
      firstMs: Number(row.first),
      lastMs: Number(row.last),
    }))
  }

  /**
   * Conditions for the rows whose columns hold what a bar can have: others, which another system has put there, are told before
   * the reading begins.
   */
  async #readable(casts: BarCasts, selection: Selection, onBad: (rows: BadRows) => void): Promise<string[]> {
    const readable: string[] = []
    for (const { column, condition } of casts.unreadable) {
      const { rows } = await this.#doing('looking at the values', () =>
        this.#client.query(
          `SELECT left(symbol, 40) AS symbol, left("interval", 40) AS interval, "time"::text AS time,
             left("${column}"::text, 100) AS value, count(*) OVER ()::float8 AS count
           FROM market_data WHERE ${all([where(selection), ...readable, condition])} LIMIT 1`,
        ),
      )
      const row: Record<string, unknown> | undefined = rows[0]
      if (row === undefined) continue
      const { symbol, interval, time, value } = row
      const problem: Problem =
        value === null
          ? { field: column, rule: 'missing', words: 'is null', value }
          : {
              field: column,
              rule: 'not-a-number',
              words: `is ${value}, which no number of 64 bits is`,
              value,
            }
      const word = (text: unknown) => (/^[\w.-]+$/.test(String(text)) ? text : quote(text))
      const at = `market_data of ${word(symbol)} ${word(interval)} ${time}`
      onBad({ problem, where: at, count: Number(row.count) })
      readable.push(`(${condition}) IS NOT TRUE`)
    }
    return readable
  }

  async #doing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw await failureOf(error, `${this.name}: ${what}`, this.#session)
    }
  }
}

function refuseBad({ problem, where: row }: BadRows): never {
  const named = row.replace('market_data', `market_data.${problem.field}`)
  throw badData(`${named}: ${problem.words}`, {
    hint: 'correct the row in the database, or leave it out with --from and --to',
  })
}

/** CREATE EXTENSION on a session of its own, which the server may end. */
export async function createTimescaleExtension(target: Target): Promise<void> {
  const { client, name } = await openSession(target)
  try {
    await createTimescale(client)
  } catch (error) {
    if (systemCode(error) !== undefined && !(error instanceof Failure)) throw databaseFailure(error, name)
    throw error
  } finally {
    await client.end().catch(() => {})
  }
}

/**
 * The dates of a symbol and interval follow each other in time, so that they come together without being named. Names are
 * ordered by their letters: collations of other systems differ, and some take two names for one.
 */
function orderOf(selection: Selection, groups: Reading['groups'] = []): string {
  const rank = `array_position(${textArray(selection.symbols ?? FIRST_SYMBOLS)}, symbol::text) NULLS LAST`
  const named = (column: string) => `${identifier(column)} COLLATE "C"`
  const first = groups.filter((key) => key !== 'date').map(named)
  return [...first, '"time"', rank, named('symbol'), named('interval')].join(', ')
}

function where({ symbols, intervals, sources, fromMs, toMs }: Selection): string {
  return all([
    symbols === undefined ? null : `symbol = ANY(${textArray(symbols)})`,
    intervals === undefined ? null : `"interval" = ANY(${textArray(intervals)})`,
    sources === undefined ? null : `source = ANY(${textArray(sources)})`,
    fromMs === undefined ? null : `"time" >= ${literal(formatTime(fromMs))}`,
    toMs === undefined ? null : `"time" < ${literal(formatTime(toMs))}`,
  ])
}

/** Never the whole table: a purge names something. */
function purged({ nullSource, ...selection }: Purge): string {
  const { sources, ...others } = selection
  if (Object.values(selection).every((value) => value === undefined) && !nullSource) {
    throw new Error('a purge without a condition')
  }
  if (!nullSource) return where(selection)
  const unknown = sources === undefined ? 'source IS NULL' : `(source IS NULL OR ${where({ sources })})`
  return all([where(others), unknown])
}

const all = (conditions: readonly (string | null)[]): string =>
  conditions.filter((condition) => condition !== null).join(' AND ') || 'true'

/** COPY takes no parameters, so values stand in the text, quoted; standard_conforming_strings is on. */
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const textArray = (list: readonly string[]): string => `ARRAY[${list.map(literal).join(', ')}]::text[]`
