/** Masked categorical actions with the hold prior: the same arithmetic in rollout, evaluation and inference. */
import { Failure } from '../../base/errors.js'
import { exp, log } from '../../base/math.js'
import type { Rng } from '../../base/rng.js'

/** What turns logits into probabilities besides the softmax. */
export interface ActionRule {
  /** 1 for each action that may be chosen. */
  readonly allowed: Uint8Array
  /** Added to the logit of the action in force. */
  readonly holdPrior: number
}

/** Softmax over the allowed actions. `held` is the action in force, -1 for none; logits may be rows of a larger array. */
export class ActionDistribution {
  readonly #rule: ActionRule
  readonly #logits: Float64Array
  readonly #weights: Float64Array
  /** Of the action chosen last. */
  logProb = 0

  constructor(rule: ActionRule) {
    this.#rule = rule
    this.#logits = new Float64Array(rule.allowed.length)
    this.#weights = new Float64Array(rule.allowed.length)
  }

  /** Draws an action from the logits at `from`; its log probability stands in `logProb`. */
  sample(logits: ArrayLike<number>, from: number, held: number, rng: Rng): number {
    const most = this.#load(logits, from, held)
    const { allowed } = this.#rule
    const count = allowed.length
    let sum = 0
    for (let a = 0; a < count; a++) {
      const weight = allowed[a] === 1 ? exp(this.#logits[a]! - most) : 0
      this.#weights[a] = weight
      sum += weight
    }
    let left = rng.uniform() * sum
    let action = -1
    for (let a = 0; a < count; a++) {
      if (allowed[a] === 0) continue
      action = a
      left -= this.#weights[a]!
      if (left < 0) break
    }
    this.logProb = this.#logits[action]! - most - log(sum)
    return action
  }

  /** The likeliest action; the first of equals. */
  mode(logits: ArrayLike<number>, from: number, held: number): number {
    const most = this.#load(logits, from, held)
    const { allowed } = this.#rule
    return allowed.findIndex((one, a) => one === 1 && this.#logits[a] === most)
  }

  /** The probability of each action; 0 of one that is not allowed. */
  probabilities(logits: ArrayLike<number>, from: number, held: number): number[] {
    const most = this.#load(logits, from, held)
    const weights = [...this.#rule.allowed].map((one, a) => (one === 1 ? exp(this.#logits[a]! - most) : 0))
    const sum = weights.reduce((all, weight) => all + weight, 0)
    return weights.map((weight) => weight / sum)
  }

  /** Logits with the prior, in `#logits`; returns the largest allowed one. Throws 70 where a logit is not finite: the argmax of nothing is no choice. */
  #load(logits: ArrayLike<number>, from: number, held: number): number {
    const { allowed, holdPrior } = this.#rule
    let most = Number.NEGATIVE_INFINITY
    let sum = 0
    for (let a = 0; a < allowed.length; a++) {
      const logit = a === held ? Math.fround(logits[from + a]! + holdPrior) : logits[from + a]!
      this.#logits[a] = logit
      sum += logit
      if (allowed[a] === 1 && logit > most) most = logit
    }
    if (sum - sum !== 0) throw notFinite(this.#logits)
    return most
  }
}

function notFinite(logits: Float64Array): Failure {
  const action = logits.findIndex((logit) => !Number.isFinite(logit))
  return new Failure(
    'bug',
    `the policy gives action ${action} a logit of ${logits[action]}: nothing is traded on it`,
    {
      hint: 'the model is damaged, or was trained on numbers that are not finite: train it again',
    },
  )
}
