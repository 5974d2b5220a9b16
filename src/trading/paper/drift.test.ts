/** What makes a day on paper differ from its replay, and the name that the difference gets. */
import { describe, expect, test } from 'vitest'
import { goldenMarket } from '../../../test/support/golden-market.js'
import { numbersAt } from '../../../test/support/live-run.js'
import type { Distrust, JournalEvent } from '../../broker/journal.js'
import { BUY_BOTH, HOLD_BOTH } from '../../env/actions.js'
import { featureSet } from '../../env/features.js'
import { Market } from '../../market/market.js'
import { SimulatedBroker } from '../../portfolio/fills.js'
import { CANCEL, newReport, REJECT, type Report } from '../../portfolio/orders.js'
import { type Intent, LiveRun } from '../live.js'
import { DEFAULT_RULES, storedRules } from '../rules.js'
import { deedsOf, driftOf } from './drift.js'

const WARM = 3
const BARS = 12
/** The bar after which both symbols are bought, and the end of it. */
const BOUGHT = 5
const AT = '13:36'

const day = goldenMarket().slice(0, BARS)
const policy = {
  name: 'own',
  observes: false,
  act: ({ t }: { t: number }) => (t < BOUGHT ? HOLD_BOTH : BUY_BOTH),
}

/** What happens otherwise than in a backtest. Bars are those of BOUGHT, executions the first of NVDA. */
interface Otherwise {
  /** Stands in the journal before the bar. */
  readonly before?: readonly JournalEvent[]
  readonly misses?: boolean
  /** In place of what the policy does, at the bar before and at the bar. */
  readonly earlier?: number
  readonly action?: number
  readonly ages?: readonly (number | Distrust)[]
  /** The broker does not hear of the order. */
  readonly unsent?: boolean
  readonly report?: (report: Report) => void
  readonly why?: string
}

/** The journal of the day, with a broker that answers as the simulated one does. */
function journal({
  before = [],
  misses = false,
  earlier,
  action,
  ages,
  unsent,
  report,
  why,
}: Otherwise): JournalEvent[] {
  const rules = DEFAULT_RULES
  const events: JournalEvent[] = []
  const market = new Market(day.symbols, day.interval)
  const live = new LiveRun({
    ...{ market, rules, features: null, longOnly: false, listener: null },
    policy: { ...policy, isForeign: true },
  })
  const broker = new SimulatedBroker({
    ...{ fill: 'open', costs: rules.costs, fractional: false, overnight: false, intervalMs: day.intervalMs },
  })
  const settings = {
    ...{ policy: policy.name, model: null, symbols: day.symbols, interval: day.interval, longOnly: false },
    ...{ rules: storedRules(rules), warmup: WARM, features: 'intraday' },
  }
  events.push({ event: 'start', version: 1, run: 'r', settings })
  events.push({ event: 'open', at: 1, account: 'DU1', floor: 1 })
  const bars = Array.from({ length: WARM }, (_, i) => [day.time[i]!, ...numbersAt(day, i)])
  events.push({ event: 'warm', bars, alone: [] })
  for (const [time, ...numbers] of bars) live.take(time!, numbers)
  let waiting: readonly Intent[] = []
  let isBent = false
  for (let i = WARM; i < BARS; i++) {
    for (const { order, symbol: k, shares } of waiting) {
      const told = newReport()
      told.order = order
      const offer = { timeMs: day.time[i]!, barMs: day.time[i]!, price: day.open[k]![i]!, volume: 1e6 }
      const meanPrice = (day.close[0][i - 1]! + day.close[1][i - 1]!) / 2
      broker.answer(told, day.symbols[k]!, shares, { ...offer, meanPrice })
      const isFirst: boolean = k === 0 && !isBent
      if (isFirst) report?.(told)
      isBent ||= isFirst
      live.apply(told)
      events.push({ event: 'report', report: told, ...(isFirst && why !== undefined ? { why } : {}) })
    }
    const isIt = i === BOUGHT
    if (isIt) events.push(...before)
    live.take(day.time[i]!, numbersAt(day, i))
    events.push({ event: 'bar', time: day.time[i]!, numbers: numbersAt(day, i) })
    waiting = []
    if (i === BARS - 1) break
    if (isIt && misses) {
      const { heldAction } = live.state
      events.push({ event: 'miss', action: heldAction, sha256: live.miss(heldAction) })
      continue
    }
    const seen = isIt && ages !== undefined ? ages : [0, 0]
    const given = isIt ? action : i === BOUGHT - 1 ? earlier : undefined
    const known = given ?? policy.act({ t: i })
    const aged = seen.map((age) => (typeof age === 'number' ? age : Number.POSITIVE_INFINITY))
    const decided = live.decide(aged, known)
    events.push({ event: 'decide', ages: seen, action: known, sha256: decided.sha256 })
    waiting = decided.intents
    for (const { order, symbol, shares, decidedMs } of waiting) {
      const isSent = !(unsent && symbol === 0)
      const id = isSent ? order + 1 : 0
      events.push({ event: 'intent', order, id, ref: `r${order}`, symbol, shares, time: decidedMs })
      if (isSent) events.push({ event: 'sent', order, id })
    }
  }
  return events
}

