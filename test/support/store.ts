/** A load of four batches, and what to expect of the store after it. */
import { expect, onTestFinished } from 'vitest'
import { barLines, Workdir } from './workdir.js'

export const ROWS = 200_000
export const lines = barLines(ROWS)

/** What is in market_data, as one number that any changed, lost or added row changes. */
export const FINGERPRINT = `SELECT count(*)::int AS n, coalesce(sum(hashtextextended(concat_ws('|', symbol, "interval", "time",
  open, high, low, close, volume, vwap, trades, adjusted, session, source), 0)), 0)::text AS sum FROM market_data`

export const noTrace = (stderr: string): void => expect(stderr).not.toMatch(/\n\s+at |bug/)

/** A HOME of its own, whose database server ends with the test. */
export function ownServer(name: string): Workdir {
  const dir = new Workdir(name)
  onTestFinished(async () => {
    await dir.jules(['-q', 'db', 'stop'])
  })
  return dir
}
