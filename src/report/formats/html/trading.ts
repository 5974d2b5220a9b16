/** What was done: actions, symbols, trades, what the guard refused, and slippage. */
import { grouped, shellWord } from '../../../base/words.js'
import { newYorkTime } from '../../../page/charts/axis.js'
import { barsOf } from '../../../page/charts/bars.js'
import { shownIn } from '../../../page/charts/units.js'
import { dataBlock, type Html, html, visible } from '../../../page/markup.js'
import { numbersOf, tableOf } from '../../../page/table.js'
import type { RunReport, Slippage, Trade } from '../../model.js'
import { countWords, figureOf, gain, money, none, partOf } from './section.js'

/** Use of the nine joint positions. */
export function actions({ actions, curve }: RunReport): Html {
  const held = curve?.positions.length ?? 0
  if (held > 2) return none(`It held ${held} symbols; what was chosen is counted for two at most.`)
  if (actions === null || actions.length === 0) return none('Which positions were chosen is not known.')
  return barsOf({
    name: 'Part of the decisions after which each position was held',
    heading: 'position',
    values: 'part of the decisions',
    unit: 'part',
    bars: actions.map(({ words, part }) => ({ name: words, value: part, shown: partOf(part) })),
  })
}

/** Profit, costs and turnover of each symbol. */
export function bySymbol({ bySymbol }: RunReport): Html {
  if (bySymbol.length === 0) return none('Nothing is known of single symbols.')
  return barsOf({
    name: 'Net result by symbol',
    heading: 'symbol',
    values: 'net result',
    unit: 'dollars',
    more: ['round trips', 'earned', 'fees', 'slippage', 'turnover'],
    bars: bySymbol.map(({ symbol, pnl, trips, hitRate, fees, slippage, turnover }) => ({
      name: symbol,
      value: pnl,
      more: [grouped(trips, 0), partOf(hitRate), money(fees), money(slippage), money(turnover)],
    })),
  })
}

/** Bytes of trades in a page; where there are more, its last ones. */
const MOST_TRADE_BYTES = 150_000
/** The best and the worst that stand in the page without a script. */
const ENDS = 5

/** The best and worst trades, and the list of them. */
export function trades(run: RunReport): Html {
  const { trades, place, name } = run
  if (trades.length === 0) {
    const told = figureOf(run, 'trades')?.value ?? figureOf(run, 'round_trips')?.value ?? null
    const isKnown = told === 0 || (told === null && run.curve !== null && !run.isPartial)
    return none(
      isKnown ? 'No position was opened.' : 'The run has no fill records, so that its trades are not known.',
    )
  }
  const ordered = trades.filter(({ pnl }) => Number.isFinite(pnl)).sort((a, b) => b.pnl - a.pnl)
  const ends = ordered.length <= 2 * ENDS ? ordered : [...ordered.slice(0, ENDS), ...ordered.slice(-ENDS)]
  const { data, count } = tradeData(trades)
  const full = `jules report ${shellWord(visible(place))} -o trades.csv`
  const all = `${countWords(trades.length, 'round trip')} from flat to flat, ${grouped(ordered.filter(({ pnl }) => pnl > 0).length, 0)} of them earned.`
  const cut = count === trades.length ? '' : ` The last ${grouped(count, 0)} are listed here.`
  return html`<p>${all}${cut} The full list: <code>${full}</code></p>
${tableOf({
  name: trades.length <= 2 * ENDS ? 'All trades' : `The ${ENDS} best and the ${ENDS} worst trades`,
  isTitled: true,
  columns: [
    { name: 'net result', isNumber: true },
    ...[{ name: 'symbol' }, { name: 'side' }, { name: 'shares', isNumber: true }, { name: 'entry' }],
    ...[{ name: 'price', isNumber: true }, { name: 'exit' }, { name: 'price', isNumber: true }],
    { name: 'costs', isNumber: true },
  ],
  rows: ends.map((trade) => [
    gain(trade.pnl),
    ...[
      trade.symbol,
      trade.side,
      shownIn('shares', trade.shares),
      newYorkTime(trade.entryMs),
      money(trade.entryPrice),
    ],
    trade.exitMs === null ? 'still held' : newYorkTime(trade.exitMs),
    money(trade.exitPrice),
    money(trade.costs),
  ]),
})}
<jules-trades label="${`Trades of ${name}`}">${dataBlock(data)}<p class="none">The list that can be sorted and filtered needs scripts.</p></jules-trades>`
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))

