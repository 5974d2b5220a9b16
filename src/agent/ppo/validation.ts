/** How good a policy is that always takes its likeliest action: on sessions it was not trained on, or on fresh episodes. */
import { mean, standardDeviation } from '../../base/moments.js'
import { stream } from '../../base/rng.js'
import { Backtest, type BacktestOptions } from '../../trading/backtest.js'
import type { Actor } from '../model/actor.js'
import { deciding } from '../model/policy.js'
import type { Task } from '../tasks/task.js'

/** How a policy did in an evaluation. */
export interface Score {
  /** Mean reward of an episode; for trading the net dollars of the whole stretch. */
  readonly reward: number
  /** Standard error of `reward`, from its episodes or sessions; 0 where there is one alone. */
  readonly error: number
  /** Decisions of an episode, on average. */
  readonly length: number
  /** Of trading: each session of the stretch, those after a limit ended the run included. */
  readonly sessions?: readonly SessionResult[]
}

/** A New York date, in days since 1970-01-01, and the net dollars of its session. */
export interface SessionResult {
  readonly day: number
  readonly pnl: number
}

/**
 * Plays the actor from a reset on and says how it did; the same parameters get the same score, and nothing that is learnt
 * changes by it. Yields now and then, so that the caller can listen to signals.
 */
export type Evaluate = (actor: Actor) => Generator<void, Score>

const EPISODES = 20
/** Between two yields: some milliseconds of a wide network. */
const DECISIONS = 64

/** Episodes of a task from a stream of their own, the same at every call. */
export function episodes(task: Task, seed: number, count = EPISODES): Evaluate {
  return function* (actor) {
    const observation = new Float32Array(task.inputs)
    const rewards: number[] = []
    let length = 0
    for (let n = 0; n < count; n++) {
      let reward = 0
      const episode = task.start(stream(seed, 'evaluation', n), n)
      episode.reset(observation, 0)
      actor.reset()
      for (;;) {
        const result = episode.step(actor.act(observation, episode.held), observation, 0)
        reward += result.reward
        length++
        if (result.terminated || result.truncated) break
        if (length % DECISIONS === 0) yield
      }
      rewards.push(reward)
    }
    return { reward: mean(rewards), error: spread(rewards) / Math.sqrt(count), length: length / count }
  }
}

/** A backtest from a fresh account, the LSTM state carried through all its sessions. */
export function sessions(options: Omit<BacktestOptions, 'policy'>, single: boolean): Evaluate {
  return function* (actor) {
    actor.reset()
    const run = new Backtest({
      ...options,
      policy: {
        name: 'model',
        observes: true,
        act: deciding(actor, single),
      },
    })
    while (!run.advance(DECISIONS)) yield
    const results = sessionResults(run, options)
    const traded = results.map(({ pnl }) => pnl)
    const { market } = options
    const left = market.sessions.slice(market.session[run.next]! + 1)
    return {
      reward: run.state.equity - options.rules.capital,
      error: spread(traded) * Math.sqrt(traded.length),
      length: run.ledger.length,
      sessions: [...results, ...left.map(({ day }) => ({ day, pnl: 0 }))],
    }
  }
}

/** Net dollars of each session in which a decision was taken. */
function sessionResults(
  { ledger }: Backtest,
  { market, rules }: Pick<BacktestOptions, 'market' | 'rules'>,
): SessionResult[] {
  const results: { day: number; pnl: number }[] = []
  let [from, session] = [rules.capital, -1]
  for (let i = 0; i < ledger.length; i++) {
    // The equity of a decision stands at the close of the bar after it.
    const bar = market.session[ledger.first + i + 1]!
    if (bar !== session) results.push({ day: market.sessions[bar]!.day, pnl: 0 })
    session = bar
    results.at(-1)!.pnl += ledger.equity[i]! - from
    from = ledger.equity[i]!
  }
  return results
}

/** Sample deviation; 0 of a single value, which says nothing of others. */
const spread = (values: readonly number[]): number => (values.length > 1 ? standardDeviation(values) : 0)
