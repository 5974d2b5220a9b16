/** What the measurements of engines say: which to use, and from where on a GPU pays. Nothing is guessed. */
import type { Load, Speed } from './benchmark.js'

/** What an engine did at a width under a load. */
export interface Measured {
  readonly engine: string
  /** Asked for by --gpu, on whatever device. */
  readonly gpu: boolean
  readonly hidden: number
  readonly load: Load
  readonly speed: Speed
}

/** Milliseconds of the smallest minibatch there is, by engine: nothing but what the launches of its operations cost. */
export type Launches = Readonly<Record<string, number>>

export interface Advice {
  /** Fastest engine by width, under the first load that was measured. */
  readonly use: Readonly<Record<number, string>>
  readonly launches: Launches
  readonly gpu: string
}

/** `rows` begin with the default load. */
export function adviceOf(rows: readonly Measured[], launches: Launches): Advice {
  const loads = distinct(rows.map(({ load }) => load))
  const widths = [...new Set(rows.map(({ hidden }) => hidden))].sort((a, b) => a - b)
  const best = (load: Load, hidden: number): Measured | undefined =>
    rows
      .filter((row) => row.hidden === hidden && same(row.load, load))
      .sort((a, b) => b.speed.stepsPerSecond - a.speed.stepsPerSecond)[0]
  const use = Object.fromEntries(
    widths.flatMap((hidden) => {
      const first = loads[0] === undefined ? undefined : best(loads[0], hidden)
      return first === undefined ? [] : [[hidden, first.engine]]
    }),
  )
  if (!rows.some(({ gpu }) => gpu))
    return { use, launches, gpu: 'not measured: there is none to be had here' }
  // From a width on: it must win at all wider ones too.
  const pays = loads.flatMap((load) => {
    const lost = widths.findLastIndex((hidden) => best(load, hidden)?.gpu !== true)
    const from = widths[lost + 1]
    return from === undefined
      ? []
      : [`a width of ${from} with ${load.envs} environments and minibatches of ${load.batch} steps`]
  })
  const cost = Object.entries(launches).map(([engine, ms]) => `${ms.toPrecision(2)} ms with ${engine}`)
  const launching = cost.length === 0 ? '' : `; the launches of a minibatch alone cost ${cost.join(', ')}`
  const where =
    pays.length === 0 ? 'slower than the CPU in all that was measured' : `faster from ${pays.join(', from ')}`
  return { use, launches, gpu: `${where}${launching}` }
}

const same = (a: Load, b: Load): boolean => a.envs === b.envs && a.batch === b.batch

const distinct = (loads: readonly Load[]): readonly Load[] =>
  loads.filter((load, n) => loads.findIndex((other) => same(load, other)) === n)
