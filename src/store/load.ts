/**
 * Loads bars in batches of about 50,000 rows, one transaction each, with the import's progress in the same transaction: a
 * batch is there whole or not at all, and a second run changes nothing. Rows whose keys are new go straight into the table;
 * where any key may exist they go through a staging table, and only rows that differ are written.
 */
import { once } from 'node:events'
import type { Client } from 'pg'
import { badData, Failure, systemCode } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { named } from '../base/words.js'
import { type BarBatch, INTERVALS, INVENTED_SOURCES } from '../market/bar.js'
import type { OtherRecord } from '../market/reading.js'
import { failureOf } from './blocking.js'
import { BarCasts } from './casts.js'
import type { Catalog } from './catalog.js'
import type { Session } from './connect.js'
import { COPY_COLUMNS, COPY_HEADER, COPY_TRAILER, RowEncoder } from './copy.js'
import type { ImportProgress, Mark } from './import-progress.js'
import { anyWithin, refuseOverlaps, type Span } from './neighbours.js'
import { storeRecords, verifyRecords } from './records.js'
import type { Counts, Load, LoadOptions } from './store.js'
import { BARS } from './tables.js'

const BATCH = 50_000

/** Named with its schema: a table of theirs may have the name. */
const STAGE = 'pg_temp.jules_stage'

const KEY = 'symbol, "interval", "time"'
const COLUMNS = COPY_COLUMNS.join(', ')
const VALUES = COPY_COLUMNS.filter((column) => !KEY.split(', ').includes(column))
const of = (table: string) => VALUES.map((column) => `${table}.${column}`).join(', ')
/** The rows of the table that may have the keys of staged rows `l`, beside them as `m`. */
const THERE = `LEFT JOIN (SELECT * FROM market_data WHERE symbol = ANY($1) AND "interval" = ANY($2)
         AND "time" BETWEEN $3 AND $4) AS m USING (${KEY})`
const INVENTED = INVENTED_SOURCES.map((source) => `'${source}'`).join(', ')

type Written = Omit<Counts, 'verified'>

/** Attempts at a batch while another writer is in its way. */
const ATTEMPTS = 5
const CONFLICTS = ['23505', '40P01', '40001']

/** One batch on its way: rows in COPY form and what is known of their keys. */
class Batch {
  readonly rows = new RowEncoder(BATCH * 160)
  readonly spans = new Map<number, Span>()
  count = 0
  /** No key stands twice. */
  distinct = true
  invented = false
  real = false

  add(batch: BarBatch, from: number, to: number, invented: (source: number) => boolean): void {
    this.rows.append(batch, from, to)
    this.count += to - from
    for (let i = from; i < to; i++) {
      const time = batch.time[i]!
      const key = batch.symbol[i]! * INTERVALS.length + batch.interval[i]!
      const span = this.spans.get(key)
      if (span === undefined) this.#begin(batch, i, key)
      else {
        if (time <= span.previousMs) this.distinct = false
        span.previousMs = time
        if (time < span.firstMs) span.firstMs = time
        if (time > span.lastMs) span.lastMs = time
      }
      if (invented(batch.source[i]!)) this.invented = true
      else this.real = true
    }
  }

  #begin(batch: BarBatch, i: number, key: number): void {
    const time = batch.time[i]!
    this.spans.set(key, {
      symbol: batch.names.text(batch.symbol[i]!) ?? '',
      interval: INTERVALS[batch.interval[i]!]!,
      firstMs: time,
      lastMs: time,
      previousMs: time,
    })
  }

  clear(): void {
    this.rows.clear()
    this.spans.clear()
    this.count = 0
    this.distinct = true
    this.invented = false
    this.real = false
  }
}

interface LoadSetup {
  readonly session: Session
  /** The tables as they are there. */
  readonly catalog: Catalog
  readonly options: LoadOptions
  readonly progress: ImportProgress | null
}

export class PostgresLoad implements Load {
  readonly counts: Counts = { written: 0, unchanged: 0, superseded: 0, verified: 0 }
  readonly #session: Session
  readonly #client: Client
  readonly #catalog: Catalog
  readonly #casts: BarCasts
  /** Rows go through the stage: COPY knows no policies, and what triggers made of a row is looked at. */
  readonly #staged: boolean
  readonly #triggers: boolean
  readonly #options: LoadOptions
  readonly #progress: ImportProgress | null
  #filling = new Batch()
  #spare = new Batch()
  #inFlight: Promise<void> = Promise.resolve()
  #committed = 0
  #inventedIds: boolean[] = []

