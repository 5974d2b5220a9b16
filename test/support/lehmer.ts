/** Numbers that other languages draw too, for vectors that were made elsewhere: Lehmer's generator, as test/fixtures/stats has it. */
export function lehmer(seed: number, count: number): number[] {
  let x = seed
  return Array.from({ length: count }, () => {
    x = (16_807 * x) % 2_147_483_647
    return x / 2_147_483_647 - 0.5
  })
}

/** Returns whose losses are rare and large. */
export const skewedReturns = (seed: number, count: number): number[] =>
  lehmer(seed, count).map((u) => 0.002 + 0.02 * u - 0.06 * (u < -0.45 ? 1 : 0))

/** Each value leans on the one before it. */
export function leaningReturns(seed: number, count: number, rho: number): number[] {
  let x = 0
  return lehmer(seed, count).map((u) => {
    x = rho * x + 0.02 * u
    return x
  })
}
