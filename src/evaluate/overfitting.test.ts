import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { lehmer } from '../../test/support/lehmer.js'
import { overfitting } from './overfitting.js'

interface Known {
  readonly seed: number
  readonly trials: number
  readonly rows: number
  readonly blocks: number
  readonly pbo: number
  readonly logits: readonly number[] | null
  readonly logit_mean: number
}
const { pbo: known } = JSON.parse(readFileSync('test/fixtures/stats/evidence.json', 'utf8')) as {
  pbo: Known[]
}

/** Trials by periods; the vectors draw them period by period. */
function noise(seed: number, trials: number, periods: number): number[][] {
  const flat = lehmer(seed, trials * periods)
  return Array.from({ length: trials }, (_, k) =>
    Array.from({ length: periods }, (_, i) => flat[i * trials + k]! / 50),
  )
}

function matrixOf({ seed, trials, rows }: Known): number[][] {
  const matrix = noise(seed, trials, rows)
  if (seed === 2) {
    matrix[3] = [...matrix[7]!]
    matrix[5] = matrix[5]!.map((x) => Math.round(100 * x) / 100)
  }
  if (seed === 3) matrix[4] = matrix[4]!.map((x) => x + 0.004)
  return matrix
}

test.each(known)('as ffn has it: $trials trials, $rows periods, $blocks blocks', (one) => {
  const found = overfitting(matrixOf(one), { blocks: one.blocks })
  expect(found.pbo).toEqual({ value: expect.closeTo(one.pbo, 12) })
  const average = found.logits.reduce((sum, x) => sum + x, 0) / found.logits.length
  expect(average).toBeCloseTo(one.logit_mean, 10)
  for (const [i, logit] of (one.logits ?? []).entries()) expect(found.logits[i]).toBeCloseTo(logit, 10)
  const rest = one.rows % one.blocks
  expect(found).toMatchObject({ periods: one.rows - rest, dropped: { lacking: 0, rest } })
})

describe('what is left out is counted', () => {
  test('periods that a trial lacks, and those that make no block', () => {
    const matrix = noise(9, 10, 100)
    matrix[4]![17] = Number.NaN
    matrix[6]![17] = Number.NaN
    matrix[6]![50] = Number.NaN
    const found = overfitting(matrix)
    expect(found).toMatchObject({ blocks: 16, combinations: 12_870, periods: 96 })
    expect(found.dropped).toEqual({ lacking: 2, rest: 2 })
    const without = matrix.map((trial) => trial.filter((_, i) => i !== 17 && i !== 50))
    expect(overfitting(without).pbo).toEqual(found.pbo)
  })

  test('few periods make fewer blocks; too few, or fewer than ten trials, no figure', () => {
    expect(overfitting(noise(9, 10, 30))).toMatchObject({ blocks: 6, periods: 30, combinations: 20 })
    expect(overfitting(noise(9, 10, 15)).pbo).toEqual({
      value: null,
      reason: '15 periods that all trials have, fewer than 16',
    })
    expect(overfitting(noise(9, 9, 100)).pbo).toEqual({ value: null, reason: '9 trials, fewer than 10' })
  })

  test('rows of different lengths and infinite returns are refused', () => {
    const matrix = noise(9, 10, 40)
    expect(() => overfitting([...matrix, [0]])).toThrow('trial 11: 1 periods, where the first has 40')
    matrix[2]![3] = Number.POSITIVE_INFINITY
    expect(() => overfitting(matrix)).toThrow('trial 3, period 4: expected a finite number, got Infinity')
  })
})

test('trials that stand still are neither best nor worst, and the order of trials decides nothing', () => {
  const still = Array.from({ length: 5 }, () => Array<number>(64).fill(0))
  const losers = noise(4, 5, 64).map((trial) => trial.map((x) => x - 0.02))
  // The best stands still on both halves, in the middle of five that tie: always above the losers.
  const found = overfitting([...losers, ...still], { blocks: 4 })
  expect([...new Set(found.logits)]).toEqual([expect.closeTo(Math.log(8 / 3), 12)])
  expect([found.pbo, found.loss]).toEqual([{ value: 0 }, { value: 0 }])
  expect(overfitting([...still, ...losers], { blocks: 4 }).logits).toEqual(found.logits)
})

test('the best of ten planted edges is the best again, the best of a coin is not', () => {
  const edge = noise(12, 20, 200)
  edge[3] = edge[3]!.map((x) => x + 0.003)
  expect(overfitting(edge).pbo.value).toBeLessThan(0.05)
  expect(overfitting(noise(13, 20, 200)).pbo.value).toBeGreaterThan(0.2)
})
