/** What a program is told, and what its answers come to; the process itself is in wiring/exec-program.test.ts. */
import { expect, test } from 'vitest'
import { numbersAt } from '../../test/support/live-run.js'
import { randomMarket } from '../../test/support/random-market.js'
import type { Failure } from '../base/errors.js'
import { FeatureTable, featureSet } from '../env/features.js'
import { Market } from '../market/market.js'
import { MarketView } from '../market/view.js'
import { execPolicy, type Heard } from './exec-policy.js'
import { LiveRun } from './live.js'
import type { Decision } from './policy.js'
import { DEFAULT_RULES } from './rules.js'

const columns = Array.from({ length: 12 }, (_, n) => `f${n}`)

/** A program that answers thus, and what it was told. */
function told(answer: (line: string) => Heard, unasked = 0) {
  const lines: string[] = []
  const program = {
    ask: (line: string) => {
      lines.push(line)
      return answer(line)
    },
    finish: () => unasked,
  }
  return { lines, policy: execPolicy({ command: 'CMD', program, columns, patienceMs: 250 }) }
}

const market = new Market(['9', 'MSFT'], '1m')
market.append(Date.parse('2025-08-01T13:30:00Z'), [1, 2, 0.5, 1.5, Number.NaN, 500, 501, 499.25, 500.5, 1000])
const decision: Decision = {
  t: 0,
  view: new MarketView(market, Int32Array.of(1)),
  observation: Float32Array.from({ length: 26 }, (_, i) => i / 4),
  start: true,
  held: 4,
  mask: Uint8Array.of(0, 0, 0, 0, 1, 1, 0, 1, 1),
}

test('a decision is this line', () => {
  const { lines, policy } = told(() => ({ kind: 'line', text: '{"action":5}' }))
  expect(policy.act(decision)).toBe(5)
  const inputs = (symbol: string, from: number) =>
    [...columns, 'position'].map((name, n) => `"${symbol} ${name}":${(from + n) / 4}`).join()
  expect(lines).toEqual([
    `{"time":"2025-08-01T13:31:00Z","bars":{"9":{"open":1,"high":2,"low":0.5,"close":1.5,"volume":null},"MSFT":{"open":500,"high":501,"low":499.25,"close":500.5,"volume":1000}},"inputs":{${inputs('9', 0)},${inputs('MSFT', 13)}},"mask":[0,0,0,0,1,1,0,1,1],"held":4,"start":true}\n`,
  ])
  expect(Object.keys(JSON.parse(lines[0]!).inputs).length).toBe(26)
})

test.each(['{"action":8}', '\t{ "action" : 8 }\r', '{"why":"up","action":8}'])('%j is an answer', (text) => {
  expect(told(() => ({ kind: 'line', text })).policy.act(decision)).toBe(8)
})

const at = 'the decision at 2025-08-01T13:31:00Z'
const line = (text: string | null): Heard => ({ kind: 'line', text })
const ended = (status: number | null, signal: string | null = null): Heard => ({
  ...{ kind: 'ended', status, signal },
})

test.each<[string, Heard, number, string]>([
  ['no JSON', line('hello'), 65, `the answer to ${at}: expected a JSON object, got "hello"`],
  ['a number alone', line('4'), 65, `the answer to ${at}: expected a JSON object, got "4"`],
  ['two objects', line('{"action":4}{"action":4}'), 65, `the answer to ${at}: expected a JSON object`],
  ['two actions', line('{"action":4,"action":5}'), 65, `the answer to ${at}: key "action" stands twice`],
  ['no UTF-8', line(null), 65, `the answer to ${at}: is not UTF-8`],
  ['no action', line('{"act":4}'), 65, `the answer to ${at}: has no action`],
  ['a text', line('{"action":"4"}'), 65, 'expected a whole number from 0 to 8, got "4"'],
  ['9', line('{"action":9}'), 65, 'expected a whole number from 0 to 8, got 9'],
  ['-1', line('{"action":-1}'), 65, 'expected a whole number from 0 to 8, got -1'],
  ['a half', line('{"action":0.5}'), 65, 'expected a whole number from 0 to 8, got 0.5'],
  ['null', line('{"action":null}'), 65, 'expected a whole number from 0 to 8, got null'],
  [
    'a masked action',
    line('{"action":0}'),
    65,
    `the answer to ${at}: action 0 is a short, and --long-only is given`,
  ],
  ['a long line', { kind: 'long' }, 65, `the answer to ${at}: is longer than 1048576 bytes`],
  ['a line too many', { kind: 'unasked' }, 65, `wrote a line that was not asked for before ${at}`],
  ['nothing in time', { kind: 'late' }, 69, `gave no answer within 0.25 s to ${at}`],
  ['a status', ended(3), 69, `ended with status 3 before it answered ${at}`],
  ['a signal', ended(null, 'SIGKILL'), 69, `was ended by SIGKILL before it answered ${at}`],
  ['no command', ended(127), 66, 'is not found: its shell ended with status 127'],
  ['no program', ended(126), 66, 'cannot be run: its shell ended with status 126'],
  ['no shell', { kind: 'not-started', words: 'E' }, 69, 'cannot be started: E'],
])('%s is refused, and so is what comes next', (_, heard, code, words) => {
  const answers = [heard, line('{"action":4}')]
  const { policy } = told(() => answers.shift()!)
  for (let n = 0; n < 2; n++) {
    let failure: Failure | null = null
    try {
      policy.act(decision)
    } catch (error) {
      failure = error as Failure
    }
    expect([failure?.code, failure?.where, failure?.message]).toEqual([
      ...[code, 'exec:CMD'],
      expect.stringContaining(words),
    ])
  }
})

test('status 127 after an answer is a death', () => {
  const answers = [line('{"action":4}'), ended(127)]
  const { policy } = told(() => answers.shift()!)
  policy.act(decision)
  expect(() => policy.act(decision)).toThrow(`ended with status 127 before it answered ${at}`)
})

test('lines after the last decision are told at the end', () => {
  expect(() => told(() => line('{}'), 2).policy.ended!(7)).toThrow(
    'wrote 2 more lines than the 7 decisions of the run',
  )
  expect(() => told(() => line('{}')).policy.ended!(7)).not.toThrow()
})

test('a run that goes on does not ask again for what was decided, and stands where it stood', () => {
  const bars = randomMarket({ sessions: 1, seed: 5 })
  const live = (answer: (line: string) => Heard) => {
    const { lines, policy } = told(answer)
    const own = new Market(bars.symbols, '1m')
    const features = new FeatureTable(own, featureSet('intraday')!)
    const run = new LiveRun({
      ...{ market: own, features, rules: DEFAULT_RULES, policy, longOnly: false },
    })
    return { lines, run }
  }
  const answer = (text: string) => line(`{"action":${JSON.parse(text).held === 4 ? 8 : 4}}`)
  const [first, second] = [live(answer), live(answer)]
  for (let i = 0; i < 120; i++) {
    for (const { run } of [first, second]) run.take(bars.time[i]!, numbersAt(bars, i))
    if (i < 60) continue
    const decided = first.run.decide([0, 0])
    const again = second.run.decide([0, 0], i < 100 ? decided.action : undefined)
    expect([i, again]).toEqual([i, decided])
  }
  expect(second.lines).toEqual(first.lines.slice(40))
  expect(second.lines[0]).toContain('"start":false')
})
