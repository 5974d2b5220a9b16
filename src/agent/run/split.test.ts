import { expect, test } from 'vitest'
import { sessionsThatLeave, splitAt, splitSessions } from './split.js'

test.each([
  [100, 70, 85],
  [20, 14, 17],
  // 5.6 and 6.8, rounded.
  [8, 6, 7],
  [7, 5, 6],
])('%i sessions: the first %i train, up to %i validate, the rest tests', (count, trainEnd, validationEnd) => {
  expect(splitSessions(count)).toEqual({ trainEnd, validationEnd })
})

test('too few sessions for three parts are not split', () => {
  // 6 x 0.7 = 4.2 and 6 x 0.85 = 5.1 leave one for each; of 5 sessions the parts are 3.5 and 4.25, both 4.
  expect([0, 1, 2, 3, 4, 5].map(splitSessions)).toEqual([null, null, null, null, null, null])
  expect(splitSessions(6)).toEqual({ trainEnd: 4, validationEnd: 5 })
})

test('every session is in one part, and no part is empty', () => {
  for (let count = 6; count < 500; count++) {
    const { trainEnd, validationEnd } = splitSessions(count)!
    expect(0 < trainEnd && trainEnd < validationEnd && validationEnd < count).toBe(true)
    // Within a session of its share.
    expect(Math.abs(trainEnd - 0.7 * count)).toBeLessThanOrEqual(0.5)
    expect(Math.abs(validationEnd - 0.85 * count)).toBeLessThanOrEqual(0.5)
  }
})

test('so many sessions leave 20 for testing, and one less does not', () => {
  expect(sessionsThatLeave(20)).toBe(131)
  const left = (sessions: number) => sessions - splitSessions(sessions)!.validationEnd
  for (let test = 1; test < 60; test++) {
    const sessions = sessionsThatLeave(test)
    expect([test, left(sessions)]).toEqual([test, test])
    if (test > 1) expect(left(sessions - 1)).toBe(test - 1)
  }
})

test.each([
  [{ validation: null, test: null }, 70, 85],
  [{ validation: 20, test: 0 }, 80, 100],
  [{ validation: null, test: 0 }, 85, 100],
  [{ validation: 5, test: null }, 80, 85],
  [{ validation: 60, test: 39 }, 1, 61],
])('of 100 sessions %o: %i train, up to %i validate', (parts, trainEnd, validationEnd) => {
  expect(splitAt(100, parts)).toEqual({ trainEnd, validationEnd })
})

test('parts that leave nothing to train on are none', () => {
  expect(splitAt(100, { validation: 60, test: 40 })).toBeNull()
  expect(splitAt(1, { validation: null, test: 0 })).toBeNull()
})
