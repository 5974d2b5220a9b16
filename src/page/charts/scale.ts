/** The axis of values: which are drawn, and where lines stand. */

/** An axis from `from` to `to`, with a tick at each of `ticks`, `step` apart. */
export interface Scale {
  readonly from: number
  readonly to: number
  readonly step: number
  readonly ticks: readonly number[]
}

/** 1, 2 or 5 times a power of ten, at least `size`. Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990. */
function niceStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size))
  const part = size / power
  return (part <= 1.000001 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10) * power
}

/** A scale over values from `low` to `high`, whose ends are ticks; about `count` of them. A single value gets room around it. */
export function scaleOf(low: number, high: number, count = 5): Scale {
  const room = low === high ? Math.abs(low) * 0.01 || 1 : 0
  const step = niceStep((high - low + 2 * room) / count)
  const first = Math.floor((low - room) / step + 1e-9)
  const last = Math.max(first + 1, Math.ceil((high + room) / step - 1e-9))
  const ticks = Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step)
  return { from: ticks[0]!, to: ticks.at(-1)!, step, ticks }
}

/** Lowest and highest of values that are numbers; null where none is. */
export function extentOf(all: readonly ArrayLike<number>[]): [low: number, high: number] | null {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const values of all) {
    for (let k = 0; k < values.length; k++) {
      const value = values[k]!
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  return low > high ? null : [low, high]
}
