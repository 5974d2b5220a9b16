/** What depends on the number of steps in Adam, where an engine works that out beside its kernels. */
import type { AdamSettings } from './engine.js'

/** rate / (1 - beta1^n) and sqrt(1 - beta2^n) of step n, from 1 on: the corrections of Kingma and Ba, 2015, algorithm 1. */
export const corrections = (
  { rate, beta1, beta2 }: Pick<AdamSettings, 'rate' | 'beta1' | 'beta2'>,
  n: number,
): { readonly corrected: number; readonly root: number } => ({
  corrected: rate / (1 - power(beta1, n)),
  root: Math.sqrt(1 - power(beta2, n)),
})

/** base^n by repeated squaring: Math.pow differs between versions of V8. */
function power(base: number, n: number): number {
  let [result, square] = [1, base]
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square
    square *= square
  }
  return result
}
