/**
 * How sessions are cut into parts that train and parts that test. A model is tested on sessions that it has not seen, nor any
 * that share bars with what it has seen.
 */

/** Sessions [from, to), counted from 0. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** One training, and where it is tested. */
export interface Window {
  /** From 1 on. */
  readonly number: number
  /** From the first session that trains to the last that validates, with the gaps between. */
  readonly train: Span
  /** Sessions within `train` that are left out: those of the tests, and those purged around them. */
  readonly gaps: readonly Span[]
  /** Sessions at the end of `train` that choose the best model. */
  readonly validation: number
  /** Each with a fresh account and a fresh memory. */
  readonly tests: readonly Span[]
}

/** Validation is 15 sessions for each 70 that train. */
const VALIDATION_PART = 15 / 85

export interface WalkForward {
  /** Of the bars. */
  readonly sessions: number
  /** Sessions that train and validate. */
  readonly train: number
  readonly test: number
  /** Sessions left out between training and test. */
  readonly purge: number
  /** Training begins with the first session in every window, and grows. */
  readonly anchored: boolean
  /** Sessions that validate; null for 15 of 85. */
  readonly validation: number | null
}

/**
 * Windows that go forward by the length of a test, so that every session after the first training is tested once (Pardo, The
 * Evaluation and Optimization of Trading Strategies, 2008, chapter 11). Sessions that fill no last test are left over. Throws a
 * RangeError where there is no room for one window, or for training and validation in it.
 */
export function walkForward({ sessions, train, test, purge, anchored, validation }: WalkForward): Window[] {
  const windows: Window[] = []
  for (let from = train + purge; from + test <= sessions; from += test) {
    const end = from - purge
    const span = { from: anchored ? 0 : end - train, to: end }
    windows.push({
      number: windows.length + 1,
      train: span,
      gaps: [],
      validation: validating(span.to - span.from, validation),
      tests: [{ from, to: from + test }],
    })
  }
  if (windows.length === 0) {
    const least = train + purge + test
    throw new RangeError(`${sessions} sessions are fewer than the ${least} of one window`)
  }
  return windows
}

export interface Combinatorial {
  readonly sessions: number
  /** Stretches of the same length, or one session more. */
  readonly groups: number
  /** Of them, those that test. */
  readonly tests: number
  /** Sessions before and after each test that do not train: their bars or rewards reach into it. */
  readonly purge: number
  /** More sessions after each test, which are still like it. */
  readonly embargo: number
  readonly validation: number | null
}

/**
 * Every choice of so many groups to test on, the others train, purged and with an embargo (Lopez de Prado, Advances in Financial
 * Machine Learning, 2018, sections 7.4 and 12.4). Throws a RangeError where a choice leaves less than two sessions to train and
 * validate on.
 */
export function combinatorial(options: Combinatorial): Window[] {
  const { sessions, groups, tests, purge, embargo, validation } = options
  if (groups > sessions) throw new RangeError(`${sessions} sessions are fewer than ${groups} groups`)
  const group = (n: number): Span => ({
    from: Math.floor((n * sessions) / groups),
    to: Math.floor(((n + 1) * sessions) / groups),
  })
  return choices(groups, tests).map((chosen, i) => {
    const spans = chosen.map(group)
    const isOut = (session: number) =>
      spans.some(({ from, to }) => session >= from - purge && session < to + purge + embargo)
    const training = Array.from({ length: sessions }, (_, n) => n).filter((n) => !isOut(n))
    const [first, last] = [training[0], training.at(-1)]
    const train = { from: first ?? 0, to: (last ?? -1) + 1 }
    const gaps = holes(training)
    const latest = train.to - (gaps.at(-1)?.to ?? train.from)
    // The state of an LSTM does not go across a gap, not even where it only chooses.
    const most = gaps.length === 0 ? training.length - 1 : latest
    if (training.length < 2 || most < 1)
      throw new RangeError(`${sessions} sessions in ${groups} groups leave too few to train on`)
    return {
      number: i + 1,
      train,
      gaps,
      validation: Math.min(most, validating(training.length, validation)),
      tests: spans,
    }
  })
}

/** Throws a RangeError where so many sessions cannot both train and validate. */
function validating(sessions: number, wanted: number | null): number {
  const count = wanted ?? Math.max(1, Math.round(VALIDATION_PART * sessions))
  if (count >= sessions)
    throw new RangeError(`${sessions} sessions to train on leave none beside ${count} that validate`)
  return count
}

/** What lies between numbers that rise. */
function holes(numbers: readonly number[]): Span[] {
  const found: Span[] = []
  for (let i = 1; i < numbers.length; i++) {
    if (numbers[i]! > numbers[i - 1]! + 1) found.push({ from: numbers[i - 1]! + 1, to: numbers[i]! })
  }
  return found
}

/** All ways to take `take` of the numbers 0 to count - 1, in order. */
function choices(count: number, take: number, from = 0): number[][] {
  if (take === 0) return [[]]
  const found: number[][] = []
  for (let n = from; n <= count - take; n++)
    for (const rest of choices(count, take - 1, n + 1)) found.push([n, ...rest])
  return found
}

/**
 * The paths through all groups that the tests make up: each takes, of every group, another of the windows that test it. With N
 * groups of which k test there are k / N times as many as windows (Lopez de Prado, 2018, section 12.4.1). A path is a list of the
 * window of each test, in the order of time.
 */
export function pathsOf(windows: readonly Window[]): { readonly window: number; readonly test: Span }[][] {
  const byTest = new Map<number, { window: number; test: Span }[]>()
  for (const { number, tests } of windows) {
    for (const test of tests)
      byTest.set(test.from, [...(byTest.get(test.from) ?? []), { window: number, test }])
  }
  const columns = [...byTest].sort(([a], [b]) => a - b).map(([, column]) => column)
  const count = Math.min(...columns.map((column) => column.length))
  return Array.from({ length: count }, (_, path) => columns.map((column) => column[path]!))
}
