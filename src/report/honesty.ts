/** What a reader must know before a number is believed: what the dollars are, on which data, at which costs. */
import { costWords } from '../evaluate/cost-words.js'
import { percent } from '../evaluate/shown.js'
import { CLOSE_FILLS } from '../evaluate/verdict.js'
import { INVENTED_SOURCES } from '../market/bar.js'
import { isObject, type JsonObject } from '../stream/json.js'
import type { Fact, RunKind } from './model.js'

/** What kind of run a summary is of. */
export function kindOf({ command }: JsonObject): RunKind {
  switch (command) {
    case 'paper':
    case 'backtest':
      return command
    case 'evaluate':
      return 'evaluation'
    default:
      return 'records'
  }
}

/** What the dollars are. */
export function moneyOf(kind: RunKind, summary: JsonObject): string {
  switch (kind) {
    case 'backtest':
      return 'simulated on past bars'
    case 'evaluation':
      return 'simulated on past bars, out of sample'
    case 'training':
      return 'none: a training earns nothing'
    case 'records':
      return 'not known: its records do not say'
    case 'paper': {
      const { account, gateway } = summary
      const on = typeof account === 'string' ? `paper account ${account}` : 'paper account'
      if (gateway === 'sim') return `simulated gateway, ${on}`
      return typeof gateway === 'string' ? `${on} at ${gateway}` : on
    }
  }
}

/** `2025-07-30 to 2025-08-01`; one date alone. */
export const spanWords = ([from, to]: readonly [string, string]): string =>
  from === to ? from : `${from} to ${to}`

/** The box of facts. `seed` is that of the manifest, where there is one. */
export function honestyOf(
  summary: JsonObject,
  { money, span, seed }: { money: string; span: readonly [string, string] | null; seed: string | null },
): Fact[] {
  const text = (key: string): string | null => (typeof summary[key] === 'string' ? summary[key] : null)
  const sources = Array.isArray(summary.sources) ? summary.sources.map(String) : null
  const invented = sources?.filter((source) => INVENTED_SOURCES.includes(source)) ?? []
  const costs = isObject(summary.costs) ? costWords(summary.costs) : []
  const fill = text('fill')
  const model = isObject(summary.model) ? summary.model : null
  const facts: readonly (readonly [string, string | null])[] = [
    ['Money', money],
    ['Policy', text('policy')],
    [
      'Data',
      span === null
        ? null
        : `${spanWords(span)}${text('interval') === null ? '' : `, ${text('interval')} bars`}`,
    ],
    ['Input', text('input')],
    [
      'Sources',
      sources === null
        ? 'not known'
        : `${sources.join(', ')}${invented.length > 0 ? ' (generated: proves nothing about a market)' : ''}`,
    ],
    [
      'Missing',
      typeof summary.missing === 'number' ? `${percent(summary.missing)} of the bars of the calendar` : null,
    ],
    ['Fills', fill === null ? null : fill === 'close' ? CLOSE_FILLS : 'at the open of the next bar'],
    ['Costs', costs.length > 0 ? costs.join(', ') : isObject(summary.costs) ? 'none were charged' : null],
    ['Model', model === null ? null : `${String(model.path)}, sha256 ${String(model.sha256).slice(0, 16)}`],
    ['Model saw', model === null ? null : seenWords(model)],
    ['Seed', seed],
    ['Ended', text('ending') ?? text('ended')],
  ]
  return facts.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]))
}

function seenWords({ seen }: JsonObject): string | null {
  if (!isObject(seen)) return null
  const span = (key: string): string | null => {
    const dates = seen[key]
    return Array.isArray(dates) && dates.length === 2 ? `${key} ${dates[0]} to ${dates[1]}` : null
  }
  const words = ['train', 'validation'].flatMap((key) => span(key) ?? [])
  return words.length === 0 ? null : words.join(', ')
}