  constructor({ session, catalog, options, progress }: LoadSetup) {
    const table = catalog.get(BARS.name)
    this.#session = session
    this.#client = session.client
    this.#catalog = catalog
    this.#casts = new BarCasts(table)
    this.#triggers = table?.triggers ?? false
    this.#staged = !this.#casts.none || this.#triggers || (table?.rowSecurity ?? false)
    this.#options = options
    this.#progress = progress
  }

  get committed(): number {
    return this.#committed
  }

  /** Rows of the input that an earlier run of the same import has committed. */
  get skipped(): number {
    return this.#progress?.resumeAt ?? 0
  }

  async bars(batch: BarBatch): Promise<void> {
    let from = this.#progress?.skipBars(batch) ?? 0
    while (from < batch.length) {
      const to = Math.min(batch.length, from + BATCH - this.#filling.count)
      this.#filling.add(batch, from, to, (source) => this.#isInvented(batch, source))
      this.#progress?.hashBars(batch, from, to)
      from = to
      if (this.#filling.count === BATCH) await this.#commit()
    }
  }

  async others(records: readonly OtherRecord[]): Promise<void> {
    const left = this.#progress?.skipOthers(records) ?? records
    if (left.length === 0) return
    await this.#commit()
    await this.#inFlight
    this.#progress?.hashOthers(left)
    const mark = this.#progress?.mark()
    await this.#transaction(async () => {
      const { written, unchanged } = await storeRecords(this.#client, this.#catalog, left)
      await this.#saveProgress(mark)
      return { written, unchanged, superseded: 0 }
    })
    this.#committed += left.length
    if (this.#options.verify)
      this.counts.verified += await this.#doing(() => verifyRecords(this.#client, left))
  }

  async finish(): Promise<void> {
    this.#progress?.checkComplete()
    await this.#commit()
    await this.#inFlight
  }

  async settle(): Promise<void> {
    await this.#inFlight.catch(() => {})
  }

  #isInvented(batch: BarBatch, source: number): boolean {
    this.#inventedIds[source] ??= INVENTED_SOURCES.includes(batch.names.text(source) ?? '')
    return this.#inventedIds[source]
  }

  /** Sends what is gathered while the next rows are read; at most one batch is under way. */
  async #commit(): Promise<void> {
    await this.#inFlight
    const batch = this.#filling
    if (batch.count === 0) return
    this.#filling = this.#spare
    this.#spare = batch
    const mark = this.#progress?.mark()
    const sending = this.#send(batch, mark).then(async () => {
      this.#committed += batch.count
      if (this.#options.verify) await this.#verify(batch)
      batch.clear()
    })
    // The failure is met where the batch is awaited, not as an unhandled rejection before.
    sending.catch(() => {})
    this.#inFlight = sending
  }

  async #send(batch: Batch, mark: Mark | undefined): Promise<void> {
    let staged = !batch.distinct || this.#staged
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#transaction(async () => {
          const direct = !staged && !(await anyWithin(this.#client, [...batch.spans.values()]))
          const counts = direct ? await this.#insert(batch) : await this.#upsert(batch)
          await this.#saveProgress(mark)
          return counts
        })
        return
      } catch (error) {
        const cause = error instanceof Failure ? error.cause : error
        if (attempt >= ATTEMPTS || !CONFLICTS.includes(systemCode(cause) ?? '')) throw error
        // Another writer was quicker with one of these keys: go the way that expects them.
        staged = true
      }
    }
  }

  async #transaction(work: () => Promise<Written>): Promise<void> {
    const { written, unchanged, superseded } = await this.#doing(work)
    this.counts.written += written
    this.counts.unchanged += unchanged
    this.counts.superseded += superseded
  }

  /** In one transaction. */
  async #doing<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#client.query('BEGIN')
      const done = await work()
      await this.#client.query('COMMIT')
      return done
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => {})
      throw await failureOf(error, this.#session.name, this.#session)
    }
  }

  /** After the commit, which has run what waits for one: the rows of the batch stand in the table as they were given. */
  async #verify(batch: Batch): Promise<void> {
    await this.#doing(async () => {
      await this.#stage(batch)
      const { onConflict } = this.#options
      // A row that was there and stays is not the one that was given.
      const differs = onConflict === 'update' ? `OR (${of('m')}) IS DISTINCT FROM (${of('l')})` : ''
      await this.#refuseChanged(`(${latestRows(batch)}) AS l ${THERE}`, {
        who: 'the database',
        differs,
        within: within(batch.spans),
      })
      this.counts.verified += await this.#distinct(batch)
    })
  }

  async #insert(batch: Batch): Promise<Written> {
    await this.#copy('market_data', batch)
    return { written: batch.count, unchanged: 0, superseded: 0 }
  }

  async #stage(batch: Batch): Promise<void> {
    await this.#client.query(
      `CREATE TEMPORARY TABLE IF NOT EXISTS ${STAGE} (
        symbol text, "interval" text, "time" timestamptz, open float8, high float8, low float8, close float8,
        volume float8, vwap float8, trades float8, adjusted text, session text, source text,
        seq bigint GENERATED ALWAYS AS IDENTITY) ON COMMIT DELETE ROWS`,
    )
    await this.#copy(STAGE, batch)
  }

  /** How many keys the rows of the stage have. */
  async #distinct(batch: Batch): Promise<number> {
    if (batch.distinct) return batch.count
    const { rows } = await this.#client.query(
      `SELECT count(*)::float8 AS n FROM (SELECT DISTINCT ${KEY} FROM ${STAGE}) AS k`,
    )
    return Number(rows[0]?.n)
  }

  async #upsert(batch: Batch): Promise<Written> {
    await this.#stage(batch)
    if (!this.#casts.none) await this.#refuseInexact()
    if (batch.invented && !this.#options.allowMock) await this.#refuseInvented(batch)
    const distinct = await this.#distinct(batch)
    const latest = latestRows(batch)
    const { onConflict } = this.#options
    const differs = onConflict === 'update' ? `OR (${of('m')}) IS DISTINCT FROM (${of('l')})` : ''
    const resolution =
      onConflict === 'update'
        ? `DO UPDATE SET ${VALUES.map((column) => `${column} = excluded.${column}`).join(', ')}, updated_at = now()
           WHERE (${of('t')}) IS DISTINCT FROM (${of('excluded')})`
        : 'DO NOTHING'
    const parameters = within(batch.spans)
    // Rows that stand there already are left out before ON CONFLICT, which would lock and so rewrite each of them.
    const { rowCount } = await this.#client.query(
      `INSERT INTO market_data AS t (${COLUMNS})
       SELECT ${this.#casts.writing('l')}
       FROM (${latest}) AS l
       ${THERE}
       WHERE m.symbol IS NULL ${differs}
       ORDER BY ${KEY}
       ON CONFLICT (${KEY}) ${resolution}`,
      parameters,
    )
    if (this.#triggers) {
      const who = 'a trigger of market_data'
      await this.#refuseChanged(`(${latest}) AS l ${THERE}`, { who, differs, within: parameters })
    }
    const written = rowCount ?? 0
    // Without a new row nothing new can overlap.
    if (written > 0) await refuseOverlaps(this.#client, [...batch.spans.values()])
    return { written, unchanged: distinct - written, superseded: batch.count - distinct }
  }

  /** A value that a column of the table would round is refused with its place. */
  async #refuseInexact(): Promise<void> {
    const { rows } = await this.#client.query<{ symbol: string; time: Date; name: string; value: number }>(
      `SELECT s.symbol, s."time", v.name, v.value FROM ${STAGE} s
       CROSS JOIN LATERAL (VALUES ${this.#casts.stored}) AS v (name, value, stored)
       WHERE v.value IS DISTINCT FROM v.stored ORDER BY s.seq LIMIT 1`,
    )
    const row = rows[0]
    if (row === undefined) return
    throw badData(
      `market_data.${row.name} is ${this.#casts.typeOf(row.name)}, which cannot hold ${row.value}: ${row.symbol} ${formatTime(row.time.getTime())}`,
      { hint: `ALTER TABLE market_data ALTER COLUMN ${row.name} TYPE double precision` },
    )
  }

  /** What stands in the table is what was given, or the load ends. */
  async #refuseChanged(
    joined: string,
    { who, differs, within }: { readonly who: string; readonly differs: string; readonly within: unknown[] },
  ): Promise<void> {
    const changes = VALUES.map(
      (name) =>
        `WHEN m.${name} IS DISTINCT FROM l.${name} THEN concat('${name}: ', left(m.${name}::text, 40), ' for ', l.${name})`,
    )
    const { rows } = await this.#client.query<{
      symbol: string
      time: Date
      dropped: boolean
      change: string
    }>(
      `SELECT l.symbol, l."time", m.symbol IS NULL AS dropped, CASE ${changes.join(' ')} END AS change
       FROM ${joined} WHERE m.symbol IS NULL ${differs} ORDER BY ${KEY} LIMIT 1`,
      within,
    )
    const row = rows[0]
    if (row === undefined) return
    const at = `the row ${row.symbol} ${formatTime(row.time.getTime())}`
    throw badData(`${who} ${row.dropped ? `leaves out ${at}` : `changes ${at}: ${row.change}`}`, {
      hint: 'ALTER TABLE market_data DISABLE TRIGGER USER turns triggers off; --schema NAME keeps tables of jules apart',
    })
  }

  /** An invented row never takes the place of a real one, in the table or earlier in the same batch. */
  async #refuseInvented(batch: Batch): Promise<void> {
    const clash = (other: string, condition: string) => `
      SELECT s.symbol, s."interval", s."time", s.source AS new, o.source AS old FROM ${STAGE} s
      JOIN ${other} o USING (${KEY})
      WHERE s.source IN (${INVENTED}) AND (o.source IS NULL OR o.source NOT IN (${INVENTED})) ${condition}
      ORDER BY ${KEY} LIMIT 1`
    const { rows } = await this.#client.query(clash('market_data', ''))
    const inBatch =
      rows.length === 0 && batch.real ? await this.#client.query(clash(STAGE, 'AND o.seq < s.seq')) : null
    const row: unknown = rows[0] ?? inBatch?.rows[0]
    if (!isClash(row)) return
    throw badData(
      `a ${row.new} row would replace a row of source ${row.old === null ? 'unknown' : named(row.old)}: ${row.symbol} ${row.interval} ${formatTime(row.time.getTime())}`,
      { hint: 'use another symbol or database, or pass --allow-mock' },
    )
  }

  async #copy(table: string, batch: Batch): Promise<void> {
    const { from } = (await import('pg-copy-streams')).default
    const stream = this.#client.query(from(`COPY ${table} (${COLUMNS}) FROM STDIN (FORMAT binary)`))
    const done = once(stream, 'finish')
    done.catch(() => {})
    stream.write(COPY_HEADER)
    // The rows are a buffer that will be filled again; it is left alone until the transaction has ended.
    if (!stream.write(batch.rows.bytes)) await Promise.race([once(stream, 'drain'), done])
    stream.end(COPY_TRAILER)
    await done
  }

  async #saveProgress(mark: Mark | undefined): Promise<void> {
    if (mark === undefined) return
    await this.#client.query(
      `INSERT INTO imports (id, rows, digest) VALUES ($1, $2, $3)
       ON CONFLICT (id) DO UPDATE SET rows = excluded.rows, digest = excluded.digest, updated_at = now()`,
      [mark.id, mark.rows, mark.digest],
    )
  }
}

