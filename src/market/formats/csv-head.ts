/**
 * What stands before the rows of a CSV file: blank lines, comments, Excel's `sep=` line, and the header, which may have three
 * lines or be absent. From it the one delimiter of the file and the place of every field.
 */
import { parse } from 'csv-parse/sync'
import { badData } from '../../base/errors.js'
import { type DateOrder, zoneOf } from '../../base/stamp.js'
import type { Zone } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { absentFields, mappedField, type Place, placesOf } from '../columns.js'
import { fieldOf, LONGEST_VALUE } from '../fields.js'
import { BadRecord } from '../problem.js'
import { BATCH_ROWS, type Reading, webPage } from '../reading.js'
import { type Vendor, vendorOfHeader, vendors, vendorsOfLine } from '../vendors.js'

type Held = Exclude<Place, undefined>

/** The columns of one symbol. */
export interface Group {
  /** Of a table that is as wide as its symbols; undefined where the rows say it. */
  readonly symbol: string | undefined
  /** Which column holds what. */
  readonly columns: ReadonlyMap<Held, number>
}

export interface Table {
  readonly delimiter: string
  /** Columns that have a name; further cells of a row are empty. */
  readonly width: number
  readonly groups: readonly Group[]
  readonly zone: Zone | null
  readonly dateOrder: DateOrder | null
  readonly priceScale: number | undefined
}

export interface Head {
  readonly table: Table
  /** Where the rows begin. */
  readonly end: number
  /** The line number there. */
  readonly line: number
}

/** Of a file: more than so many are no table of bars. */
const MOST_COLUMNS = 65_536
/** Columns of some width and their names fit; a line that is looked at with four delimiters cannot be of any length. */
const LONGEST_HEAD = 1 << 18

const DELIMITERS = [',', '\t', ';', '|'] as const

interface Line {
  readonly text: string
  readonly number: number
  readonly start: number
  readonly end: number
}

