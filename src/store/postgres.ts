/** The store on PostgreSQL, embedded or not. */
import type { Client } from 'pg'
import { Failure, systemCode } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { type BarBatch, Names, newBatch } from '../market/bar.js'
import { databaseFailure, openSession, type Session, type Target } from './connect.js'
import { COPY_COLUMNS, RowDecoder } from './copy.js'
import { ImportProgress } from './import-progress.js'
import { PostgresLoad } from './load.js'
import { migrate, schemaVersion } from './schema.js'
import type { Holding, Load, LoadOptions, Selection, Store } from './store.js'
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

  constructor({ client, name, embedded }: Session) {
    this.#client = client
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
      const migrations = await migrate(this.#client)
      const timescale = await timescaleVersion(this.#client)
      const due =
        timescale !== null && (migrations.includes(1) || (convert && !(await isHypertable(this.#client))))
      return { migrations, timescale, steps: due ? await useTimescale(this.#client) : [] }
    })
  }

  async load(options: LoadOptions): Promise<Load & { readonly skipped: number }> {
    await this.init()
    return this.#doing('preparing the load', async () => {
      const { importId } = options
      const progress = importId === undefined ? null : await ImportProgress.read(this.#client, importId)
      return new PostgresLoad(this.#client, this.name, options, progress)
    })
  }

  async *bars(selection: Selection, signal: AbortSignal): AsyncGenerator<BarBatch> {
    if (!(await this.#hasTables())) return
    const { to } = (await import('pg-copy-streams')).default
    const batch = newBatch(8192, new Names())
    const decoder = new RowDecoder(batch)
    const stream = this.#client.query(to(`COPY (${selectBars(selection)}) TO STDOUT (FORMAT binary)`))
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
    } catch (error) {
      throw databaseFailure(error, this.name)
    }
    if (batch.length > 0) yield batch
  }

  async holdings(): Promise<Holding[]> {
    return this.#doing('reading what the store holds', async () => {
      if (!(await this.#hasTables())) return []
      const { rows } = await this.#client.query(
        `SELECT symbol, "interval", source, count(*)::float8 AS rows,
           extract(epoch FROM min("time"))::float8 * 1000 AS first, extract(epoch FROM max("time"))::float8 * 1000 AS last
         FROM market_data GROUP BY symbol, "interval", source ORDER BY symbol, "interval", source`,
      )
      return rows.map((row: Record<string, unknown>) => ({
        symbol: String(row.symbol),
        interval: String(row.interval),
        source: row.source === null ? null : String(row.source),
        rows: Number(row.rows),
        firstMs: Number(row.first),
        lastMs: Number(row.last),
      }))
    })
  }

  async purge(source: string): Promise<number> {
    return this.#doing('purging', async () => {
      if (!(await this.#hasTables())) return 0
      const { rowCount } = await this.#client.query('DELETE FROM market_data WHERE source = $1', [source])
      return rowCount ?? 0
    })
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {})
  }

  /** Ends the session without waiting for a statement under way. */
  abort(): void {
    // pg has no public way to cut the socket; end() would wait for the running statement.
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } }
    connection.stream.destroy()
  }

  #hasTables(): Promise<boolean> {
    return this.#doing('looking at the tables', async () => (await schemaVersion(this.#client)) > 0)
  }

  async #doing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw databaseFailure(error, `${this.name}: ${what}`)
    }
  }
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

function selectBars({ symbols, intervals, sources, fromMs, toMs }: Selection): string {
  const where = [
    symbols === undefined ? null : `symbol = ANY(${textArray(symbols)})`,
    intervals === undefined ? null : `"interval" = ANY(${textArray(intervals)})`,
    sources === undefined ? null : `source = ANY(${textArray(sources)})`,
    fromMs === undefined ? null : `"time" >= ${literal(formatTime(fromMs))}`,
    toMs === undefined ? null : `"time" < ${literal(formatTime(toMs))}`,
  ].filter((condition) => condition !== null)
  const order = `array_position(${textArray(symbols ?? FIRST_SYMBOLS)}, symbol)`
  return `SELECT ${COPY_COLUMNS.join(', ')} FROM market_data
    ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
    ORDER BY "time", ${order} NULLS LAST, symbol, "interval"`
}

/** COPY takes no parameters, so values stand in the text, quoted; standard_conforming_strings is on. */
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const textArray = (list: readonly string[]): string => `ARRAY[${list.map(literal).join(', ')}]::text[]`
