/**
 * Returns as text: numbers one a line, NDJSON of `{"time":...,"return":...}`, a JSON array of either, or CSV with a column
 * `return`. A row without a number is no period and is refused with its place; nothing is left out.
 */
import { badData, Failure } from '../base/errors.js'
import { parseEpoch, parseTime } from '../base/stamp.js'
import { quote } from '../base/words.js'
import { duplicateKey, isObject, isTooDeep, parseObject } from '../stream/json.js'

export interface ReturnRows {
  readonly returns: Float64Array
  /** First and last time as they are written; null where the rows have none. */
  readonly from: string | null
  readonly to: string | null
}

/** A row as it is found, its values not yet looked at. */
interface Row {
  readonly where: string
  readonly value: unknown
  /** Undefined where the row has none. */
  readonly time: unknown
}

/** A second each of three years of sessions; what is worked out of more takes hours. */
const MOST_RETURNS = 1 << 24

/**
 * The returns of a text. `name` stands in messages. Throws 65 with the place of a row that has no finite return of -1 or more, whose
 * time is none or not after that of the row before, or that alone has or lacks a time; 66 where there is no row.
 */
export function parseReturns(text: string, name: string): ReturnRows {
  const start = text
    .trimStart()
    .replace(/^\ufeff/, '')
    .trimStart()
  const rows = start.startsWith('[') ? arrayRows(text, name) : lineRows(text, name)
  const returns: number[] = []
  let first: Row | null = null
  let last: { readonly row: Row; readonly ms: number | null } | null = null
  for (const row of rows) {
    if (returns.length === MOST_RETURNS)
      throw badData(`more than ${MOST_RETURNS} returns`, { where: row.where })
    returns.push(returnOf(row))
    const ms = row.time === undefined ? null : timeOf(row)
    if (last !== null && (last.ms === null) !== (ms === null))
      throw badData(
        ms === null ? 'time: is missing, and the rows before have one' : 'time: the rows before have none',
        {
          where: row.where,
        },
      )
    if (last?.ms != null && ms !== null && ms <= last.ms)
      throw badData(`time: ${quote(row.time)} is not after ${quote(last.row.time)} of the row before`, {
        where: row.where,
      })
    first ??= row
    last = { row, ms }
  }
  if (first === null || last === null) throw new Failure('noInput', 'has no returns', { where: name })
  const [from, to] = [first.time, last.row.time].map((time) => (time === undefined ? null : String(time)))
  return { returns: Float64Array.from(returns), from: from!, to: to! }
}

function returnOf({ where, value }: Row): number {
  if (value === undefined) throw badData('return: is missing', { where })
  if (typeof value !== 'number') throw badData(`return: expected a number, got ${quote(value)}`, { where })
  if (!Number.isFinite(value)) throw badData(`return: expected a finite number, got ${value}`, { where })
  if (value < -1)
    throw badData(`return: expected -1 or more, got ${value}`, {
      where,
      hint: 'returns are fractions: 0.01 is one percent',
    })
  return value
}

function timeOf({ where, time }: Row): number {
  if (typeof time === 'number') {
    const ms = parseEpoch(time)
    if (ms !== null) return ms
    throw badData(`time: expected a time, or an epoch of 1973 to 2099, got ${time}`, { where })
  }
  if (typeof time !== 'string') throw badData(`time: expected a time, got ${quote(time)}`, { where })
  const parsed = parseTime(time, null)
  if ('error' in parsed) throw badData(`time: ${parsed.error}`, { where })
  return parsed.epochMs
}

function arrayRows(text: string, name: string): Row[] {
  if (isTooDeep(text)) throw badData('is nested too deep', { where: name })
  let values: unknown
  try {
    values = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    throw badData('is not a JSON array', { where: name })
  }
  const twice = duplicateKey(text.replace(/^\ufeff/, ''))
  if (twice !== null) throw badData(`key ${quote(twice)} stands twice`, { where: name })
  return (values as unknown[]).map((element, i) => {
    const where = `${name}: element ${i + 1}`
    return isObject(element)
      ? { where, value: element.return, time: element.time }
      : { where, value: element, time: undefined }
  })
}

function* lineRows(text: string, name: string): Generator<Row> {
  let columns: readonly string[] | null = null
  let isFirst = true
  for (const [i, whole] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = whole.trim()
    if (line === '') continue
    const where = `${name}:${i + 1}`
    if (isFirst && /^[^{]*\breturn\b/i.test(line)) columns = headerOf(line, where)
    else if (columns !== null) yield csvRow(line, columns, where)
    else if (line.startsWith('{')) {
      const parsed = parseObject(line)
      if ('error' in parsed) throw badData(parsed.error, { where })
      yield { where, value: parsed.object.return, time: parsed.object.time }
    } else yield { where, value: numberOf(line), time: undefined }
    isFirst = false
  }
}

const cellsOf = (line: string): string[] =>
  line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))

function headerOf(line: string, where: string): string[] {
  const names = cellsOf(line).map((cell) => cell.toLowerCase())
  const named = names.map((name) => (name === 'date' || name === 'timestamp' ? 'time' : name))
  for (const name of ['return', 'time'])
    if (named.indexOf(name) !== named.lastIndexOf(name))
      throw badData(`column ${name} stands twice`, { where })
  if (!named.includes('return')) throw badData('expected a column return', { where })
  return named
}

function csvRow(line: string, columns: readonly string[], where: string): Row {
  const cells = cellsOf(line)
  if (cells.length !== columns.length)
    throw badData(`expected ${columns.length} cells, got ${cells.length}`, { where })
  const at = columns.indexOf('time')
  const time = at === -1 ? undefined : cells[at]!
  // An epoch is a number in CSV too.
  const stamp = time !== undefined && /^\d{10,}$/.test(time) ? Number(time) : time
  return { where, value: numberOf(cells[columns.indexOf('return')]!), time: stamp }
}

/** A decimal number, or the text that is none. */
const numberOf = (text: string): unknown =>
  /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text
