/** What the options of a run say to its rules. */
import { expect, test } from 'vitest'
import type { Options } from '../../cli/options.js'
import { DEFAULT_LIMITS } from '../../risk/limits.js'
import { options } from './options.js'
import { type Flags, liveRules } from './settings.js'

/** The options as they are where only these are given. */
function flags(given: Readonly<Record<string, string>>): Flags {
  const all = Object.entries(options as Options).map(([name, spec]) => {
    const text = given[name]
    return [name, text === undefined ? spec.fallback : spec.parse(text)]
  })
  return Object.fromEntries(all) as Flags
}

test('the limits of a live run are those of every run, but where they are given', () => {
  expect(liveRules(flags({}), '1m').limits).toEqual({ ...DEFAULT_LIMITS, maxLeverage: null })
  const { limits } = liveRules(flags({ 'max-orders-per-min': '3', 'stale-after': '7.5' }), '1m')
  expect(limits).toEqual({ ...DEFAULT_LIMITS, maxLeverage: null, ordersPerMinute: 3, maxAgeMs: 7500 })
})

test.each([
  ['ftp://hooks.example/t0ken', 'begins with http'],
  ['https://', 'begins with http'],
  ['https://hooks.example:x/t0ken', 'begins with http'],
  ['https://me:t0ken@hooks.example/', 'without a name and a password'],
])('%s is refused as an address, and not repeated', (given, words) => {
  for (const name of ['webhook', 'healthcheck'] as const) {
    const refused = () => options[name].parse(given)
    expect(refused).toThrow(expect.objectContaining({ code: 64, message: expect.stringContaining(words) }))
    expect(refused).toThrow(expect.objectContaining({ message: expect.not.stringContaining('t0ken') }))
  }
})
