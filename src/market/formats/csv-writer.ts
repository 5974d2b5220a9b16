/** Bars as CSV, numbers exactly as JavaScript prints. */
import { type BarBatch, barAt } from '../bar.js'
import { BAR_FIELDS } from '../fields.js'

export const CSV_HEADER = `${BAR_FIELDS.join(',')}\n`

/** Row `i` as a CSV line with its line end. No bar field needs quotes. */
export function csvLine(batch: BarBatch, i: number): string {
  const bar = barAt(batch, i)
  return `${BAR_FIELDS.map((field) => bar[field] ?? '').join(',')}\n`
}