/** Reads the head from the first bytes of a file; null where `bytes` end within it and `whole` is false. */
export function readHead(bytes: Buffer, whole: boolean, reading: Reading): Head | null {
  const lines = linesOf(bytes, whole)
  let given: string | undefined
  let remark: Line | undefined
  let first: Line | undefined
  const rest: Line[] = []
  for (const line of lines) {
    const text = line.text.trim()
    if (first !== undefined) rest.push(line)
    else if (/^"?sep=.\t?"?$/i.test(line.text)) given = line.text.replace(/^"/, '')[4]
    else if (text.startsWith('#')) remark = line
    else if (text !== '' && !/^[,;|]+$/.test(text)) first = line
    if (rest.length === 2) break
  }
  if (first === undefined) return whole ? { table: NO_TABLE, end: bytes.length, line: 1 } : null
  const where = `${reading.name}:${first.number}`
  const page = webPage(first.text)
  if (page !== null) throw new BadRecord(page, { where })
  if (/\r(?!$)/.test(first.text))
    throw badData('its lines end in a carriage return alone', {
      where,
      hint: "tr '\\r' '\\n' makes them line feeds",
    })
  if (first.text.length > LONGEST_HEAD)
    throw badData(`a first line longer than ${LONGEST_HEAD} bytes`, { where })
  const delimiter = given ?? delimiterOf(first.text, reading)
  const cells = cellsOf(first.text, delimiter, reading.name, first.number)
  if (cells.length > MOST_COLUMNS) throw badData(`more than ${MOST_COLUMNS} columns`, { where })
  const long = cells.find(({ length }) => length > LONGEST_VALUE)
  if (long !== undefined) throw badData(`a first line with a cell of ${long.length} characters`, { where })
  const scene = { reading, where, delimiter }

  if (reading.header === false || isData(cells)) {
    const names = reading.header === false || !remark ? null : remarkHeader(remark, delimiter, reading.name)
    const table = headless(names, cells, first.text, scene)
    return { table, end: first.start, line: first.number }
  }
  if (isLevels(first.text, delimiter)) {
    if (rest.length < 2 && !whole) return null
    const [second, third] = rest.map(({ text, number }) => cellsOf(text, delimiter, reading.name, number))
    const groups = second && third ? leveled(cells, second, third, scene) : null
    if (groups !== null) {
      const { end, number } = rest[1]!
      return { table: tableOf(groups, { names: cells, vendor: undefined, scene }), end, line: number + 1 }
    }
  }
  return { table: headed(cells, scene), end: first.end, line: first.number + 1 }
}

const NO_TABLE: Table = {
  delimiter: ',',
  width: 0,
  groups: [],
  zone: null,
  dateOrder: null,
  priceScale: undefined,
}

interface Scene {
  readonly reading: Reading
  readonly where: string
  readonly delimiter: string
}

/** A table whose header line was read. */
function headed(cells: readonly string[], scene: Scene): Table {
  const { reading, where } = scene
  const known = reading.vendor ?? vendorOfHeader(cells)
  if (known !== reading.vendor) reading.detail(`the header is that of --vendor ${known}`)
  const names = renamed(cells, scene)
  const places = placesOf(names, { where, map: reading.columns, ignored: reading.ignored })
  // pandas leaves the name of an index of times empty.
  if (!places.includes('time') && /^(unnamed: 0)?$/i.test(names[0]!.trim())) places[0] = 'time'
  const absent = absentFields(places)
  if (absent.length > 0) {
    throw badData(`the header lacks ${absent.join(', ')}`, {
      where,
      hint: `it reads ${quote(cells.join(scene.delimiter))}; say which column it is with --columns ${absent[0]}=NAME`,
    })
  }
  return tableOf([{ symbol: undefined, columns: heldBy(places) }], {
    names,
    vendor: known && vendors[known],
    scene,
  })
}

/** The header's names, or those that `--columns` gives in order. */
function renamed(cells: readonly string[], { reading, where }: Scene): readonly string[] {
  const { columns } = reading
  if (columns?.kind !== 'order') return cells
  if (columns.names.length > cells.length) {
    throw badData(`--columns names ${columns.names.length} columns, the file has ${cells.length}`, { where })
  }
  return cells.map((_cell, i) => columns.names[i] ?? '')
}

/** A table without a header line: the columns are the user's word, the vendor's, or a comment above. */
function headless(
  remark: readonly string[] | null,
  cells: readonly string[],
  line: string,
  scene: Scene,
): Table {
  const { reading, where } = scene
  const vendor = reading.vendor === undefined ? undefined : vendors[reading.vendor]
  const width = cells.at(-1) === '' ? cells.length - 1 : cells.length
  const names =
    reading.columns?.kind === 'order'
      ? renamed(cells, scene)
      : (remark ?? vendor?.headerless?.find((columns) => columns.length === width))
  if (names === undefined) {
    const fit = vendorsOfLine(line, width).map((name) => `--vendor ${name}`)
    const columns = `--no-header --columns ${exampleColumns(cells)}`
    throw badData('the first line is no header', {
      where,
      hint: `it reads ${quote(line)}; name the columns in their order: ${[...fit, columns].join(' or ')}`,
    })
  }
  if (reading.header !== false && remark === null && reading.columns !== undefined) {
    throw badData('the first line is no header', { where, hint: 'say so with --no-header' })
  }
  const places = placesOf(names, { where, map: undefined, ignored: () => {} })
  const absent = absentFields(places)
  if (absent.length > 0) throw badData(`no column is ${absent.join(', ')}`, { where })
  return tableOf([{ symbol: undefined, columns: heldBy(places) }], { names, vendor, scene })
}

/** A guess for a message, to be looked at: `date,time,open,...` where the second cell is a clock. */
function exampleColumns(cells: readonly string[]): string {
  const clock = /^\d{1,2}:\d\d/.test(cells[1] ?? '') || /^\d{6}$/.test(cells[1] ?? '')
  const names = [...(clock ? ['date', 'time'] : ['time']), 'open', 'high', 'low', 'close', 'volume']
  return cells.map((_cell, i) => names[i] ?? '-').join(',')
}

/** `by` are the columns that the places are of; all of them where none are given. */
function heldBy(places: readonly Place[], by?: readonly number[]): Map<Held, number> {
  const columns = new Map<Held, number>()
  for (const [i, place] of places.entries()) if (place !== undefined) columns.set(place, by?.[i] ?? i)
  return columns
}

interface Named {
  readonly names: readonly string[]
  readonly vendor: Vendor | undefined
  readonly scene: Scene
}

function tableOf(groups: readonly Group[], { names, vendor, scene }: Named): Table {
  const { reading, where } = scene
  if (groups.length > BATCH_ROWS) throw badData(`more than ${BATCH_ROWS} symbols side by side`, { where })
  const own = zoneOfColumn(names[groups[0]?.columns.get('time') ?? -1] ?? '')
  const said = reading.zone ?? null
  if (own !== null && said !== null && own.name !== said.name) {
    throw badData(`the header says ${own.name}, and --tz says ${said.name}`, {
      where,
      hint: 'leave --tz out: the header is enough',
    })
  }
  return {
    delimiter: scene.delimiter,
    width: names.length,
    groups,
    zone: said ?? own ?? vendor?.zone ?? null,
    dateOrder: vendor?.dateOrder ?? null,
    priceScale: vendor?.priceScale,
  }
}

/** The zone in the name of a column of times: `Gmt time`, `Time (EET)`. */
function zoneOfColumn(name: string): Zone | null {
  const word = /\(([^)]+)\)\s*$/.exec(name)?.[1] ?? /^\s*(gmt|utc)[ _-]/i.exec(name)?.[1]
  return word === undefined ? null : zoneOf(word)
}

