/**
 * Bars on their way into the table against those that stand there: none may begin before the end of another of its symbol and
 * interval. The rows of one input are held against each other where they are read; here are those of other inputs, earlier ones.
 */
import type { Client } from 'pg'
import { badData } from '../base/errors.js'
import { type Interval, intervalMs } from '../market/bar.js'
import { overlaps } from '../market/grid.js'
import { overlapWords } from '../market/series.js'

/** Keys of one symbol and interval in a batch. */
export interface Span {
  readonly symbol: string
  readonly interval: Interval
  firstMs: number
  lastMs: number
  previousMs: number
}

interface Pair {
  readonly symbol: string
  /** Of a span, which was asked about. */
  readonly interval: Interval
  readonly earlier: Date
  readonly later: Date
}

const SPANS = `unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::float8[])
  AS g (symbol, "interval", first, last, ms), LATERAL (SELECT g.ms * interval '1 millisecond' AS length) AS n`
const OF_SPAN = 'm.symbol = g.symbol AND m."interval" = g."interval"'

const parameters = (spans: readonly Span[]) => [
  spans.map(({ symbol }) => symbol),
  spans.map(({ interval }) => interval),
  spans.map(({ firstMs }) => new Date(firstMs)),
  spans.map(({ lastMs }) => new Date(lastMs)),
  spans.map(({ interval }) => intervalMs(interval)),
]

/**
 * Whether the table has any bar within one of the spans. Where it has none, the bars on either side of them are all that the
 * rows could overlap. Throws badData where one does.
 */
export async function anyWithin(client: Client, spans: readonly Span[]): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean } & Pair & { first: Date; last: Date }>(
    `SELECT g.symbol, g."interval", g.first, g.last,
       EXISTS (SELECT FROM market_data m WHERE ${OF_SPAN} AND m."time" BETWEEN g.first AND g.last) AS found,
       (SELECT max(m."time") FROM market_data m
        WHERE ${OF_SPAN} AND m."time" < g.first AND m."time" > g.first - n.length) AS earlier,
       (SELECT min(m."time") FROM market_data m
        WHERE ${OF_SPAN} AND m."time" > g.last AND m."time" < g.last + n.length) AS later
     FROM ${SPANS}`,
    parameters(spans),
  )
  if (rows.some(({ found }) => found)) return true
  for (const { symbol, interval, first, last, earlier, later } of rows) {
    refuse({ symbol, interval, earlier, later: first })
    refuse({ symbol, interval, earlier: last, later })
  }
  return false
}

/** Throws badData where a row of the stage overlaps one of the table, which has the rows of the stage by now. */
export async function refuseOverlaps(client: Client, spans: readonly Span[]): Promise<void> {
  // Of bars in order, one that overlaps any overlaps its neighbour.
  const { rows } = await client.query<Pair>(
    `SELECT g.symbol, g."interval", o.earlier, o.later
     FROM ${SPANS},
     LATERAL (SELECT m."time" AS later, lag(m."time") OVER (ORDER BY m."time") AS earlier FROM market_data m
       WHERE ${OF_SPAN} AND m."time" > g.first - n.length AND m."time" < g.last + n.length) AS o
     WHERE o.later < o.earlier + n.length`,
    parameters(spans),
  )
  const clashes = rows.filter(isOverlap)
  if (clashes.length === 0) return
  // Two bars that stood there before are not the fault of this input.
  const { rows: ours } = await client.query<Pair>(
    `SELECT p.symbol, p."interval", p.earlier, p.later
     FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS p (symbol, "interval", earlier, later)
     WHERE EXISTS (SELECT FROM pg_temp.jules_stage s
       WHERE s.symbol = p.symbol AND s."interval" = p."interval" AND s."time" IN (p.earlier, p.later))
     ORDER BY p.earlier LIMIT 1`,
    [
      clashes.map(({ symbol }) => symbol),
      clashes.map(({ interval }) => interval),
      clashes.map(({ earlier }) => earlier),
      clashes.map(({ later }) => later),
    ],
  )
  if (ours[0] !== undefined) refuse(ours[0])
}

interface Candidate extends Omit<Pair, 'earlier' | 'later'> {
  readonly earlier: Date | null
  readonly later: Date | null
}

function isOverlap({ interval, earlier, later }: Candidate): boolean {
  if (earlier === null || later === null) return false
  return overlaps(earlier.getTime(), later.getTime(), intervalMs(interval))
}

function refuse(pair: Candidate): void {
  const { symbol, interval, earlier, later } = pair
  if (!isOverlap(pair)) return
  const words = overlapWords(symbol, earlier!.getTime(), later!.getTime(), intervalMs(interval))
  throw badData(`${words}; one of them is in the store already`, {
    hint: 'say how long the bars are with --interval, or delete those of the store with jules db purge',
  })
}