/** Of rows with one key the later one stands. */
const latestRows = ({ distinct }: Batch): string =>
  distinct
    ? `SELECT ${COLUMNS} FROM ${STAGE}`
    : `SELECT DISTINCT ON (${KEY}) ${COLUMNS} FROM ${STAGE} ORDER BY ${KEY}, seq DESC`

/** The parameters of THERE. */
function within(spans: ReadonlyMap<number, Span>): unknown[] {
  const [symbols, intervals, firsts, lasts] = spanColumns(spans)
  return [symbols, intervals, earliest(firsts), latestOf(lasts)]
}

type SpanColumns = [string[], string[], string[], string[]]

function spanColumns(spans: ReadonlyMap<number, Span>): SpanColumns {
  const list = [...spans.values()]
  return [
    list.map(({ symbol }) => symbol),
    list.map(({ interval }) => interval),
    list.map(({ firstMs }) => formatTime(firstMs)),
    list.map(({ lastMs }) => formatTime(lastMs)),
  ]
}

const earliest = (times: readonly string[]): string =>
  times.reduce((a, b) => (Date.parse(a) < Date.parse(b) ? a : b))
const latestOf = (times: readonly string[]): string =>
  times.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b))

interface Clash {
  symbol: string
  interval: string
  time: Date
  new: string
  old: string | null
}

function isClash(row: unknown): row is Clash {
  return (
    typeof row === 'object' && row !== null && 'time' in row && row.time instanceof Date && 'symbol' in row
  )
}
