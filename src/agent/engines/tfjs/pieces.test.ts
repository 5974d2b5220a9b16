/** Sequences cut at the starts of episodes, worked by hand. */
import { expect, test } from 'vitest'
import { TINY } from '../../../../test/support/engines.js'
import type { Experience } from '../engine.js'
import { cut, tablesOf } from './pieces.js'

/** Two blocks of three steps of two lanes; row r observes r. Lane 1 begins an episode at rows 3 (block 0, step 1) and 7 (block 1, step 0). */
const rows = Array.from({ length: 12 }, (_, r) => r)
const experience: Experience = {
  steps: 3,
  lanes: 2,
  blocks: 2,
  observations: Float32Array.from(rows),
  episodeStarts: Uint8Array.from(rows, (r) => (r === 3 || r === 7 ? 1 : 0)),
  valid: Uint8Array.from(rows, (r) => (r === 10 ? 0 : 1)),
  actions: Int32Array.from(rows, (r) => r % 2),
  oldLogProbs: Float32Array.from(rows, (r) => -r),
  advantages: Float32Array.from(rows, (r) => 10 * r),
  returns: Float32Array.from(rows, (r) => 100 * r),
  hidden: Float32Array.from({ length: 4 * 8 }, (_, i) => i),
  cell: Float32Array.from({ length: 4 * 8 }, (_, i) => -i),
  held: Int32Array.from(rows, (r) => (r === 0 ? -1 : 1)),
}
const settings = {
  clip: 0.2,
  valueCoefficient: 0.5,
  entropyCoefficient: 0,
  normaliseAdvantage: false,
  holdPrior: 0,
  allowed: Uint8Array.of(1, 1),
}

test('a sequence in which an episode starts becomes two, and the shorter are padded with the row of zeros', () => {
  const [none, zero] = [12, 4]
  // Sequence 1: row 1, then a new episode at rows 3 and 5. Sequence 2 is rows 6, 8, 10, of which the last is not valid.
  expect(cut(experience, [2, 1], settings)).toEqual({
    steps: 3,
    pieces: 3,
    numbers: Float32Array.of(
      0,
      1,
      1 / 5,
      ...[2, 1, zero],
      ...[6, 1, 3],
      ...[8, none, 5],
      ...[10, none, none],
    ),
  })
})

test('where all are cut, nothing is longer than the longest piece; a start at the first step leaves the state out', () => {
  expect(cut(experience, [1], settings)).toMatchObject({ steps: 2, pieces: 2 })
  const { steps, pieces, numbers } = cut(experience, [3], settings)
  expect([steps, pieces, ...numbers.slice(3)]).toEqual([3, 1, 4, 7, 9, 11])
})

test('the tables hold each row once, and a row and a state of zeros', () => {
  const { rows: table, rowCount, states, stateCount } = tablesOf(experience, TINY)
  expect([rowCount, stateCount, table.length, states.length]).toEqual([13, 5, 13 * 9, 5 * 16])
  const row = (r: number) => [...table.subarray(9 * r, 9 * r + 9)]
  // Observed; action 0 or 1; held 0 or 1; log probability, advantage, return, valid.
  expect(row(0)).toEqual([0, 1, 0, 0, 0, -0, 0, 0, 1])
  expect(row(3)).toEqual([3, 0, 1, 0, 1, -3, 30, 300, 1])
  // Its observation moves the state on, whatever becomes of it.
  expect(row(10)).toEqual([10, 0, 0, 0, 0, 0, 0, 0, 0])
  expect(row(12)).toEqual(new Array(9).fill(0))
  expect([...states.subarray(16, 34)]).toEqual([
    ...[8, 9, 10, 11, 12, 13, 14, 15],
    ...[-8, -9, -10, -11, -12, -13, -14, -15],
    ...[16, 17],
  ])
  expect([...states.subarray(64)]).toEqual(new Array(16).fill(0))
})
