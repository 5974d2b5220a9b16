import { describe, expect, test } from 'vitest'
import { BUILT } from '../../../test/support/engines.js'
import { firstOf, randomMarket } from '../../../test/support/random-market.js'
import { cpuEngine } from '../../agent/engines/cpu/engine.js'
import { layoutOf } from '../../agent/network/network.js'
import { mean } from '../../base/moments.js'
import { stream } from '../../base/rng.js'
import { HOUR, MINUTE } from '../../base/time.js'
import { FEATURE_SETS, featureSet } from '../../env/features.js'
import type { Interval } from '../../market/bar.js'
import { sessionsEndingAt } from '../../market/calendar.js'
import { Market } from '../../market/market.js'
import { smaCross } from '../../trading/policies.js'
import type { Policy } from '../../trading/policy.js'
import { DEFAULT_RULES } from '../../trading/rules.js'
import { stampProblem } from './bars.js'
import { type LeakOptions, leakChecks, tooFewToTell } from './checks.js'
import { permuted } from './permuted.js'
import { plantedLeaks } from './planted.js'
import { ownSubject, type Subject } from './subject.js'

const intraday = featureSet('intraday')!
const options = {
  market: randomMarket({ sessions: 12, seed: 2 }),
  rules: DEFAULT_RULES,
  longOnly: false,
  warmup: 50,
  policy: null,
  steps: 4096,
  seed: 1,
  engineOf: async (shape) => cpuEngine(layoutOf(shape), BUILT),
  pause: async () => false,
} satisfies Omit<LeakOptions, 'subject'>

/** The checks that find something. */
async function found(subject: Subject, more: Partial<LeakOptions> = {}): Promise<string[]> {
  const ids: string[] = []
  for await (const { id, problem } of leakChecks({ ...options, subject, ...more }))
    if (problem !== null) ids.push(id)
  return ids
}

test.each(FEATURE_SETS)('what trains and trades with $name features has none', async (set) => {
  expect(await found(ownSubject(set))).toEqual([])
})

test('neither has a policy that was not learnt, nor an agent of one symbol', async () => {
  const market = firstOf(options.market)
  expect(await found(ownSubject(intraday), { policy: smaCross() })).toEqual([])
  expect(await found(ownSubject(intraday), { market })).toEqual([])
})

const [peeking, fitted, shifted] = plantedLeaks(intraday) as [Subject, Subject, Subject]

test.each([
  [peeking, ['future', 'permuted']],
  [fitted, ['future', 'warmup', 'training']],
  [shifted, ['permuted']],
])('a planted leak is found: $name', async (subject, checks) => {
  expect(await found(subject)).toEqual(checks)
})

test('a policy that looks at bars it is not shown is found by its actions', async () => {
  const { close } = options.market
  const knowing: Policy = {
    name: 'knowing',
    observes: false,
    act: ({ t }) => (close[0][t + 1]! > close[0][t]! ? 7 : 1),
  }
  // It knows the real bars alone, so noise does not change what it does: permuted bars or none would.
  expect(await found(ownSubject(intraday), { policy: knowing })).toEqual(['warmup'])
})

test('a program is asked through every check of actions, and a pause between two answers ends it', async () => {
  let [answers, most] = [0, Number.POSITIVE_INFINITY]
  const ends: number[] = []
  const policy: Policy = {
    ...smaCross(),
    isForeign: true,
    act: () => {
      answers++
      return 4
    },
    ended: (decisions) => ends.push(decisions),
  }
  const pause = async () => {
    if (answers >= most) throw new Error('interrupted')
    return false
  }
  // So long that every cut of the future is near the last bar, where a run ends.
  const late = { policy, pause, warmup: options.market.length - 4 }
  const checks = leakChecks({ ...options, ...late, subject: ownSubject(intraday) })
  expect([(await checks.next()).value, (await checks.next()).value]).toMatchObject([
    { id: 'future', problem: null },
    { id: 'warmup', problem: null },
  ])
  expect(ends).toEqual([])
  most = answers + 3
  const again = leakChecks({ ...options, ...late, subject: ownSubject(intraday) })
  await expect(again.next()).rejects.toThrow('interrupted')
  expect(answers).toBe(most)
})

