import { describe, expect, test } from 'vitest'
import { stream } from '../base/rng.js'
import { combinatorial, pathsOf, type Span, type Window, walkForward } from './windows.js'

const sessionsOf = ({ from, to }: Span): number[] => Array.from({ length: to - from }, (_, i) => from + i)

/** The sessions that a window trains and validates on. */
const trained = ({ train, gaps }: Window): number[] => {
  const out = new Set(gaps.flatMap(sessionsOf))
  return sessionsOf(train).filter((session) => !out.has(session))
}
const tested = ({ tests }: Window): number[] => tests.flatMap(sessionsOf)

describe('walk-forward', () => {
  const options = { sessions: 100, train: 40, test: 10, purge: 1, anchored: false, validation: null }

  test('windows roll on by a test, and what fills none is left over', () => {
    // (100 - 41) / 10 = 5.9
    const windows = walkForward(options)
    expect(windows.map(({ train, tests }) => [train.from, train.to, tests[0]!.from, tests[0]!.to])).toEqual([
      [0, 40, 41, 51],
      [10, 50, 51, 61],
      [20, 60, 61, 71],
      [30, 70, 71, 81],
      [40, 80, 81, 91],
    ])
    // 15 / 85 of 40 are 7.06
    expect(windows.map(({ number, validation }) => [number, validation])).toEqual(
      [1, 2, 3, 4, 5].map((number) => [number, 7]),
    )
  })

  test('anchored windows all begin with the first session', () => {
    const windows = walkForward({ ...options, anchored: true, validation: 5 })
    expect(windows.map(({ train }) => [train.from, train.to])).toEqual([
      [0, 40],
      [0, 50],
      [0, 60],
      [0, 70],
      [0, 80],
    ])
    expect(windows.every(({ validation }) => validation === 5)).toBe(true)
  })

  test('every session after the first training is tested once, after all that its window has seen', () => {
    const rng = stream(3, 'walk-forward')
    for (let n = 0; n < 300; n++) {
      const [train, span, purge] = [2 + rng.int(30), 1 + rng.int(12), rng.int(4)]
      const sessions = train + purge + span + rng.int(60)
      const anchored = n % 2 === 0
      const windows = walkForward({ sessions, train, test: span, purge, anchored, validation: null })
      const all = windows.flatMap(tested)
      expect(all).toEqual(sessionsOf({ from: train + purge, to: all.at(-1)! + 1 }))
      expect(sessions - all.length - train - purge).toBeLessThan(span)
      for (const window of windows) {
        expect(tested(window)[0]! - trained(window).at(-1)! - 1).toBe(purge)
        expect(window.validation).toBeLessThan(trained(window).length)
      }
    }
  })

  test('bars that are too few say how many one window takes', () => {
    expect(() => walkForward({ ...options, sessions: 50 })).toThrow('50 sessions are fewer than the 51')
    expect(() => walkForward({ ...options, validation: 40 })).toThrow('leave none beside 40')
  })
})

describe('combinatorial', () => {
  const options = { sessions: 60, groups: 6, tests: 2, purge: 1, embargo: 2, validation: null }

  test('all 15 choices of 2 groups of 6, and the 5 paths through them', () => {
    const windows = combinatorial(options)
    expect(windows.length).toBe(15)
    expect(windows.map(({ tests }) => tests.map(({ from }) => from / 10).join(''))).toEqual(
      '01 02 03 04 05 12 13 14 15 23 24 25 34 35 45'.split(' '),
    )
    const paths = pathsOf(windows)
    expect(paths.length).toBe(5)
    for (const path of paths) expect(path.map(({ test }) => test.from)).toEqual([0, 10, 20, 30, 40, 50])
    // No test serves two paths.
    const used = paths.flatMap((path) => path.map(({ window, test }) => `${window} ${test.from}`))
    expect([new Set(used).size, used.length]).toEqual([30, 30])
  })

  test('training keeps its distance, before and after', () => {
    for (const [purge, embargo] of [
      [0, 0],
      [1, 0],
      [1, 2],
      [2, 3],
    ] as const) {
      for (const window of combinatorial({ ...options, purge, embargo })) {
        for (const session of trained(window)) {
          for (const { from, to } of window.tests)
            expect(session < from - purge || session >= to + purge + embargo).toBe(true)
        }
        // Validation lies after the last gap.
        const after = window.train.to - (window.gaps.at(-1)?.to ?? window.train.from)
        expect(window.validation).toBeLessThanOrEqual(after)
        expect(window.validation).toBeGreaterThan(0)
      }
    }
  })

  test('groups that leave nothing to train on are refused', () => {
    expect(() => combinatorial({ ...options, sessions: 5 })).toThrow('fewer than 6 groups')
    expect(() => combinatorial({ ...options, groups: 2, tests: 2 })).toThrow('too few to train on')
    expect(() => combinatorial({ ...options, sessions: 12, purge: 3, embargo: 3 })).toThrow('too few')
  })
})

test('a learner that remembers earns on noise where nothing is purged, and nothing where it is', () => {
  // Label: what noise moves over the next 5 sessions; feature: over the last 5. Sessions side by side share most of both.
  const [sessions, horizon, markets] = [240, 5, 40]
  const earned = (purge: number): number => {
    let total = 0
    for (let seed = 0; seed < markets; seed++) {
      const rng = stream(seed, 'noise')
      const level = new Float64Array(sessions + 2 * horizon)
      for (let i = 1; i < level.length; i++) level[i] = level[i - 1]! + rng.normal()
      const move = (i: number) => level[i + horizon]! - level[i]!
      const windows = combinatorial({
        ...{ sessions, groups: 6, tests: 2, purge, embargo: 0, validation: null },
      })
      for (const window of windows) {
        const seen = trained(window)
        for (const i of tested(window)) {
          // The neighbour in what was seen, by the last move and the time, decides the side.
          const like = (j: number) => Math.abs(move(j) - move(i)) + Math.abs(j - i) * 0.1
          const nearest = seen.reduce((best, j) => (like(j) < like(best) ? j : best))
          total += (Math.sign(move(nearest + horizon)) * move(i + horizon)) / (15 * 80 * markets)
        }
      }
    }
    return total
  }
  // A move of 5 sessions deviates by the root of 5.
  const [unpurged, purged] = [earned(0), earned(horizon)]
  expect(unpurged).toBeGreaterThan(0.1)
  expect(Math.abs(purged)).toBeLessThan(0.05)
})
