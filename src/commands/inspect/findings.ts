/** What was seen of the bars, as quality records. */
import { formatDate, formatTime, lengthWords, newYorkDay } from '../../base/time.js'
import { intervalOfLength } from '../../market/bar.js'
import type { Inspected, Inspection, RowFinding } from '../../market/inspection.js'
import { rangeWords } from '../../market/missing.js'
import { OVERLAP_HINT } from '../../market/problem.js'
import type { Finding, Quality, Severity } from '../../market/quality.js'
import { splitWords } from '../../market/splits.js'

/** What a finding of rows is, for people, how bad, and what can be done. */
const ROWS: Readonly<Record<RowFinding, { severity: Severity; words: string; fix: string | null }>> = {
  overlap: { severity: 'error', words: 'overlap another bar', fix: OVERLAP_HINT },
  duplicate: {
    severity: 'warning',
    words: 'repeat the start of another bar',
    fix: 'load: the later row stands',
  },
  backwards: {
    severity: 'warning',
    words: 'begin before the row above them',
    fix: 'sort by time, or load them into the store',
  },
  'off-grid': { severity: 'warning', words: 'do not begin on the grid of their session', fix: null },
  straddling: { severity: 'warning', words: 'begin before the open and end after it', fix: null },
  'not-regular': {
    severity: 'error',
    words: 'are said to be of the regular session and lie outside of it',
    fix: 'leave the field session out: the calendar knows it',
  },
  outside: { severity: 'info', words: 'lie outside of the regular session', fix: null },
  'beyond-calendar': { severity: 'info', words: 'lie beyond the years of the calendar', fix: null },
}

/** Closes of the record `bars`, from the first to the last. */
export const SHOWN_CLOSES = 40

/** The bars of one symbol and interval: a record of what they are, then one for each thing that is to be known of them. */
export function findingsOf(inspection: Inspection, track: Inspected): Finding[] {
  const { symbol, interval, firstMs, lastMs, rows } = track
  const head = {
    type: 'quality',
    date: formatDate(newYorkDay(lastMs)),
    ruleset: `inspect ${interval}`,
    symbol,
  } as const
  const finding = (
    check: string,
    words: string,
    more: Partial<Quality> & Pick<Quality, 'severity' | 'count'>,
  ): Finding => {
    const empty = { from: null, to: null, observed: null, expected: null, samples: [], fix: null }
    const { severity, from, to, count, observed, expected, samples, fix } = { ...empty, ...more }
    return { words, record: { ...head, check, severity, from, to, count, observed, expected, samples, fix } }
  }
  const presence = inspection.presence(track)
  const span = { from: formatTime(firstMs), to: formatTime(lastMs) }
  const found = [
    finding('bars', '', {
      ...{ severity: 'info', count: rows, ...span },
      observed: {
        interval,
        sources: Object.fromEntries([...track.sources].map(([name, n]) => [name ?? 'unknown', n])),
        adjusted: Object.fromEntries([...track.adjusted].map(([name, n]) => [name ?? 'unknown', n])),
        sessions: presence === null ? null : presence.sessions - presence.absentCount,
        bars: presence === null ? null : presence.bars - presence.lacking,
        low: track.low,
        high: track.high,
        last: track.lastClose,
        closes: track.closes.values(SHOWN_CLOSES),
      },
      expected: presence === null ? null : { sessions: presence.sessions, bars: presence.bars },
    }),
  ]
  if (presence !== null && presence.absentCount > 0) {
    const { absentCount, absent, sessions } = presence
    const dates = absent.map(formatDate)
    const more = absentCount > dates.length ? ` and ${absentCount - dates.length} more` : ''
    found.push(
      finding(
        'missing-sessions',
        `${absentCount} of ${sessions} sessions are absent: ${dates.join(', ')}${more}`,
        {
          ...{ severity: 'warning', count: absentCount, from: dates[0] ?? null, samples: dates },
          ...{ observed: sessions - absentCount, expected: sessions },
        },
      ),
    )
  }
  if (presence !== null && presence.lacking > 0) {
    const { lacking, bars, ranges } = presence
    const samples = ranges.map((range) => rangeWords([range], 1))
    found.push(
      finding(
        'missing-bars',
        `${lacking} of ${bars} bars are absent within sessions: ${samples.join(', ')}`,
        {
          ...{ severity: 'warning', count: lacking, samples, observed: bars - lacking, expected: bars },
        },
      ),
    )
  }
  const { spacing } = track
  if (spacing !== null && spacing !== track.lengthMs) {
    const right = intervalOfLength(spacing)
    const words = `the rows are called ${interval} and are ${lengthWords(spacing)} apart: are they of another length?`
    const fix = right === undefined ? OVERLAP_HINT : `name their length with --interval ${right}`
    found.push(
      finding('spacing', words, {
        ...{ severity: 'warning', count: rows, fix },
        ...{ observed: right ?? lengthWords(spacing), expected: interval },
      }),
    )
  }
  for (const [name, { severity, words, fix }] of Object.entries(ROWS)) {
    const tally = track.findings.get(name as RowFinding)
    if (tally === undefined) continue
    const samples = tally.samplesMs.map(formatTime)
    found.push(
      finding(
        name,
        `rows that ${words}: ${tally.count}, at ${samples.join(', ')}${tally.count > samples.length ? ', ...' : ''}`,
        {
          ...{ severity, count: tally.count, samples, fix },
          ...{
            from: formatTime(tally.fromMs),
            to: formatTime(tally.toMs),
            observed: tally.count,
            expected: 0,
          },
        },
      ),
    )
  }
  for (const split of track.splits) {
    found.push(
      finding('split', splitWords(split).replace(/\? Get .*/, '?'), {
        ...{ severity: 'warning', count: 1, from: formatDate(split.fromDay), to: formatDate(split.toDay) },
        ...{
          observed: { close: split.close, open: split.open, ratio: split.ratio },
          fix: `get adjusted bars, or begin after it with --from ${formatDate(split.toDay)}`,
        },
      }),
    )
  }
  if (track.moves.length > 0) {
    const samples = track.moves.map(
      ({ fromDay, toDay, close, open }) =>
        `${formatDate(fromDay)} to ${formatDate(toDay)} ${(100 * (open / close - 1)).toFixed(2)} %`,
    )
    const [{ open, close } = { open: 1, close: 1 }] = track.moves
    found.push(
      finding('overnight', `largest moves from a close to the next open: ${samples.join(', ')}`, {
        ...{ severity: 'info', count: samples.length, samples, observed: open / close - 1 },
      }),
    )
  }
  return found
}

/** Rows that are no bars, by what is wrong with them; nobody can say of which symbol. `date` is that of the last bar. */
export function impossibleOf(inspection: Inspection): Finding[] {
  const last = Math.max(...inspection.tracks.map(({ lastMs }) => lastMs), 0)
  return [...inspection.impossible].map(([rule, { count, samples }]) => ({
    words: `${rule}, ${count}: ${samples[0]}${count > 1 ? ', ...' : ''}`,
    record: {
      ...{ type: 'quality', date: formatDate(newYorkDay(last)), ruleset: 'inspect', symbol: null },
      ...{ check: rule, severity: 'error', from: null, to: null, count, observed: count, expected: 0 },
      ...{ samples, fix: null },
    } as Quality,
  }))
}
