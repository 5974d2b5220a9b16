/**
 * Probability of backtest overfitting: how often the best of the trials on one half of the time is no better than the middle one
 * on the other. By combinatorially symmetric cross-validation: Bailey, Borwein, Lopez de Prado and Zhu, The probability of
 * backtest overfitting, Journal of Computational Finance 20 (2017).
 */
import { badData } from '../base/errors.js'
import { log } from '../base/math.js'
import { counted } from '../base/words.js'
import type { Figure } from './metrics.js'

export interface Overfitting {
  /** Share of the combinations in which the logit is 0 or below. */
  readonly pbo: Figure
  /** Share of the combinations in which the best of one half has a Sharpe ratio below 0 on the other. */
  readonly loss: Figure
  readonly trials: number
  /** Periods that were used. */
  readonly periods: number
  /** Blocks that time was cut into; 0 where there is no figure. */
  readonly blocks: number
  readonly combinations: number
  /** Periods left out: because a trial lacks them, and because the blocks have one length; the newest ones. */
  readonly dropped: { readonly lacking: number; readonly rest: number }
  /** ln(w / (1 - w)) of each combination, w the relative rank; in the order of the combinations. */
  readonly logits: Float64Array
}

/** Below this many trials a rank says little. */
export const LEAST_TRIALS = 10
/** A block of fewer periods is no piece of time. */
const LEAST_BLOCK = 4
const MOST_BLOCKS = 16

/**
 * The figures of a matrix of trials by periods: `trials[k][i]` is the return of trial k in period i, NaN where it has none; all
 * trials of a search, not the good ones alone. A trial is judged by its Sharpe ratio; one without any deviation has 0 where it
 * stands still, else no bound. The relative rank is that among the trials over their number plus 1, ties by their mean rank, as
 * are those of several best. `blocks`, an even number, is made smaller until a block has 4 periods. Throws 65 for rows of different
 * lengths or infinite returns.
 */
export function overfitting(
  trials: readonly ArrayLike<number>[],
  { blocks: wanted = MOST_BLOCKS }: { readonly blocks?: number } = {},
): Overfitting {
  const kept = completePeriods(trials)
  const all = trials[0]?.length ?? 0
  const blocks = Math.min(wanted - (wanted % 2), 2 * Math.floor(kept.length / (2 * LEAST_BLOCK)))
  const reason =
    trials.length < LEAST_TRIALS
      ? `${counted(trials.length, 'trial')}, fewer than ${LEAST_TRIALS}`
      : blocks < 4
        ? `${kept.length} periods that all trials have, fewer than ${4 * LEAST_BLOCK}`
        : null
  if (reason !== null) {
    const none: Figure = { value: null, reason }
    return {
      pbo: none,
      loss: none,
      trials: trials.length,
      periods: 0,
      blocks: 0,
      combinations: 0,
      dropped: { lacking: all - kept.length, rest: 0 },
      logits: new Float64Array(0),
    }
  }
  const length = Math.floor(kept.length / blocks)
  const sums = trials.map((trial) => blockSums(trial, kept, { blocks, length }))
  const combinations = halves(blocks)
  const logits = new Float64Array(combinations.length)
  const inside = new Float64Array(trials.length)
  const outside = new Float64Array(trials.length)
  const half = (blocks / 2) * length
  let overfitted = 0
  let losses = 0
  for (const [c, chosen] of combinations.entries()) {
    for (const [k, own] of sums.entries()) {
      let sum = 0
      let squares = 0
      for (const block of chosen) {
        sum += own.sum[block]!
        squares += own.squares[block]!
      }
      inside[k] = sharpeOf(own, half, sum, squares)
      outside[k] = sharpeOf(own, half, own.allSum - sum, own.allSquares - squares)
    }
    const { rank, value } = bestOutside(inside, outside)
    const w = rank / (trials.length + 1)
    logits[c] = log(w / (1 - w))
    if (2 * rank <= trials.length + 1) overfitted++
    if (value < 0) losses++
  }
  return {
    pbo: { value: overfitted / combinations.length },
    loss: { value: losses / combinations.length },
    trials: trials.length,
    periods: blocks * length,
    blocks,
    combinations: combinations.length,
    dropped: { lacking: all - kept.length, rest: kept.length - blocks * length },
    logits,
  }
}

