/** A recurrent policy that is started again after any bar: its memory is what it was, and so is its next action. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type JournalEvent, readJournal } from '../../src/broker/journal.js'
import { FeatureTable, featureSet } from '../../src/env/features.js'
import { Market } from '../../src/market/market.js'
import { numbersOf, trustedAges } from '../../src/trading/paper/replayed.js'
import { liveOf, type PaperSettings } from '../../src/trading/paper/start.js'
import type { Policy } from '../../src/trading/policy.js'
import { RecordWriter } from '../../src/trading/records.js'
import { DEFAULT_RULES } from '../../src/trading/rules.js'
import { fixedModel } from '../support/fixed-model.js'
import { play, simFor, TYPES } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'

const WARMUP = 50
const day = randomMarket({ sessions: 1, seed: 7, bps: 20 })

let model: Awaited<ReturnType<typeof fixedModel>>
let folder: string
let path: string
let events: readonly JournalEvent[]
beforeAll(async () => {
  model = await fixedModel()
  folder = mkdtempSync(join(tmpdir(), 'jules memory '))
  path = join(folder, 'j.ndjson')
  const parts = { market: day, policy: model.policy, warmup: WARMUP }
  const sim = await simFor(parts)
  await play(parts, sim, path)
  await sim.close()
  events = (await readJournal(path)).events
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await model.end()
})

/** The run that the first events make. */
function until(count: number, policy: Policy = model.policy()) {
  const market = new Market(day.symbols, day.interval)
  const lines: string[] = []
  const listener = new RecordWriter({
    ...{ run: 'r', market, rules: DEFAULT_RULES, types: TYPES },
    write: (line) => lines.push(line),
  })
  const settings = (events[0] as Extract<JournalEvent, { event: 'start' }>).settings as PaperSettings
  const features = new FeatureTable(market, featureSet('intraday')!)
  const { live } = liveOf(
    {
      ...{ market, features, rules: DEFAULT_RULES, policy, longOnly: false, listener, settings },
      ...{ events: events.slice(0, count), journal: { path } },
    },
    false,
  )
  return { live, lines }
}

test('after every bar of a day the next action and its digest are those of the run that went on', () => {
  let tried = 0
  for (const [i, event] of events.entries()) {
    const next = events.slice(i + 1).find(({ event: kind }) => kind === 'decide')
    if (event.event !== 'bar' || next?.event !== 'decide') continue
    // The bar itself comes after the restart: the features are computed from a journal, not carried along.
    const { live } = until(i)
    live.take(event.time, numbersOf(event.numbers))
    const { action, sha256 } = live.decide(trustedAges(next.ages))
    expect([action, sha256]).toEqual([next.action, next.sha256])
    tried++
  }
  expect(tried).toBe(day.length - WARMUP - 1)
})

test('a policy without its memory, or another model, is refused at the first decision that differs', () => {
  const { act, ...rest } = model.policy()
  let calls = 0
  // Forgets what it saw half a day ago.
  const forgetful: Policy = {
    ...rest,
    act: (decision) => act({ ...decision, start: false }),
    save: () => [calls++ < 200 ? 0 : 1],
  }
  expect(() => until(events.length, forgetful)).toThrow(/another memory/)
})
