/** The store on PostgreSQL, embedded or not. */
import type { Client } from 'pg'
import { badData, Failure, systemCode } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { type BarBatch, INTERVALS, Names, newBatch } from '../market/bar.js'
import { impossible, isPossible } from '../market/fields.js'
import { BarCasts } from './casts.js'
import { type Catalog, type FoundTable, readCatalog } from './catalog.js'
import { abandon, openSession, type Session, type Target } from './connect.js'
import { RowDecoder } from './copy.js'
import { APART, type Difference, differencesIn, refuseDifferent } from './differences.js'
import { databaseFailure } from './failures.js'
import { ImportProgress } from './import-progress.js'
import { PostgresLoad } from './load.js'
import { migrate, schemaVersion } from './schema.js'
import type { Holding, Load, LoadOptions, Purge, Selection, Store } from './store.js'
import { BARS, MIGRATIONS_TABLE, TABLES } from './tables.js'
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

/** The store in PostgreSQL, over one connection. */
export class PostgresStore implements Store {
  readonly name: string
  readonly embedded: boolean
  readonly #client: Client
  readonly #schema: string

  constructor({ client, name, embedded, schema }: Session) {
    this.#client = client
    this.#schema = schema
    this.name = name
    this.embedded = embedded
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
      const lacking = TABLES.some(({ name }) => !catalog.has(name))
      const migrations = await migrate(this.#client, this.#schema, { lacking })
      const timescale = await timescaleVersion(this.#client)
      const due =
        timescale !== null && (migrations.includes(1) || (convert && !(await isHypertable(this.#client))))
      return { migrations, timescale, steps: due ? await useTimescale(this.#client) : [] }
    })
  }

  /** What the tables that are there have otherwise than jules's own. */
  async differences(): Promise<Difference[]> {
    return this.#doing('looking at the tables', async () =>
      differencesIn(await this.#catalog(), this.#schema),
    )
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
      const table = (await this.#catalog()).get(BARS.name)
      return new PostgresLoad({ client: this.#client, name: this.name, table, options, progress })
    })
  }

  async *bars(selection: Selection, signal: AbortSignal): AsyncGenerator<BarBatch> {
    const found = await this.#barsTable()
    if (found === null) return
    const casts = new BarCasts(found)
    await this.#refuseUnreadable(casts, selection)
    const { to } = (await import('pg-copy-streams')).default
    const batch = newBatch(8192, new Names())
    const decoder = new RowDecoder(batch)
    const stream = this.#client.query(to(`COPY (${selectBars(casts, selection)}) TO STDOUT (FORMAT binary)`))
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        signal.throwIfAborted()
        let full = decoder.push(chunk)
        while (full) {
          yield possible(batch)
          batch.length = 0
          full = decoder.push(Buffer.alloc(0))
        }
      }
    } catch (error) {
      throw databaseFailure(error, this.name)
    }
    if (batch.length > 0) yield possible(batch)
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
      `SELECT symbol, "interval", source, count(*)::float8 AS rows,
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

  /** Looks for values that another system has put there and a bar cannot have: they end the reading before it begins. */
  async #refuseUnreadable(casts: BarCasts, selection: Selection): Promise<void> {
    for (const { column, condition } of casts.unreadable) {
      const { rows } = await this.#doing('looking at the values', () =>
        this.#client.query(
          `SELECT symbol, "interval", "time"::text AS time, "${column}"::text AS value FROM market_data
           WHERE ${where(selection)} AND ${condition} LIMIT 1`,
        ),
      )
      const row: Record<string, unknown> | undefined = rows[0]
      if (row === undefined) continue
      const value = row.value === null ? 'null' : `${row.value}, which no number of 64 bits is`
      throw badData(`market_data.${column} of ${row.symbol} ${row.interval} ${row.time} is ${value}`)
    }
  }

  async #doing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw databaseFailure(error, `${this.name}: ${what}`)
    }
  }
}

/** Milliseconds of the last time that a Date can be. */
const LAST_DATE = 8.64e15

/** The batch, its rows held against the same rules as lines of a file: another system may have put them there. */
function possible(batch: BarBatch): BarBatch {
  for (let i = 0; i < batch.length; i++) {
    const time = batch.time[i]!
    if (isPossible(batch, i) && Number.isInteger(time)) continue
    const { field, words } = isPossible(batch, i)
      ? { field: 'time', words: 'is not of whole milliseconds' }
      : impossible(batch, i)
    const at = field === 'time' || Math.abs(time) > LAST_DATE ? '' : ` ${formatTime(time)}`
    const row = `${batch.names.text(batch.symbol[i]!)} ${INTERVALS[batch.interval[i]!] ?? ''}${at}`
    throw badData(`market_data.${field} of ${row}: ${words}`, {
      hint: 'correct the row in the database, or leave it out with --from and --to',
    })
  }
  return batch
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

function selectBars(casts: BarCasts, selection: Selection): string {
  const order = `array_position(${textArray(selection.symbols ?? FIRST_SYMBOLS)}, symbol::text)`
  return `SELECT ${casts.reading} FROM market_data WHERE ${where(selection)}
    ORDER BY "time", ${order} NULLS LAST, symbol, "interval"`
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
