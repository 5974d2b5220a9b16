/** Lists of numbers against lists of numbers. */
import { expect } from 'vitest'

/** The numbers of nested arrays, in order. */
export const flat = (value: unknown): number[] =>
  Array.isArray(value) ? value.flatMap(flat) : [Number(value)]

/** Largest difference of two lists of one length. */
export function worst(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length)
  let most = 0
  for (let i = 0; i < found.length; i++) most = Math.max(most, Math.abs(found[i]! - expected[i]!))
  return most
}