/** The block of `client/trades.ts`, and how many trades are in it. */
function tradeData(all: readonly Trade[]): { data: unknown; count: number } {
  const symbols = [...new Set(all.map(({ symbol }) => symbol))]
  const numbers = new Map(symbols.map((symbol, k) => [symbol, k]))
  const listed = (trades: readonly Trade[]): (number | null)[] =>
    trades.flatMap((trade, n) => {
      const seconds = Math.round(trade.entryMs / 1000)
      return [
        numbers.get(trade.symbol)!,
        trade.side === 'short' ? -trade.shares : trade.shares,
        seconds - (n === 0 ? 0 : Math.round(trades[n - 1]!.entryMs / 1000)),
        rounded(trade.entryPrice, 4),
        trade.exitMs === null ? null : Math.round(trade.exitMs / 1000) - seconds,
        trade.exitPrice === null ? null : rounded(trade.exitPrice, 4),
        rounded(trade.pnl, 2),
        rounded(trade.costs, 2),
      ]
    })
  const bytes = JSON.stringify(listed(all)).length
  const count = bytes <= MOST_TRADE_BYTES ? all.length : Math.floor((all.length * MOST_TRADE_BYTES) / bytes)
  return { data: { symbols, trades: listed(all.slice(-count)) }, count }
}

/** Events that a page lists; the records have the others. */
const MOST_EVENTS = 200

/** What the guard said, counted, and its words. */
export function risk({ risk, curve, isPartial }: RunReport): Html {
  if (risk.all === 0)
    return none(
      curve === null || isPartial
        ? 'The run has no records of its guard.'
        : 'The guard had nothing to refuse, and no limit was reached.',
    )
  const events = risk.events.slice(0, MOST_EVENTS)
  const some =
    events.length < risk.all
      ? `the first ${grouped(events.length, 0)} of ${grouped(risk.all, 0)} events`
      : countWords(risk.all, 'event')
  return html`${tableOf({
    name: 'Events by rule',
    columns: [{ name: 'rule' }, { name: 'action' }, { name: 'events', isNumber: true }],
    rows: risk.counts.map(({ rule, action, count }) => [rule, action, grouped(count, 0)]),
  })}
${
  events.length === 0
    ? null
    : numbersOf({
        name: some,
        columns: [
          { name: 'New York time' },
          { name: 'rule' },
          { name: 'action' },
          { name: 'symbol' },
          { name: 'what happened', isWords: true },
        ],
        rows: events.map(({ timeMs, rule, action, symbol, words }) => [
          newYorkTime(timeMs),
          rule,
          action,
          symbol ?? '-',
          words,
        ]),
      })
}`
}

/** Slippage that was paid beside what the cost model expects. */
export function slippage({ slippage }: RunReport): Html {
  if (slippage === null) return none('Slippage is not known.')
  const bars = [{ name: 'seen in fills', value: slippage.seen, shown: money(slippage.seen) }]
  if (slippage.modelled === null)
    return html`<p>Slippage paid: ${money(slippage.seen)}. It is what the cost model gave, so that there is nothing to hold it against.</p>`
  return html`${barsOf({
    name: 'Slippage',
    heading: 'slippage',
    values: 'dollars',
    unit: 'dollars',
    bars: [
      ...bars,
      { name: 'expected by the cost model', value: slippage.modelled, shown: money(slippage.modelled) },
    ],
  })}
<p class="dim">${differenceWords(slippage)}</p>`
}

function differenceWords({ seen, modelled }: Slippage): string {
  const more = seen - modelled!
  if (Math.abs(more) < 0.005) return 'As much as the model expects.'
  return `${money(Math.abs(more))} ${more > 0 ? 'more' : 'less'} than the model expects.`
}
