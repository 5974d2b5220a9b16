/** Counting calls: limits as text, two commands at once, clocks that go back, files that are damaged. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockWorld, place } from '../../../test/support/feed-bench.js'
import { takeLock } from '../../base/lock.js'
import { DAY, HOUR, MINUTE, newYorkMidnight, parseDate, SECOND } from '../../base/time.js'
import { Names } from '../bar.js'
import type { FeedFailure, HistoryWorld } from './history.js'
import { FREE_LIMITS, type Limit, limitsOf, QuotaFile, type QuotaPlace } from './quota.js'

const NOON_DAY = parseDate('2025-08-20')!
const MIDNIGHT = newYorkMidnight(NOON_DAY)
const NOON = MIDNIGHT + 12 * HOUR

function counter(file = join(place(), 'state', 'quotas.json'), clock = { ms: NOON }) {
  const said: string[] = []
  const waits: number[] = []
  const say = (words: string) => void said.push(words)
  const { signal } = new AbortController()
  const world: HistoryWorld = {
    ...{ signal, note: say, warn: say, detail: say, names: new Names() },
    clock: () => clock.ms,
    wait: async (ms) => {
      waits.push(ms)
      clock.ms += ms
    },
    random: () => 0.5,
    onBad: say,
  }
  const quota = new QuotaFile(lockWorld(signal), file)
  const at = (limits: readonly Limit[], account = 'a'): QuotaPlace => ({
    ...{ source: 'polygon', account, limits, patienceMs: 2 * MINUTE },
  })
  return { quota, world, said, waits, clock, file, at }
}

const perMinute: readonly Limit[] = [{ calls: 5, unit: 'minute' }]
const perDay: readonly Limit[] = [{ calls: 3, unit: 'day' }]

test('limits are read, and stand instead of all those of a free account', () => {
  expect(limitsOf([])).toEqual(FREE_LIMITS)
  expect(limitsOf(['alphavantage=75/minute', 'massive=none'])).toEqual({
    ...FREE_LIMITS,
    alphavantage: [{ calls: 75, unit: 'minute' }],
    polygon: [],
  })
  expect(limitsOf(['alpaca=10/second', 'alpaca=500/day']).alpaca).toEqual([
    { calls: 10, unit: 'second' },
    { calls: 500, unit: 'day' },
  ])
  for (const word of [
    'alpaca',
    'alpaca=',
    'alpaca=0/day',
    'alpaca=5/hour',
    'alpaca=-1/day',
    'x=5/day',
    'ib=none',
  ])
    expect(() => limitsOf([word])).toThrow(/expected SOURCE=N\/second/)
})

test('a call waits until the minute has room for it, and says so', async () => {
  const { quota, world, waits, said, at } = counter()
  for (let i = 0; i < 11; i++) await quota.take(at(perMinute), world)
  expect(waits).toEqual([MINUTE, MINUTE])
  expect(said).toEqual(Array(2).fill('polygon: 5 calls a minute are used up: waiting 60 s'))
})

test('commands one after another and two at once stay within a limit together; keys have their own', async () => {
  const one = counter()
  const other = counter(one.file, one.clock)
  const take = ({ quota, world, at }: typeof one, account?: string) => quota.take(at(perDay, account), world)
  const lefts = await Promise.all([take(one), take(other), take(one)])
  expect(lefts.sort()).toEqual([0, 1, 2])
  await expect(take(other)).rejects.toMatchObject({ kind: 'tryAgain', untilMs: MIDNIGHT + DAY })
  expect(await take(other, 'b')).toBe(2)
  one.clock.ms = MIDNIGHT + DAY
  expect(await take(counter(one.file, one.clock))).toBe(2)
})

test('while another command counts, a call waits for what it writes', async () => {
  const { quota, world, file, at } = counter()
  await quota.take(at(perMinute), world)
  const release = await takeLock(lockWorld(world.signal), file, { waitMs: 0 })
  const left = quota.take(at(perDay), world)
  await new Promise((done) => setImmediate(done))
  const counts = { times: [], day: NOON_DAY, calls: 2, untilMs: 0 }
  writeFileSync(file, JSON.stringify({ 'polygon a': counts }))
  release()
  expect(await left).toBe(0)
})

test('a wait beyond the patience is not waited', async () => {
  const { quota, world, waits, at } = counter()
  const place = { ...at(perMinute), patienceMs: 30 * SECOND }
  for (let i = 0; i < 5; i++) await quota.take(place, world)
  const error: FeedFailure = await quota.take(place, world).then(
    () => expect.unreachable(),
    (thrown) => thrown,
  )
  expect(error).toMatchObject({ kind: 'tryAgain', untilMs: NOON + MINUTE })
  expect(error.message).toBe('5 calls a minute are used up: asked again from 2025-08-20T16:01:00Z on')
  expect(waits).toEqual([])
})

test('the counts decide which limit the server means, until they are wrong twice', async () => {
  const free = FREE_LIMITS.alphavantage
  const few = counter()
  await few.quota.take(few.at(free), few.world)
  await few.quota.refused(few.at(free), few.world, { time: 1, afterMs: null })
  await few.quota.take(few.at(free), few.world)
  expect(few.waits).toEqual([SECOND])
  await few.quota.refused(few.at(free), few.world, { time: 2, afterMs: null })
  await expect(few.quota.take(few.at(free), few.world)).rejects.toMatchObject({ untilMs: MIDNIGHT + DAY })
  // Another command hears of it too.
  const next = counter(few.file)
  await expect(next.quota.take(next.at(free), next.world)).rejects.toMatchObject({ kind: 'tryAgain' })
  const all = counter()
  for (let i = 0; i < 25; i++) await all.quota.take(all.at(free), all.world)
  await all.quota.refused(all.at(free), all.world, { time: 1, afterMs: null })
  expect(await all.quota.freeAt(all.at(free), all.world)).toBe(MIDNIGHT + DAY)
})

test('a clock that goes back locks nobody out', async () => {
  const { quota, world, said, clock, at } = counter()
  clock.ms = NOON + 400 * DAY
  for (let i = 0; i < 3; i++) await quota.take(at(perDay), world)
  for (let i = 0; i < 5; i++) await quota.take(at(perMinute, 'b'), world)
  await quota.refused(at(perMinute, 'b'), world, { time: 1, afterMs: DAY })
  clock.ms = NOON
  expect(await quota.take(at(perDay), world)).toBe(2)
  await quota.take(at(perMinute, 'b'), world)
  expect(said).toEqual(
    Array(2).fill('polygon: the clock has gone back: calls counted ahead of it are forgotten'),
  )
})

test.each([
  '',
  '{',
  '[]',
  '{"polygon a":1}',
  '{"polygon a":{"times":[null],"day":0,"calls":0,"untilMs":0}}',
  '\0',
])('a damaged file %j is told and begun anew', async (text) => {
  const file = join(place(), 'quotas.json')
  writeFileSync(file, text)
  const { quota, world, said, at } = counter(file)
  expect(await quota.take(at(perDay), world)).toBe(2)
  expect(await quota.take(at(perDay), world)).toBe(1)
  expect(said).toEqual([`${file} is damaged: calls are counted anew`])
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ 'polygon a': { calls: 2 } })
})

test('without a file that can be written the calls of this command are counted', async () => {
  const directory = place()
  writeFileSync(join(directory, 'state'), '')
  for (const file of [join(directory, 'state', 'quotas.json'), directory]) {
    mkdirSync(directory, { recursive: true })
    const { quota, world, said, at } = counter(file)
    for (let i = 0; i < 3; i++) expect(await quota.take(at(perDay), world)).toBe(2 - i)
    await expect(quota.take(at(perDay), world)).rejects.toMatchObject({ kind: 'tryAgain' })
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/^calls are counted for this command alone: /)
  }
})