/** The periods for which every trial has a return. Throws 65 for rows of different lengths or infinite returns. */
export function completePeriods(trials: readonly ArrayLike<number>[]): number[] {
  const periods = trials[0]?.length ?? 0
  const lacking = new Uint8Array(periods)
  for (const [k, trial] of trials.entries()) {
    if (trial.length !== periods)
      throw badData(`trial ${k + 1}: ${trial.length} periods, where the first has ${periods}`)
    for (let i = 0; i < periods; i++) {
      if (Number.isNaN(trial[i]!)) lacking[i] = 1
      else if (!Number.isFinite(trial[i]!))
        throw badData(`trial ${k + 1}, period ${i + 1}: expected a finite number, got ${trial[i]}`)
    }
  }
  return Array.from(lacking.keys()).filter((i) => lacking[i] === 0)
}

interface Sums {
  /** Mean over all blocks; the sums are of what is apart from it, so that no digits are lost. */
  readonly centre: number
  readonly sum: Float64Array
  readonly squares: Float64Array
  readonly allSum: number
  readonly allSquares: number
}

function blockSums(
  trial: ArrayLike<number>,
  kept: readonly number[],
  { blocks, length }: { readonly blocks: number; readonly length: number },
): Sums {
  let total = 0
  for (let i = 0; i < blocks * length; i++) total += trial[kept[i]!]!
  const centre = total / (blocks * length)
  const sum = new Float64Array(blocks)
  const squares = new Float64Array(blocks)
  let [allSum, allSquares] = [0, 0]
  for (let i = 0; i < blocks * length; i++) {
    const block = Math.floor(i / length)
    const apart = trial[kept[i]!]! - centre
    sum[block]! += apart
    squares[block]! += apart * apart
  }
  for (let block = 0; block < blocks; block++) {
    allSum += sum[block]!
    allSquares += squares[block]!
  }
  return { centre, sum, squares, allSum, allSquares }
}

/** Mean over sample deviation of n values, from the sums of what is apart from the centre. */
function sharpeOf({ centre, allSquares }: Sums, n: number, sum: number, squares: number): number {
  const mean = centre + sum / n
  const variance = (squares - (sum * sum) / n) / (n - 1)
  // What rounding leaves of values that are all the same: of one that never traded, above all.
  if (!(variance * n > 1e-13 * (allSquares + n * centre * centre)))
    return Math.abs(mean) > 1e-12 * Math.abs(centre) ? mean / 0 : 0
  return mean / Math.sqrt(variance)
}

/** Rank from 1 and value outside of what is best inside; both are means where several are. */
function bestOutside(inside: Float64Array, outside: Float64Array): { rank: number; value: number } {
  let most = Number.NEGATIVE_INFINITY
  for (let k = 0; k < inside.length; k++) if (inside[k]! > most) most = inside[k]!
  let [rank, value, best] = [0, 0, 0]
  for (let k = 0; k < inside.length; k++) {
    if (inside[k] !== most) continue
    let [below, ties] = [0, 0]
    for (let other = 0; other < outside.length; other++) {
      if (outside[other]! < outside[k]!) below++
      else if (outside[other] === outside[k]) ties++
    }
    rank += below + (ties + 1) / 2
    value += outside[k]!
    best++
  }
  return { rank: rank / best, value: value / best }
}

/** Every choice of half the blocks, in lexicographic order. */
function halves(blocks: number): number[][] {
  const found: number[][] = []
  const chosen: number[] = []
  const choose = (from: number): void => {
    if (chosen.length === blocks / 2) {
      found.push([...chosen])
      return
    }
    for (let block = from; block < blocks; block++) {
      chosen.push(block)
      choose(block + 1)
      chosen.pop()
    }
  }
  choose(0)
  return found
}