/** The names in a comment, where numpy and others put the header; null for any other remark. */
function remarkHeader(remark: Line, delimiter: string, name: string): readonly string[] | null {
  // A remark is no CSV, quotes and all.
  const text = remark.text.trim().replace(/^#+\s*/, '')
  if (text.includes('"')) return null
  const names = cellsOf(text, delimiter, name, remark.number)
  return absentFields(names.map(fieldOf)).length === 0 ? names : null
}

/** Numbers where names would stand. */
const isData = (cells: readonly string[]): boolean =>
  cells.filter((cell) => /^\s*[$\u20ac\u00a3]?\s*\d+([.,]\d+)*\s*$/.test(cell)).length >= 4

/** The header of pandas for columns of two levels, field and symbol, as yfinance writes it. */
const isLevels = (text: string, delimiter: string): boolean =>
  /^"?(price|ticker|attributes|symbols|)"?$/i.test(text.slice(0, text.indexOf(delimiter)).trim())

function leveled(
  one: readonly string[],
  two: readonly string[],
  index: readonly string[],
  { reading, where }: Scene,
): Group[] | null {
  if (fieldOf(index[0] ?? '') !== 'time' || index.slice(1).some((cell) => cell.trim() !== '')) return null
  const named = (cells: readonly string[]) =>
    cells.slice(1).filter((cell) => fieldOf(cell) !== undefined).length
  const [fields, symbols] = named(one) >= named(two) ? [one, two] : [two, one]
  const bySymbol = new Map<string, number[]>()
  for (const [i, symbol] of symbols.entries()) {
    if (i === 0) continue
    const own = bySymbol.get(symbol)
    if (own === undefined) bySymbol.set(symbol, [0, i])
    else own.push(i)
  }
  return [...bySymbol].map(([symbol, own]) => {
    const names = own.map((i) => (i === 0 ? index[0]! : (fields[i] ?? '')))
    const places = placesOf(names, { where, map: reading.columns, ignored: reading.ignored })
    const absent = absentFields(places)
    if (absent.length > 0)
      throw badData(`the header lacks ${absent.join(', ')} of ${quote(symbol)}`, { where })
    return { symbol, columns: heldBy(places, own) }
  })
}

/** The one delimiter: that by which the header has most names of fields, or most cells. */
function delimiterOf(text: string, reading: Reading): string {
  const scored = DELIMITERS.map((delimiter) => {
    const cells = looseCells(text, delimiter)[0] ?? []
    const known = cells.filter((cell) => mappedField(cell, reading.columns) !== undefined).length
    return { delimiter, known, cells: cells.length }
  })
  const most = Math.max(...scored.map(({ known }) => known))
  if (most >= 2) return scored.find(({ known }) => known === most)!.delimiter
  // Without a header: a comma may stand within numbers, the others do not.
  const rare = scored.find(({ delimiter, cells }) => delimiter !== ',' && cells >= 5)
  return (rare ?? scored.reduce((best, one) => (one.cells > best.cells ? one : best))).delimiter
}

/** The cells of one line, blanks around them and trailing empty ones dropped. */
function cellsOf(text: string, delimiter: string, name: string, line: number): string[] {
  return trimmed(parseCsv(text, delimiter, name, line)[0]?.record ?? [''])
}

function trimmed(cells: readonly string[]): string[] {
  const texts = cells.map((cell) => cell.trim())
  while (texts.length > 1 && texts.at(-1) === '') texts.pop()
  return texts
}

/** A record of CSV, the line it ends on counted from the first of its piece, and how it was written. */
export interface CsvRecord {
  readonly record: readonly string[]
  readonly raw: string
  readonly info: { readonly lines: number }
}

/** The records of a piece of CSV, comments and blank lines left out. Throws badData that names what is not CSV about it. */
export function parseCsv(text: string | Buffer, delimiter: string, name: string, line: number): CsvRecord[] {
  try {
    return parse(text, { ...CSV, delimiter, info: true, raw: true }) as unknown as CsvRecord[]
  } catch (error) {
    if (!isCsvError(error)) throw error
    const words = error.message.replace(/:.*? at line \d+/, '')
    throw badData(`not CSV: ${words.slice(0, 200)}`, {
      where: `${name}:${line + (error.lines ?? 1) - 1}`,
      cause: error,
    })
  }
}

/** Cells to form an opinion by: what is not CSV about the text is for the reading of its rows to say. */
export function looseCells(text: string, delimiter: string): string[][] {
  try {
    return parse(text, { ...CSV, delimiter, relax_quotes: true }) as string[][]
  } catch (error) {
    if (!isCsvError(error)) throw error
    return text.split('\n').map((line) => line.split(delimiter))
  }
}

const CSV = {
  relax_column_count: true,
  trim: true,
  encoding: 'utf8',
  comment: '#',
  comment_no_infix: true,
  skip_empty_lines: true,
} as const

const isCsvError = (error: unknown): error is Error & { lines?: number } =>
  error instanceof Error && 'code' in error && /^(CSV|INVALID)_/.test(String(error.code))

function* linesOf(bytes: Buffer, whole: boolean): Generator<Line> {
  let number = 1
  for (let start = 0; start < bytes.length; number++) {
    const newline = bytes.indexOf(0x0a, start)
    if (newline === -1 && !whole) return
    const end = newline === -1 ? bytes.length : newline + 1
    const text = bytes.toString('utf8', start, newline === -1 ? end : newline).replace(/\r$/, '')
    yield { text, number, start, end }
    start = end
  }
}
