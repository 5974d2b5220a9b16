import { expect, test } from 'vitest'
import { stream } from '../base/rng.js'
import { INTERVALS, intervalMs } from './bar.js'
import { sessionsEndingAt } from './calendar.js'
import { overlaps } from './grid.js'
import { Starts } from './starts.js'

const WEEK = sessionsEndingAt(20_301, 5)

test.each(INTERVALS.filter((interval) => interval !== '1d'))(
  'of %s, in any order, overlap where two of them do, as all pairs say',
  (interval) => {
    const length = intervalMs(interval)
    const rng = stream(3, interval)
    const starts = new Starts(length)
    const kept: number[] = []
    let overlapping = 0
    for (let n = 0; n < 2000; n++) {
      const { openMs } = WEEK[rng.int(WEEK.length)]!
      // Mostly on the grid, from before the open to after the close, in a range that fills up.
      const step = rng.int(3) === 0 ? length / 4 : length
      const span = Math.min(Math.ceil((8 * 3_600_000) / step), 600)
      const start = openMs - 3_600_000 + step * rng.int(span)
      const clashes = kept.filter((other) => other !== start && overlaps(other, start, length))
      const found = starts.add(start)
      if (kept.includes(start) || clashes.length === 0) expect(found, `${start}`).toBeNaN()
      else expect(clashes, `${start}`).toContain(found)
      if (clashes.length > 0 && !kept.includes(start)) overlapping++
      else if (!kept.includes(start)) kept.push(start)
    }
    expect(overlapping).toBeGreaterThan(50)
  },
)