/** The differences as words, but for the last, which is that of the money. */
function differences(otherwise: Otherwise): { first: string[]; pnl: number } {
  const { run, paper } = deedsOf(journal(otherwise), 'journal')
  const found = driftOf(run, paper, { policy, features: featureSet('intraday')! })
  const pnl = found.at(-1)!
  expect(pnl).toMatchObject({ kind: 'pnl', symbol: null, why: null })
  const first = found
    .slice(0, -1)
    .filter(({ timeMs }) => timeMs === day.endOf(BOUGHT))
    .map(({ timeMs, symbol, kind, paper: ours, replay, why }) => {
      const numbers = [ours, replay].map((value) => (value === null ? '-' : Number(value.toFixed(4))))
      return [new Date(timeMs).toISOString().slice(11, 16), symbol ?? '-', kind, ...numbers, why].join(' ')
    })
  return { first, pnl: pnl.paper! - pnl.replay! }
}

/** Nothing is executed. */
const ends = (kind: number) => (report: Report) =>
  Object.assign(report, newReport(), { kind, order: report.order })

const down = (detail: string): JournalEvent => ({ event: 'link', state: 'down', detail, at: 2 })
const ready: JournalEvent = { event: 'link', state: 'ready', detail: '', at: 3 }

describe('the causes of a difference', () => {
  test('a day that went as its replay has none', () => {
    expect(differences({})).toEqual({ first: [], pnl: 0 })
  })

  const none = (why: string) => [
    `${AT} - missed-bar - 8 ${why}`,
    `${AT} NVDA decision 0 5 ${why}`,
    `${AT} NVDA shares 0 5 ${why}`,
    `${AT} MSFT decision 0 1 ${why}`,
    `${AT} MSFT shares 0 1 ${why}`,
  ]
  const untrusted = (why: string) => [`${AT} NVDA decision 0 5 ${why}`, `${AT} NVDA shares 0 5 ${why}`]

  test.each<[what: string, otherwise: Otherwise, words: string[]]>([
    ['a bar that came too late', { misses: true }, none('the next bar had ended when it came')],
    [
      'a bar missed in an outage',
      { misses: true, before: [down('the gateway was restarted'), ready] },
      none('no connection: the gateway was restarted'),
    ],
    [
      'a bar missed while nothing ran',
      { misses: true, before: [{ event: 'open', at: 2, account: 'DU1', floor: 1 }] },
      none('the run did not work then'),
    ],
    [
      'another action',
      { action: HOLD_BOTH },
      [
        `${AT} - decision 4 8 `,
        `${AT} NVDA decision 0 5 `,
        `${AT} NVDA shares 0 5 `,
        `${AT} MSFT decision 0 1 `,
        `${AT} MSFT shares 0 1 `,
      ],
    ],
    ['a halted symbol', { ages: ['halt', 0] }, untrusted('the exchange had halted the symbol')],
    [
      'a symbol without orders',
      { ages: ['stopped', 0] },
      untrusted('the broker took no orders for the symbol'),
    ],
    ['data of another kind', { ages: ['data', 0] }, untrusted('its data deserved no trust')],
    ['an unknown broker', { ages: ['link', 0] }, untrusted('what the broker holds was not known')],
    [
      'a way out of what is held all the same',
      { earlier: BUY_BOTH, action: HOLD_BOTH, ages: ['stopped', 'link'] },
      [
        `${AT} - decision 4 8 `,
        `${AT} NVDA decision -5 5 `,
        `${AT} NVDA shares -5 5 `,
        `${AT} MSFT decision -1 1 `,
        `${AT} MSFT shares -1 1 `,
      ],
    ],
    ['old data', { ages: [125_500, 0] }, untrusted('its data was 125.5 s old')],
    [
      'an order that the broker rejects',
      { report: ends(REJECT), why: '201: rejected (no margin)' },
      [`${AT} NVDA rejected 0 5 201: rejected (no margin)`],
    ],
    ['the same without a word', { report: ends(REJECT) }, [`${AT} NVDA rejected 0 5 `]],
    [
      'an order that is cancelled',
      { report: ends(CANCEL), why: '202: cancelled (by the desk)' },
      [`${AT} NVDA cancelled 0 5 202: cancelled (by the desk)`],
    ],
    [
      'an order that was not sent',
      { report: ends(CANCEL), unsent: true },
      [`${AT} NVDA cancelled 0 5 it was not sent`],
    ],
    [
      'a part',
      { report: (report) => Object.assign(report, { shares: 3, slippage: report.slippage * (3 / 5) }) },
      [`${AT} NVDA shares 3 5 `],
    ],
    [
      'another market',
      { report: (report) => Object.assign(report, { price: report.price + 1 }) },
      [`${AT} NVDA price PRICE+1 PRICE `],
    ],
    [
      'another slippage',
      {
        report: (report) => Object.assign(report, { price: report.price + 1, slippage: report.slippage + 5 }),
      },
      [`${AT} NVDA slippage SLIPPAGE+1 SLIPPAGE `],
    ],
    [
      'another commission',
      { report: (report) => Object.assign(report, { fees: 1 }) },
      [`${AT} NVDA commission 1 0.35 `],
    ],
  ])('%s', (_what, otherwise, words) => {
    const open = day.open[0][BOUGHT + 1]!
    const values: Record<string, number> = { PRICE: open, SLIPPAGE: open * 1e-4 }
    const expected = words.map((line) =>
      line.replace(/([A-Z]{5,})(\+1)?/g, (_, name, more) =>
        String(Number((values[name]! + (more === undefined ? 0 : 1)).toFixed(4))),
      ),
    )
    const { first, pnl } = differences(otherwise)
    expect(first).toEqual(expected)
    expect(pnl).not.toBe(0)
  })
})
