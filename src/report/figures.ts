/** The figures of a summary in groups, each as every format shows it. */
import { FIGURES, type FigureKey } from '../evaluate/shown.js'
import { isObject, type JsonObject } from '../stream/json.js'
import type { FigureGroup } from './model.js'

const GROUPS: readonly { readonly title: string; readonly keys: readonly FigureKey[] }[] = [
  {
    title: 'Result',
    keys: ['pnl', 'equity', 'total_return', 'annual_return', 'cost', 'fees', 'turnover', 'break_even_bps'],
  },
  {
    title: 'Risk',
    keys: [
      'max_drawdown',
      'max_drawdown_dollars',
      'max_drawdown_bars',
      'volatility',
      'var95',
      'cvar95',
      'exposure',
      'uptime',
    ],
  },
  {
    title: 'Evidence',
    keys: [
      't_sessions',
      'sharpe',
      'sortino',
      'calmar',
      'sharpe_bar',
      'sortino_bar',
      'psr',
      'dsr',
      'dsr_null_var',
      'dsr_neff',
      'pbo',
      'p_random',
      'min_trl',
      'trials',
      'windows_positive',
    ],
  },
  {
    title: 'Trading',
    keys: [
      'trades',
      'round_trips',
      'hit_rate',
      'profit_factor',
      'holding_minutes',
      'decisions',
      'sessions',
      'missing',
    ],
  },
]

/** Those that the summary has, or says why it has not. */
export function figureGroups(summary: JsonObject): FigureGroup[] {
  const reasons = isObject(summary.reasons) ? summary.reasons : {}
  // Without round trips these are those of the sessions: jules-metrics(7).
  const ofSessions = typeof summary.round_trips === 'number' ? [] : ['hit_rate', 'profit_factor']
  return GROUPS.map(({ title, keys }) => ({
    title,
    figures: keys.flatMap((key) => {
      const value = summary[key]
      const reason = reasons[key]
      if (typeof value !== 'number' && typeof reason !== 'string') return []
      const [name, show] = FIGURES[key]
      const number = typeof value === 'number' ? value : null
      return [
        {
          ...{ key, value: number, shown: show(number), reason: number === null ? String(reason) : null },
          name: ofSessions.includes(key) ? `${name}, sessions` : name,
        },
      ]
    }),
  })).filter(({ figures }) => figures.length > 0)
}