test('bars that leave nothing to train on are too few', () => {
  const { market } = options
  // 8 of 12 sessions train; the test of the training changes bars from the last of them on.
  expect(tooFewToTell(market, 8 * 390 - 4)).toBeNull()
  expect(tooFewToTell(market, 8 * 390 - 3)?.words).toBe(
    '3120 of 4680 bars to train on: too few for a warm-up of 3117',
  )
  expect(tooFewToTell(market.slice(0, 390), 50)?.words).toBe('1 session of 390 bars is too few to test')
})

describe('bars', () => {
  const made = (interval: Interval, spacingMs: number, more: { shift?: number; sessions?: number } = {}) => {
    const { shift = 0, sessions = 5 } = more
    const market = new Market(['NVDA', 'MSFT'], interval)
    for (const { openMs, closeMs } of sessionsEndingAt(20_301, sessions)) {
      for (let time = openMs + shift; time < closeMs + shift; time += spacingMs) {
        if (time >= openMs && time < closeMs) market.append(time, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
      }
    }
    return market
  }

  test.each([
    ['1m', MINUTE, {}],
    ['5m', 5 * MINUTE, {}],
    ['1h', HOUR, {}],
    // What is missing by chance is no shift.
    ['1m', MINUTE, { shift: MINUTE, sessions: 2 }],
  ] as const)('of %s are what they are', (interval, spacing, more) => {
    expect(stampProblem(made(interval, spacing, more))).toBeNull()
  })

  test.each([
    ['5 minutes under the label of 1m', '1m', 5 * MINUTE, {}, 'bars are 5 minutes apart and labelled 1m'],
    ['1 hour under the label of 5m', '5m', HOUR, {}, 'bars are 1 hour apart and labelled 5m'],
    ['1m stamped a bar early', '1m', MINUTE, { shift: -MINUTE }, 'stamps lie a bar too early'],
    ['5m stamped by their ends', '5m', 5 * MINUTE, { shift: 5 * MINUTE }, 'stamps are those of ends'],
  ] as const)('of %s are told', (_name, interval, spacing, more, words) => {
    expect(stampProblem(made(interval, spacing, more))).toContain(words)
  })

  test('that overlap are told, of one symbol alone too', () => {
    const market = made('5m', 5 * MINUTE)
    market.time[7]! -= MINUTE
    expect(stampProblem(market)).toContain('bars overlap: NVDA and MSFT')
    const other = made('5m', 5 * MINUTE)
    const one = [1, 1, 1, 1, 1]
    other.alone[1].append(other.time[0]!, one)
    other.alone[1].append(other.time[1]!, one)
    other.alone[1].time[1]! -= MINUTE
    expect(stampProblem(other)).toContain('bars overlap: MSFT')
  })
})

test('permuted bars keep each move and its shape, without order and drift', () => {
  const { market } = options
  const other = permuted(market, stream(1, 'permuted'))
  const moves = (of: typeof market, k: 0 | 1) =>
    Array.from({ length: of.length - 1 }, (_, i) => Math.log(of.close[k][i + 1]! / of.close[k][i]!))
  const drift = mean(moves(market, 0))
  const [own, theirs] = [moves(market, 0).map((x) => x - drift), moves(other, 0)].map((all) =>
    [...all].sort((a, b) => a - b),
  ) as [number[], number[]]
  // All but the bar that came first, which has no close before it.
  const apart = own.filter((x, i) => Math.abs(x - theirs[i]!) > 1e-4)
  expect(apart.length).toBeLessThan(20)
  expect(other.close[0].at(other.length - 1)! / market.close[0][0]!).toBeCloseTo(1, 1)
  for (let i = 0; i < other.length; i++) {
    expect(other.high[1][i]).toBeGreaterThanOrEqual(Math.max(other.open[1][i]!, other.close[1][i]!))
    expect(other.low[1][i]).toBeLessThanOrEqual(Math.min(other.open[1][i]!, other.close[1][i]!))
  }
})
