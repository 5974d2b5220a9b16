/** Which column of a table is which field of a bar: by its name, by the user's word, or by its place. */
import { badData, usage } from '../base/errors.js'
import { quote } from '../base/words.js'
import { BAR_FIELDS, type BarField, fieldOf, isOwnName } from './fields.js'

/** What a column holds; `clock` is a time of day that stands apart from its date; undefined for a column of no use. */
export type Place = BarField | 'clock' | undefined

/** The user's word on columns: names in their order, or field by name of the column. */
export type ColumnMap =
  | { readonly kind: 'order'; readonly names: readonly string[] }
  | { readonly kind: 'named'; readonly fields: ReadonlyMap<string, BarField> }

/**
 * Reads `time=window_start,volume=Vol` or, in order, `date,time,open,high,low,close,volume,-`. Throws usage for a field that no
 * bar has.
 */
export function columnMap(text: string): ColumnMap {
  const words = text.split(',').map((word) => word.trim())
  if (!words.some((word) => word.includes('='))) {
    const stranger = words.find((word) => word !== '-' && word !== '' && fieldOf(word) === undefined)
    if (stranger !== undefined) throw unknownField(stranger)
    return { kind: 'order', names: words.map((word) => (word === '-' ? '' : word)) }
  }
  const fields = new Map<string, BarField>()
  for (const word of words) {
    const at = word.indexOf('=')
    const [name, column] = [word.slice(0, at).trim(), word.slice(at + 1).trim()]
    if (at < 1 || column === '') throw usage('expected FIELD=COLUMN between commas', { got: quote(word) })
    const field = fieldOf(name)
    if (field === undefined) throw unknownField(name)
    if ([...fields.values()].includes(field)) throw usage(`${field} stands twice`)
    fields.set(column.toLowerCase(), field)
  }
  return { kind: 'named', fields }
}

const unknownField = (name: string) =>
  usage(`no field of a bar: ${quote(name)}; they are ${BAR_FIELDS.join(' ')}`)

/** The field of one key under the user's word. */
export function mappedField(key: string, map: ColumnMap | undefined): BarField | undefined {
  if (map?.kind !== 'named') return fieldOf(key)
  const asked = map.fields.get(key.trim().toLowerCase())
  if (asked !== undefined) return asked
  const field = fieldOf(key)
  // What was named by hand is not also taken from another column.
  return field !== undefined && [...map.fields.values()].includes(field) ? undefined : field
}

export interface Naming {
  /** `file:line`, for messages. */
  readonly where: string
  readonly map: ColumnMap | undefined
  readonly ignored: (name: string) => void
}

/**
 * The places of named columns. A field's own name counts before another name for it; two other names for one field are refused:
 * nothing here knows which is meant.
 */
export function placesOf(names: readonly string[], { where, map, ignored }: Naming): Place[] {
  const places: Place[] = names.map((name) => mappedField(name, map))
  const clock = clockColumn(names, places)
  if (clock !== undefined) places[clock] = 'clock'
  for (const field of BAR_FIELDS) {
    const all = [...places.keys()].filter((i) => places[i] === field)
    const own = all.filter((i) => isOwnName(names[i]!))
    const [first, second] = own.length > 0 ? own : all
    if (first !== undefined && second !== undefined) {
      throw badData(`columns ${quote(names[first])} and ${quote(names[second])} are both ${field}`, {
        where,
        hint: `say which with --columns, such as --columns ${field}=${names[first]}`,
      })
    }
    for (const i of all) if (i !== first) places[i] = undefined
  }
  for (const [i, name] of names.entries()) {
    if (places[i] === undefined && name.trim() !== '' && name.toLowerCase() !== 'type') ignored(name)
  }
  return places
}

/** `Date,Time,Open,...`: the day in one column, the time of day in the other. */
function clockColumn(names: readonly string[], places: readonly Place[]): number | undefined {
  const times = [...places.keys()].filter((i) => places[i] === 'time')
  const bare = (i: number) =>
    names[i]!.trim()
      .replace(/^<(.*)>$/, '$1')
      .toLowerCase()
  if (times.length !== 2 || !times.some((i) => bare(i) === 'date')) return undefined
  return times.find((i) => bare(i) === 'time')
}

const REQUIRED: readonly BarField[] = ['time', 'open', 'high', 'low', 'close', 'volume']

/** The fields that no bar can do without and no column holds. */
export const absentFields = (places: Iterable<Place>): BarField[] => {
  const held = new Set(places)
  return REQUIRED.filter((field) => !held.has(field))
}
