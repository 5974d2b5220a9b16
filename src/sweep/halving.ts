/**
 * Successive halving (Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", 2016;
 * rungs as in Li et al., "Hyperband", 2018, algorithm 1): all configurations are trained for few steps, the best part of them for
 * ETA times as many, and so on. A plan holds every rung of every configuration, and what the scores do not let go on is pruned
 * where it would start. A schedule stands on the total of steps, so each rung trains from scratch.
 */
import { usage } from '../base/errors.js'
import { type Configuration, idOf, optionIn } from './task.js'

/** Steps of a training that names none. */
export interface HalvingOptions {
  /** One of ETA configurations goes on, for ETA times the steps. */
  readonly eta: number
  /** Null for as many as leave a configuration for the last, and a rollout for the first. */
  readonly rungs: number | null
  /** Of the last rung. */
  readonly steps: number
  /** Of a rollout, which trainings are rounded up to. */
  readonly least: number
  readonly version: string
}

/** Steps and configurations of each rung, the first first. Throws 64 where so many leave less than a rollout for the first. */
export function rungsOf(
  count: number,
  { eta, rungs, steps, least }: Omit<HalvingOptions, 'version'>,
): { readonly steps: number; readonly keep: number }[] {
  let most = 1
  // Whole numbers, as a quotient of logarithms is 2.9999999999999996 for 1000 and 10.
  for (let left = count; left >= eta; left = Math.floor(left / eta)) most++
  const first = (number: number) => Math.max(1, Math.ceil(steps / eta ** (number - 1)))
  let number = Math.min(rungs ?? most, most)
  while (rungs === null && number > 1 && first(number) < least) number--
  if (number > 1 && first(number) < least) {
    throw usage(`the first of ${number} rungs has ${first(number)} steps, less than a rollout of ${least}`, {
      hint: 'give more steps, or fewer --rungs',
    })
  }
  return Array.from({ length: number }, (_, rung) => ({
    steps: Math.max(1, Math.ceil(steps / eta ** (number - 1 - rung))),
    keep: Math.floor(count / eta ** rung),
  }))
}

/** The configurations of every rung, those of the first rung first. Throws what `rungsOf` does. */
export function halved(configurations: readonly Configuration[], options: HalvingOptions): Configuration[] {
  const rungs = rungsOf(configurations.length, options)
  const all: Configuration[] = []
  let before: readonly string[] = []
  for (const [rung, { steps, keep }] of rungs.entries()) {
    const own = configurations.map(({ argv, inputs }, i) => ({
      argv: withSteps(argv, steps),
      inputs,
      needs: before,
      halving: { rung, after: rung === 0 ? null : before[i]!, keep: rung === 0 ? null : keep },
    }))
    all.push(...own)
    before = own.map((one) => idOf(one, options.version))
  }
  return all
}

function withSteps(argv: readonly string[], steps: number): string[] {
  if (optionIn(argv, 'steps') === undefined) return [argv[0]!, '--steps', String(steps), ...argv.slice(1)]
  return argv.map((word, i) => (argv[i - 1] === '--steps' ? String(steps) : word))
}
