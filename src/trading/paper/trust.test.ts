/** Each thing that speaks against data, alone: entries stop, both changes are told once, and the other symbol goes on. */
import { expect, test } from 'vitest'
import type { Problem } from '../../broker/listener.js'
import { Trust } from './trust.js'

const farm = (act: 'farm-broken' | 'farm-fine', name: string): Problem => ({
  code: act === 'farm-broken' ? 2103 : 2104,
  id: null,
  symbol: null,
  message: `Market data farm connection:${name}`,
  meaning: 'a data farm',
  act,
})

const CASES: readonly (readonly [
  what: string,
  why: string,
  begin: (trust: Trust) => void,
  end: ((trust: Trust) => void) | null,
  words: readonly string[],
])[] = [
  ...([2, 3, 4] as const).map(
    (type) =>
      [
        `type ${type}`,
        'data',
        (trust: Trust) => trust.type('NVDA', type),
        (trust: Trust) => trust.type('NVDA', 1),
        [
          `NVDA: its data is ${['frozen', 'delayed', 'delayed and frozen'][type - 2]}: no entries`,
          'NVDA: its data is live again',
        ],
      ] as const,
  ),
  ...([1, 2] as const).map(
    (halt) =>
      [
        `halt ${halt}`,
        'halt',
        (trust: Trust) => trust.halt('NVDA', halt),
        (trust: Trust) => trust.halt('NVDA', 0),
        [`NVDA: halted${halt === 2 ? ' by a volatility pause' : ''}: no entries`, 'NVDA: it trades again'],
      ] as const,
  ),
  [
    'refused',
    'data',
    (trust) => trust.refused('NVDA', '354: none'),
    (trust) => trust.came('NVDA'),
    ['NVDA: no entries: 354: none', 'NVDA: its data is there again'],
  ],
  [
    'silent',
    'data',
    (trust) => trust.silent('NVDA'),
    (trust) => trust.came('NVDA'),
    ['NVDA: its stream is silent: no entries', 'NVDA: its data is there again'],
  ],
  ['stopped', 'stopped', (trust) => trust.stop('NVDA', '201: no'), null, ['NVDA: no more entries: 201: no']],
]

test.each(CASES)('%s', (_, why, begin, end, words) => {
  const told: string[] = []
  const trust = new Trust(['NVDA', 'MSFT'], (said) => told.push(said))
  expect(trust.of('NVDA')).toBe(null)
  for (let i = 0; i < 3; i++) begin(trust)
  expect([trust.of('NVDA'), trust.of('MSFT')]).toEqual([why, null])
  trust.connected()
  expect(trust.of('NVDA')).toBe(why)
  for (let i = 0; i < 3; i++) end?.(trust)
  expect(trust.of('NVDA')).toBe(end === null ? why : null)
  expect(told).toEqual(words)
})

test('a broken farm is one of both symbols, until each that broke is back or the connection is new', () => {
  const told: string[] = []
  const trust = new Trust(['NVDA', 'MSFT'], (said) => told.push(said))
  for (const name of ['usfarm', 'ushmds', 'usfarm']) trust.farm(farm('farm-broken', name))
  expect([trust.of('NVDA'), trust.of('MSFT')]).toEqual(['data', 'data'])
  trust.farm(farm('farm-fine', 'usfarm'))
  trust.farm(farm('farm-fine', 'other'))
  expect(trust.of('NVDA')).toBe('data')
  trust.farm(farm('farm-fine', 'ushmds'))
  expect(trust.of('NVDA')).toBe(null)
  expect(told).toHaveLength(4)
  trust.farm(farm('farm-broken', 'usfarm'))
  trust.connected()
  expect(trust.of('NVDA')).toBe(null)
})

test('what cannot be read speaks against all until the next connection', () => {
  const trust = new Trust(['NVDA', 'MSFT'], () => {})
  expect([trust.unreadable(), trust.unreadable()]).toEqual([true, false])
  expect(trust.of('MSFT')).toBe('data')
  trust.connected()
  expect(trust.of('MSFT')).toBe(null)
})

test('a symbol that is not traded deserves nothing', () => {
  expect(new Trust(['NVDA'], () => {}).of('MSFT')).toBe('stopped')
})
