import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { firstOf, randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import type { Market } from '../market/market.js'
import { RULES } from '../risk/rules.js'
import { Backtest } from './backtest.js'
import { ledgerDigest } from './ledger-digest.js'
import { randomPolicy } from './policies.js'
import { RECORD_TYPES, RecordWriter } from './records.js'
import { DEFAULT_RULES } from './rules.js'

function run(market: Market, { seed = 1, name = 'r', slippage = 1 } = {}) {
  const lines: string[] = []
  const rules = { ...DEFAULT_RULES, costs: { ...DEFAULT_RULES.costs, halfSpreadBps: slippage } }
  const types = new Set(RECORD_TYPES)
  const listener = new RecordWriter({ run: name, market, rules, types, write: (line) => lines.push(line) })
  const policy = randomPolicy(stream(seed, 'policy'))
  const past = new Backtest({ market, features: null, rules, policy, longOnly: false, warmup: 9, listener })
  while (!past.advance(100));
  return { past, lines, digest: ledgerDigest(past.ledger, market) }
}

interface Line {
  readonly [key: string]: unknown
  readonly detail: { readonly symbol?: string; readonly wanted?: number; readonly allowed?: number }
}

/** The hash by its definition, from nothing but the records and the bars; the rule of an order that completes one is not told. */
function digestOf(lines: readonly string[], market: Market, completing: readonly number[]): string {
  const records = lines.map((line) => JSON.parse(line) as Line & Record<string, never>)
  const rows = records.filter(({ type }) => type === 'equity') as Record<string, never>[]
  const symbols = market.traded
  const numberOf = (rule: string) => RULES.findIndex(({ name }) => name === rule)
  const events: { step: number; kind: number; symbol: number; numbers: number[] }[] = []
  let step = 0
  const rest = [...completing]
  for (const { type, symbol, side, qty, reason, price, commission, slippage, rule, detail } of records) {
    const sign = side === 'buy' ? 1 : -1
    const k = symbols.indexOf(type === 'risk' ? (detail as Line['detail']).symbol! : symbol!)
    if (type === 'equity') step++
    else if (type === 'order') {
      const completes = reason === 'complete'
      const behind = completes ? rest.shift()! : reason === 'target' ? 0 : numberOf(reason!)
      events.push({ step, kind: 0, symbol: k, numbers: [sign * qty!, behind, completes ? 1 : 0, 0] })
    } else if (type === 'fill')
      events.push({ step, kind: 1, symbol: k, numbers: [sign * qty!, price!, commission!, slippage!] })
    else {
      const { wanted = 0, allowed = 0, value } = detail as Record<string, number>
      events.push({
        step,
        kind: 2,
        symbol: k < 0 ? 2 : k,
        numbers: [numberOf(rule!), wanted, allowed, value!],
      })
    }
  }
  const column = (values: readonly number[]) => {
    const bytes = Buffer.alloc(8 * values.length)
    for (const [i, value] of values.entries()) bytes.writeDoubleLE(value, 8 * i)
    return bytes
  }
  const steps = Buffer.alloc(4 * events.length)
  for (const [i, event] of events.entries()) steps.writeInt32LE(event.step, 4 * i)
  const hash = createHash('sha256')
  for (const bytes of [
    JSON.stringify(['jules-ledger/1', symbols, rows.length, events.length]),
    // A record of equity stands at the end of its bar.
    column(rows.map(({ time }) => Date.parse(time!) - market.intervalMs)),
    column(rows.map(({ cash }) => cash!)),
    column(rows.map(({ equity }) => equity!)),
    ...symbols.map((symbol) => column(rows.map(({ positions }) => positions![symbol]!))),
    steps,
    Buffer.from(events.map(({ kind }) => kind)),
    Buffer.from(events.map(({ symbol }) => symbol)),
    column(events.flatMap(({ numbers }) => numbers)),
  ])
    hash.update(bytes)
  return hash.digest('hex')
}

const two = randomMarket({ sessions: 2, seed: 3 })

test.each([
  ['two symbols', two],
  ['one symbol', firstOf(two)],
])('the hash of %s is that of the records by its definition', (_, market) => {
  const { past, lines, digest } = run(market)
  const { events } = past.ledger
  const kinds = new Set(lines.map((line) => JSON.parse(line).type))
  expect(kinds).toEqual(new Set(['order', 'fill', 'risk', 'equity']))
  const completing = Array.from({ length: events.length }, (_, i) => i)
    .filter((i) => events.kind[i] === 0 && events.number(i, 2) === 1)
    .map((i) => events.number(i, 1))
  expect(digest).toBe(digestOf(lines, market, completing))
})

test('it knows no names, and tells a share, a cent and a bar apart', () => {
  const { past, digest } = run(two)
  expect(run(two, { name: 'another' }).digest).toBe(digest)
  expect(run(two, { seed: 2 }).digest).not.toBe(digest)
  expect(run(two, { slippage: 1.0001 }).digest).not.toBe(digest)
  const { ledger } = past
  ledger.cash[0]! += 0.01
  expect(ledgerDigest(ledger, two)).not.toBe(digest)
  ledger.cash[0]! -= 0.01
  two.time[ledger.first + 1]! += 1
  expect(ledgerDigest(ledger, two)).not.toBe(digest)
  two.time[ledger.first + 1]! -= 1
})

test('neither the sign of zero nor the bits of a NaN tell two ledgers apart', () => {
  const { past, digest } = run(two)
  const { position, events } = past.ledger
  const flat = position[0].indexOf(0)
  position[0][flat] = -0
  expect(ledgerDigest(past.ledger, two)).toBe(digest)
  events.numbers[3] = Number.NaN
  const before = ledgerDigest(past.ledger, two)
  new BigUint64Array(events.numbers.buffer)[3] = 0xfff8_0000_0000_0001n
  expect(ledgerDigest(past.ledger, two)).toBe(before)
})
