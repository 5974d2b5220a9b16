/**
 * The grid of a sweep: names of options, each with the values it takes. Every combination is a configuration; or some of them are
 * drawn, and then an option may also have a range. Nothing here knows which options there are.
 */
import { badData } from '../base/errors.js'
import { exp, log } from '../base/math.js'
import { stream } from '../base/rng.js'
import { quote } from '../base/words.js'
import { duplicateKey, isObject, isTooDeep } from '../stream/json.js'

/** A value of an option as JSON has it. */
export type Cell = string | number | boolean

/** Numbers between two others, for a random search. */
export interface Range {
  readonly min: number
  readonly max: number
  /** Equal parts of the range have equal chances: of the numbers, or of their logarithms. */
  readonly scale: 'linear' | 'log'
  /** Only `min` and what is a multiple of this above it; null for any number, of six digits. */
  readonly step: number | null
}

/** An option with what it may be. */
export type Axis =
  | { readonly key: string; readonly values: readonly Cell[] }
  | { readonly key: string; readonly range: Range }

/** A value for each option of the grid, in its order. */
export type Combination = readonly Cell[]

/** Combinations that a plan may hold. */
export const MOST_COMBINATIONS = 100_000

const isCell = (value: unknown): value is Cell =>
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value))

/** Reads GRID.json. Throws 65 with `where` and the key for what is not a value, an array of values, or a range. */
export function readGrid(text: string, where: string): Axis[] {
  let grid: unknown
  try {
    if (isTooDeep(text)) throw new Error('too deep')
    grid = JSON.parse(text)
  } catch {
    throw badData('is not JSON', { where })
  }
  if (!isObject(grid)) {
    throw badData('expected an object of options, each with a value or an array of values', {
      where,
      hint: 'such as {"steps":20000,"seed":[1,2],"lr":[0.001,0.002]}',
    })
  }
  const twice = duplicateKey(text)
  if (twice !== null) throw badData(`${twice}: stands twice`, { where })
  return Object.entries(grid).map(([key, value]) => axisOf(key, value, where))
}

function axisOf(key: string, value: unknown, where: string): Axis {
  if (isObject(value)) return { key, range: rangeOf(key, value, where) }
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  const bad = values.find((one) => !isCell(one))
  if (bad !== undefined || values.length === 0) {
    throw badData(
      `${key}: expected a word, a number, true or false, or an array of them, got ${quote(bad ?? value)}`,
      {
        where,
      },
    )
  }
  return { key, values: values as readonly Cell[] }
}

function rangeOf(key: string, value: Readonly<Record<string, unknown>>, where: string): Range {
  const { min, max, scale = 'linear', step = null, ...rest } = value
  const refused = (words: string) => badData(`${key}: ${words}`, { where })
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined)
    throw refused(`unknown key ${quote(unknown)} of a range, which has min, max, scale and step`)
  if (typeof min !== 'number' || typeof max !== 'number' || !(min < max))
    throw refused('expected a range with min below max')
  if (scale !== 'linear' && scale !== 'log')
    throw refused(`scale: expected linear or log, got ${quote(scale)}`)
  if (scale === 'log' && min <= 0) throw refused('a range on a log scale has a min above 0')
  if (step !== null && !(typeof step === 'number' && step > 0))
    throw refused(`step: expected a number above 0, got ${quote(step)}`)
  return { min, max, scale, step }
}

/** Every combination, the last option changing fastest. Throws 65 for a range, and for more than MOST_COMBINATIONS. */
export function combinations(axes: readonly Axis[], where: string): Combination[] {
  const lists = axes.map((axis) => {
    if ('values' in axis) return axis.values
    throw badData(`${axis.key}: a range is for --random`, { where })
  })
  checkCount(sizeOf(lists), where)
  return lists.reduce<Cell[][]>((all, list) => all.flatMap((one) => list.map((cell) => [...one, cell])), [[]])
}

function checkCount(count: number, where: string): void {
  if (count > MOST_COMBINATIONS)
    throw badData(`${count} combinations are more than ${MOST_COMBINATIONS}`, {
      where,
      hint: 'draw some of them with --random',
    })
}

const sizeOf = (lists: readonly (readonly unknown[])[]): number =>
  lists.reduce((size, list) => size * list.length, 1)

export interface Draw {
  readonly count: number
  readonly seed: number
}

/** Draws in vain before a grid is said to have too few combinations. */
const PATIENCE = 100

/**
 * `count` distinct combinations, each as likely as any other; fewer where lists alone have no more. The same seed draws the same
 * ones on every machine. Throws 65 where ranges do not give so many.
 */
export function drawn(axes: readonly Axis[], { count, seed }: Draw, where: string): Combination[] {
  checkCount(count, where)
  const rng = stream(seed, 'sweep')
  const lists = axes.flatMap((axis) => ('values' in axis ? [axis.values] : []))
  if (lists.length === axes.length && sizeOf(lists) <= count) return combinations(axes, where)
  const found = new Map<string, Combination>()
  for (let left = PATIENCE * count; found.size < count; left--) {
    if (left === 0) {
      throw badData(`the ranges gave ${found.size} distinct combinations, and ${count} are wanted`, { where })
    }
    const one = axes.map((axis) =>
      'values' in axis ? axis.values[rng.int(axis.values.length)]! : within(axis.range, rng.uniform()),
    )
    found.set(JSON.stringify(one), one)
  }
  return [...found.values()]
}

/** The number at a part of a range, 0 to 1. */
function within({ min, max, scale, step }: Range, part: number): number {
  const at = scale === 'log' ? exp(log(min) + part * (log(max) - log(min))) : min + part * (max - min)
  const value = step === null ? at : min + Math.round((at - min) / step) * step
  return Math.min(max, Math.max(min, Number(value.toPrecision(step === null ? 6 : 12))))
}
