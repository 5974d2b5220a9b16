/** What is said of a rollout and its update. */
import type { LossFigures } from '../engines/engine.js'
import type { Rollout } from './rollout.js'

/** Said after each rollout and its update. */
export interface PpoProgress {
  /** Environment steps so far, those of this rollout included. */
  readonly step: number
  /** Epochs so far. */
  readonly updates: number
  /** Means over the update's minibatches. */
  readonly figures: LossFigures
  /** As Stable-Baselines3 tells them: the loss of the last minibatch, and the mean over those of the last epoch. */
  readonly lastLoss: number
  readonly lastApproxKl: number
  /** Mean of the norms before clipping. */
  readonly gradientNorm: number
  readonly explainedVariance: number | null
  /** In force during this update. */
  readonly rate: number
  readonly clip: number
  readonly entropyCoefficient: number
  /** Of the last 100 episodes, unnormalised; null before the first ends. */
  readonly meanReward: number | null
  readonly meanLength: number | null
}

/** What the update itself knows of it. */
export type UpdateFigures = Pick<
  PpoProgress,
  'figures' | 'lastLoss' | 'lastApproxKl' | 'gradientNorm' | 'rate' | 'clip' | 'entropyCoefficient'
>

/** Means over the minibatches of an update, of which an epoch that is not cut short has `perEpoch`. */
export class MeanFigures {
  readonly #perEpoch: number
  #count = 0
  #lastLoss = 0
  #epochKl = 0
  #norms = 0
  #steps = 0
  readonly #sums = { loss: 0, policyLoss: 0, valueLoss: 0, entropy: 0, approxKl: 0, clipFraction: 0 }

  constructor(perEpoch: number) {
    this.#perEpoch = perEpoch
  }

  add(figures: LossFigures): void {
    if (this.#count % this.#perEpoch === 0) this.#epochKl = 0
    this.#count++
    this.#epochKl += figures.approxKl
    this.#lastLoss = figures.loss
    for (const name of Object.keys(this.#sums) as (keyof LossFigures)[]) this.#sums[name] += figures[name]
  }

  /** Of the steps of Adam, one fewer than the minibatches where the last was looked at and not applied. */
  addNorms(norms: readonly number[]): void {
    this.#steps += norms.length
    for (const norm of norms) this.#norms += norm
  }

  get figures(): LossFigures {
    const { loss, policyLoss, valueLoss, entropy, approxKl, clipFraction } = this.#sums
    const mean = (sum: number) => sum / this.#count
    return {
      loss: mean(loss),
      policyLoss: mean(policyLoss),
      valueLoss: mean(valueLoss),
      entropy: mean(entropy),
      approxKl: mean(approxKl),
      clipFraction: mean(clipFraction),
    }
  }

  get last(): Pick<PpoProgress, 'lastLoss' | 'lastApproxKl'> {
    const inEpoch = ((this.#count - 1) % this.#perEpoch) + 1
    return { lastLoss: this.#lastLoss, lastApproxKl: this.#epochKl / inEpoch }
  }

  get norm(): number {
    return this.#steps === 0 ? 0 : this.#norms / this.#steps
  }
}

/** 1 - Var(returns - values) / Var(returns) of a rollout; null where the returns do not vary. */
export function explainedVariance({ returns, values }: Rollout): number | null {
  const variance = (at: (i: number) => number): number => {
    let [mean, squares] = [0, 0]
    for (let i = 0; i < returns.length; i++) mean += at(i) / returns.length
    for (let i = 0; i < returns.length; i++) squares += (at(i) - mean) * (at(i) - mean)
    return squares
  }
  const all = variance((i) => returns[i]!)
  return all === 0 ? null : 1 - variance((i) => returns[i]! - values[i]!) / all
}
