/**
 * How long the tests of kills and races are: a slice in `npm test`, their full length in `npm run torture`. Random moments
 * come from one seed, which test/setup.ts prints; JULES_SEED=N gives the same moments again.
 */
import { inject } from 'vitest'
import { stream } from '../../src/base/rng.js'

const torture = process.env.JULES_TORTURE === '1'

export const rounds = ({ short, full }: { readonly short: number; readonly full: number }): number =>
  torture ? full : short

export interface Span {
  readonly count: number
  readonly from: number
  readonly to: number
}

/** Random numbers, one in each of `count` equal parts of the span, so that a few meet its start, middle and end too; printed. */
export function moments(name: string, { count, from, to }: Span): number[] {
  const rng = stream(inject('seed'), name)
  const found = Array.from({ length: count }, (_, i) => from + ((i + rng.uniform()) / count) * (to - from))
  tried(`${name}, ${count} times: at ${found.map((one) => one.toFixed(1)).join(', ')}`)
  return found
}

/** Says what a test of many rounds has done: a run that found nothing shows how far it looked. */
export const tried = (words: string): void => console.log(`tried ${words}`)
