/** Whether bars are what their labels say: a bar that is longer than its label is taken for known before it has ended. */
import { DAY, lengthWords } from '../../base/time.js'
import type { Market } from '../../market/market.js'
import { overlapWords } from '../../market/series.js'
import { Spacings } from '../../market/spacing.js'

/** Sessions that must be alike before a shift is told. */
const MOST_SESSIONS = 0.9

/** The first thing that is wrong; null where nothing is. */
export function stampProblem(market: Market): string | null {
  return overlap(market) ?? mislabelled(market) ?? shifted(market)
}

/** Bars that share time: the earlier one would be known before it has ended. */
function overlap({ symbols, time, length, intervalMs, alone }: Market): string | null {
  for (let i = 1; i < length; i++) {
    if (time[i]! - time[i - 1]! < intervalMs)
      return overlapWords(symbols.join(' and '), time[i - 1]!, time[i]!, intervalMs)
  }
  for (const [k, series] of alone.entries()) {
    for (let i = 1; i < series.length; i++) {
      if (series.time[i]! - series.time[i - 1]! < intervalMs)
        return overlapWords(symbols[k]!, series.time[i - 1]!, series.time[i]!, intervalMs)
    }
  }
  return null
}

/** Bars that stand farther apart than they are said to be long hold moves of a time that their label leaves out. */
function mislabelled({ time, length, intervalMs, interval }: Market): string | null {
  const spacings = new Spacings()
  for (let i = 0; i < length; i++) spacings.add(0, time[i]!)
  const commonest = spacings.commonest()
  if (commonest === null || commonest === intervalMs) return null
  return `bars are ${lengthWords(commonest)} apart and labelled ${interval}: what moves in ${lengthWords(commonest)} would be known after ${lengthWords(intervalMs)}`
}

/** Stamps that were moved by a bar: one end of the session has none in nearly all sessions. */
function shifted(market: Market): string | null {
  const { sessions, time, length, intervalMs } = market
  if (sessions.length < 3 || intervalMs >= DAY) return null
  const ends = sessions.map(({ first, openMs, closeMs }, i) => {
    const last = time[(sessions[i + 1]?.first ?? length) - 1]!
    return { late: time[first] === openMs + intervalMs, early: last === closeMs - 2 * intervalMs }
  })
  const share = (of: 'late' | 'early') => ends.filter((one) => one[of]).length / ends.length
  if (share('early') >= MOST_SESSIONS && share('late') < MOST_SESSIONS)
    return 'no session has its last bar: stamps lie a bar too early, and each bar would be known before it has ended'
  if (share('late') >= MOST_SESSIONS && share('early') < MOST_SESSIONS)
    return 'no session has its first bar: stamps are those of ends, and each bar is known a bar too late'
  return null
}
