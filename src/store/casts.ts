/**
 * Bars in columns of exact numbers instead of float8, as other systems have them. A value passes only where it comes out as it
 * went in: what such a column cannot hold is named and refused, never rounded.
 */

import type { FoundTable } from './catalog.js'
import { COPY_COLUMNS } from './copy.js'
import { BARS, type Column } from './tables.js'

/** The largest whole numbers; for bigint those that a double holds too. */
const WHOLE: Readonly<Record<string, string>> = {
  smallint: '32767',
  integer: '2147483647',
  bigint: '9007199254740992',
}
/** Decimal digits that a double always keeps. */
const DIGITS = 15

interface Numeric {
  readonly precision: number
  readonly scale: number
}

function numeric(type: string): Numeric | null {
  const parts = /^numeric(?:\((\d+),(-?\d+)\))?$/.exec(type)
  if (parts === null) return null
  return { precision: Number(parts[1] ?? Infinity), scale: Number(parts[2] ?? Infinity) }
}

/** Whether a column of this type can stand for a float8 of a bar. */
export const isCastable = ({ type }: Pick<Column, 'type'>, found: string): boolean =>
  type === 'double precision' && (found in WHOLE || numeric(found) !== null)

/** How the columns of market_data differ from float8, and what follows for reading and writing. */
export class BarCasts {
  readonly #types: ReadonlyMap<string, string>
  readonly #nullable: readonly string[]

  constructor(found: FoundTable | undefined) {
    const columns = found?.columns ?? []
    const own = (name: string) => BARS.columns.find((column) => column.name === name)
    this.#types = new Map(
      columns
        .filter(({ name, type }) => isCastable(own(name) ?? { type: 'text' }, type))
        .map(({ name, type }) => [name, type]),
    )
    this.#nullable = columns
      .filter(({ name, required }) => own(name)?.required && !required)
      .map(({ name }) => name)
  }

  /** The rows may go into the table in binary as they are. */
  get none(): boolean {
    return this.#types.size === 0
  }

  /** The columns as float8, in the order of COPY. */
  get reading(): string {
    return COPY_COLUMNS.map((column) => (this.#types.has(column) ? `${column}::float8` : column)).join(', ')
  }

  /** The columns of a staged row, as the table takes them. */
  writing(alias: string): string {
    const value = (column: string) => {
      const type = this.#types.get(column)
      if (type === undefined) return `${alias}.${column}`
      // Through text: a direct cast to numeric keeps 15 digits alone.
      return numeric(type) === null ? `${alias}.${column}::${type}` : `${alias}.${column}::text::numeric`
    }
    return COPY_COLUMNS.map(value).join(', ')
  }

  /** Rows of `(name, value, stored)`: each number of a staged row and what the table would make of it, null where it has no room. */
  get stored(): string {
    return [...this.#types]
      .map(([name, type]) => `('${name}', s.${name}, ${roundTrip(`s.${name}`, type)})`)
      .join(', ')
  }

  typeOf(column: string): string {
    return this.#types.get(column) ?? 'double precision'
  }

  /** For each column whose stored values may be none that a bar can have: the condition that finds one. */
  get unreadable(): readonly { readonly column: string; readonly condition: string }[] {
    const nulls = this.#nullable.map((column) => ({ column, condition: `"${column}" IS NULL` }))
    const wide = [...this.#types].flatMap(([column, type]) => {
      const number = numeric(type)
      if (number === null)
        return type === 'bigint' ? [{ column, condition: `abs(${column}) > ${WHOLE.bigint}` }] : []
      const exact = number.precision <= DIGITS
      return exact ? [] : [{ column, condition: inexact(column) }]
    })
    return [...nulls, ...wide]
  }
}

/** Beyond the ends of float8 a cast would end the statement, so that they are looked at before it. NaN is above all. */
const inexact = (column: string): string =>
  `CASE WHEN ${column} = 0 THEN false WHEN abs(${column}) NOT BETWEEN 1e-300 AND 1e300 THEN true
     ELSE ${column}::float8::text::numeric IS DISTINCT FROM ${column} END`

function roundTrip(value: string, type: string): string {
  const number = numeric(type)
  if (number === null) return `CASE WHEN abs(${value}) <= ${WHOLE[type]} THEN round(${value}) END`
  if (number.precision === Infinity) return value
  const { precision, scale } = number
  return `CASE WHEN abs(${value}) < 1e${precision - scale} THEN round(${value}::text::numeric, ${scale})::float8 END`
}
