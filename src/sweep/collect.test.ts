import { expect, test } from 'vitest'
import { type Collected, inOrder, optionsOf } from './collect.js'

test('the words of a task are options again', () => {
  const argv = ['train', '--steps', '512', '--native', '--columns=-,time', '--net', '64,64', '--long-only']
  expect(optionsOf({ argv })).toEqual({
    ...{ steps: '512', native: 'true', columns: '-,time', net: '64,64' },
    'long-only': 'true',
  })
})

test('the last rung comes first, then the best, then the lower id; what was not validated comes last', () => {
  const one = (id: string, score: number | null, rung: number | null = null) =>
    ({ score, task: { id, halving: rung === null ? null : { rung } } }) as Collected
  const order = (all: readonly Collected[]) => inOrder(all).map(({ task }) => task.id)
  expect(order([one('a', null), one('b', -5), one('d', 2), one('c', 2), one('e', 1e300)])).toEqual([
    ...['e', 'c', 'd', 'b', 'a'],
  ])
  expect(order([one('a', 9, 0), one('b', 1, 1), one('c', 5, 0), one('d', -3, 2)])).toEqual([
    'd',
    'b',
    'a',
    'c',
  ])
})
