/** Bad lines that are passed over: a few are told, all are counted. */
import { expect, test } from 'vitest'
import type { Context } from '../../cli/context.js'
import { Rejects } from './rejects.js'

test('the first bad lines are told, then that there are more', async () => {
  const told: string[] = []
  const context = { ui: { warn: (words: string) => told.push(words) } } as unknown as Context
  const rejects = new Rejects(context, { count: 0, share: 1 })
  const problem = { field: 'close', rule: 'not-a-number', words: 'expected a number', value: 'x' } as const
  for (let line = 1; line <= 1000; line++) await rejects.take({ name: 'bars.csv', line, problem, raw: '' })
  expect(rejects.rejected).toBe(1000)
  expect(told).toHaveLength(21)
  expect(told[0]).toBe('bars.csv:1: close: expected a number')
  expect(told.slice(19)).toEqual([
    'bars.csv:20: close: expected a number',
    'further bad lines are counted and not shown; --rejects FILE keeps them all',
  ])
})
