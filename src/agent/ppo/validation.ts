/** How good a policy is that always takes its likeliest action: on sessions it was not trained on, or on fresh episodes. */
import { stream } from '../../base/rng.js'
import { Backtest, type BacktestOptions } from '../../trading/backtest.js'
import type { Actor } from '../model/actor.js'
import type { Task } from '../tasks/task.js'
import { jointAction, singleAction } from '../tasks/trading.js'

/** How a policy did in an evaluation. */
export interface Score {
  /** Mean reward of an episode; for trading the net dollars of the whole stretch. */
  readonly reward: number
  /** Decisions of an episode, on average. */
  readonly length: number
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
    let [reward, length] = [0, 0]
    for (let n = 0; n < count; n++) {
      const episode = task.start(stream(seed, 'evaluation', n))
      episode.reset(observation, 0)
      actor.reset()
      for (;;) {
        const result = episode.step(actor.act(observation, episode.held), observation, 0)
        reward += result.reward
        length++
        if (result.terminated || result.truncated) break
        if (length % DECISIONS === 0) yield
      }
    }
    return { reward: reward / count, length: length / count }
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
        // A single ticker sees the first half of an observation, and its actions are 0, 1, 2.
        act: ({ observation, held }) =>
          single ? jointAction(actor.act(observation, singleAction(held))) : actor.act(observation, held),
      },
    })
    while (!run.advance(DECISIONS)) yield
    return { reward: run.state.equity - options.rules.capital, length: run.ledger.length }
  }
}
