/** What to do after a run, for people: words, and where there is one a command that works as printed. */
import { splitSessions } from '../../agent/run/split.js'
import { formatDate } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { LEAST_SESSIONS } from '../../evaluate/metrics.js'
import { threshold, type Verdict } from '../../evaluate/verdict.js'
import type { Market } from '../../market/market.js'
import { marketOptions } from '../wiring/market.js'
import { strategyOptions } from '../wiring/strategy.js'

/** Names of the options that the commands after a backtest share with it. */
const SHARED: ReadonlySet<string> = new Set([...Object.keys(marketOptions), ...Object.keys(strategyOptions)])

/** Those of the backtest alone; where its output goes is chosen anew. */
const BACKTEST: ReadonlySet<string> = new Set(['policy', 'seed'])

/** Something to do: words, and the command where there is one. */
export interface Next {
  readonly words: string
  readonly command: readonly string[] | null
}

/** What a run was, as far as the step after it depends on that. */
export interface RunFacts {
  readonly market: Market
  readonly warmup: number
  readonly verdict: Verdict
  readonly fill: 'open' | 'close'
  readonly trades: number
  readonly sessions: number
  readonly t: number | null
  readonly trials: number | null
  /** The bars are generated. */
  readonly invented: boolean
  readonly model: {
    /** Last session of its validation, where the run went over sessions that the model has seen. */
    readonly seenTo: string | null
  } | null
  /** Another command on the same bars under the same settings, but for some; null where the bars came from a pipe. */
  readonly again: Again
}

type Again = (
  command: 'backtest' | 'train' | 'check-env',
  changes: Readonly<Record<string, string>>,
) => readonly string[] | null

/** Command lines from the settings of this run. */
export const againOf =
  (context: Context, operands: readonly string[]): Again =>
  (command, changes) => {
    if (operands.includes('-')) return null
    const words = ['jules', command]
    for (const [name, { raw, value, origin }] of context.settings) {
      const taken = command === 'backtest' ? SHARED.has(name) || BACKTEST.has(name) : SHARED.has(name)
      const wanted = taken || (name === 'policy' && command === 'check-env')
      if (!wanted || origin === 'default' || raw === undefined || value === false || name in changes) continue
      words.push(`--${name}`, ...(value === true ? [] : [raw]))
    }
    for (const [name, value] of Object.entries(changes)) words.push(`--${name}`, value)
    return [...words, ...operands]
  }

/** The first thing that is wrong, in the order in which it pays to mend it. */
export function nextOf(facts: RunFacts): Next {
  const { verdict, model, again, sessions } = facts
  if (model?.seenTo != null) {
    const from = firstUnseen(facts.market, model.seenTo, facts.warmup)
    return from === null
      ? { words: `bars after ${model.seenTo}, which the model has not seen`, command: null }
      : {
          words: `the sessions from ${from} on, which the model has not seen`,
          command: again('backtest', { from }),
        }
  }
  if (facts.fill === 'close')
    return { words: 'fills that a market offers', command: again('backtest', { fill: 'open' }) }
  if (facts.trades === 0 || !verdict.earned) {
    return model === null
      ? {
          words: 'a policy that learns',
          command: splitSessions(facts.market.sessions.length) === null ? null : again('train', {}),
        }
      : { words: 'other settings, features or bars; each training is one more trial', command: null }
  }
  if (sessions < LEAST_SESSIONS)
    return {
      words: `${LEAST_SESSIONS - sessions} more sessions, for ${LEAST_SESSIONS} in all`,
      command: null,
    }
  if (facts.invented)
    return {
      words: 'the same on bars of a market, which fetch and load take in',
      command: ['jules', 'help', 'load'],
    }
  if (verdict.believable) {
    return {
      words: 'a check of policy and bars for looks at the future',
      command: again('check-env', {}),
    }
  }
  return { words: moreSessions(facts), command: null }
}

/** First session after a date that has room for a warm-up and a decision, as a New York date. */
function firstUnseen(market: Market, last: string, warmup: number): string | null {
  const session = market.sessions.find(({ day }) => formatDate(day) > last)
  if (session === undefined || market.length - session.first < warmup + 2) return null
  return formatDate(session.day)
}

/** t grows with the root of the sessions, where the rest stays as it is. */
function moreSessions({ t, sessions, trials }: RunFacts): string {
  const needed = threshold(sessions, trials)
  if (t === null || t <= 0 || t > needed) return 'bars that lack nothing, with costs'
  const share = needed / t
  return `about ${Math.ceil(sessions * share * share)} sessions in all would tell, if it went on like this`
}
