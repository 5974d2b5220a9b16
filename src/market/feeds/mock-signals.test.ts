/** Signals that are planted in the walk, to be found. */
import { describe, expect, test } from 'vitest'
import { closes, many, mean, moves } from '../../../test/support/mock-feed.js'

describe('planted signals', () => {
  test('mean-revert: half-life 10 minutes, standard deviation 25 bps', () => {
    // E (x[t+k] - x[t])^2 = 2 * 25^2 * (1 - 2^(-k/10)), plus jumps; the random walk is switched off.
    const paths = closes('MSFT', { sessions: many, regime: 'mean-revert', noiseBps: 0 })
    for (const k of [1, 5, 10, 20, 60]) {
      const squares: number[] = []
      for (const path of paths)
        for (let i = k; i < path.length; i++) squares.push((path[i]! - path[i - k]!) ** 2)
      const expected = 2 * 625 * (1 - 2 ** (-k / 10)) + (k * 1600) / 1950
      expect(Math.abs(mean(squares) / expected - 1), `after ${k} minutes`).toBeLessThan(0.04)
    }
    // Stationary from the open on: deviations of the first minute are as wide.
    const first = paths.map((path) => path[0]! - mean(Array.from(path)))
    expect(Math.abs(mean(first.map((x) => x * x)) / 625 - 1)).toBeLessThan(0.35)
  })

  test('mean-revert: the random walk beneath moves 5 bps a minute', () => {
    const squares = moves('MSFT', { sessions: many, regime: 'mean-revert' }).map(({ move }) => move * move)
    const expected = 25 + 2 * 625 * (1 - 2 ** -0.1) + 1600 / 1950
    expect(Math.abs(mean(squares) / expected - 1)).toBeLessThan(0.03)
  })

  test('mean-revert: half-life and width are adjustable', () => {
    const paths = closes('MSFT', {
      regime: 'mean-revert',
      noiseBps: 0,
      revertBps: 50,
      revertHalfLifeMinutes: 2,
    })
    const squares = paths.flatMap((path) => Array.from(path.subarray(2), (x, i) => (x - path[i]!) ** 2))
    expect(Math.abs(mean(squares) / (2 * 2500 * 0.5) - 1)).toBeLessThan(0.08)
  })

  test('trend: -1.5, 0 or 1.5 bps a minute, redrawn once an hour', () => {
    const paths = closes('MSFT', { sessions: many, regime: 'trend', noiseBps: 0 })
    // E d[t] d[t+k] = 1.5^2 * 2/3 * (1 - 1/60)^k.
    for (const k of [5, 30, 90]) {
      const products: number[] = []
      for (const path of paths) {
        for (let i = k + 1; i < path.length; i++) {
          products.push((path[i]! - path[i - 1]!) * (path[i - k]! - path[i - k - 1]!))
        }
      }
      expect(Math.abs(mean(products) - 1.5 * (59 / 60) ** k), `lag ${k}`).toBeLessThan(0.12)
    }
    // Nearly every move is one of the three, to the rounding of a tick.
    const found = paths.flatMap((path) => Array.from(path.subarray(1), (x, i) => x - path[i]!))
    const near = (d: number) => found.filter((move) => Math.abs(move - d) < 0.4).length / found.length
    for (const d of [-1.5, 0, 1.5]) expect(Math.abs(near(d) - 1 / 3), `${d}`).toBeLessThan(0.05)
    expect(near(-1.5) + near(0) + near(1.5)).toBeGreaterThan(0.998)
  })

  test('trend: drift and length are adjustable', () => {
    const still = closes('MSFT', { regime: 'trend', noiseBps: 0, trendBps: 0 })
    const quiet = still.flatMap((path) => Array.from(path.subarray(1), (x, i) => x - path[i]!))
    expect(quiet.filter((move) => Math.abs(move) < 1e-9).length / quiet.length).toBeGreaterThan(0.998)
  })

  test('the random walk beneath is that of noise', () => {
    const [plain, planted] = [moves('MSFT', {}), moves('MSFT', { regime: 'trend' })]
    const drift = planted.map(({ move }, i) => move - plain[i]!.move)
    expect(Math.max(...drift.map(Math.abs))).toBeLessThan(1.5 + 0.5)
  })
})
