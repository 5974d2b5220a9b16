/** A simulated gateway for tests: generated bars, real timers, an ephemeral port. */
import { simTimers } from '../../src/commands/wiring/gateway.js'
import { Names, newBatch } from '../../src/market/bar.js'
import { sessions } from '../../src/market/calendar.js'
import { mockBars } from '../../src/market/feeds/mock.js'
import { DEFAULT_COSTS } from '../../src/portfolio/costs.js'
import { SeriesGatherer } from '../../src/sim/gather.js'
import {
  DEFAULT_ACCOUNT,
  DEFAULT_CASH,
  NO_ORDER_LIMITS,
  type Sim,
  type SimOptions,
  startSim,
} from '../../src/sim/server.js'
import { Tape } from '../../src/sim/tape.js'

const DAY_MS = 86_400_000

/** A tape of generated minutes: the sessions from one date to another. */
export function mockTape({
  from = '2025-08-01',
  to = from,
  symbols = ['NVDA', 'MSFT'],
  interval = '1m',
  seed = 1,
}: {
  from?: string
  to?: string
  symbols?: string[]
  interval?: '5s' | '1m' | '5m' | '1h' | '1d'
  seed?: number
} = {}): Tape {
  const gatherer = new SeriesGatherer(symbols, interval)
  const days = sessions(Date.parse(from) / DAY_MS, Date.parse(to) / DAY_MS)
  const regime = 'noise' as const
  const settings = {
    ...{ seed, regime, noiseBps: undefined, revertBps: 25, revertHalfLifeMinutes: 10, gaps: 0 },
    ...{ trendBps: 1.5, trendMinutes: 60, defects: [] },
  }
  for (const block of mockBars({ ...settings, symbols, interval, sessions: days }))
    if (block.kind === 'bars') gatherer.push(block.batch)
  return new Tape(gatherer.series, { interval, seed })
}

/** A tape of bars as they are given: open, high, low, close, volume of one symbol, a minute each from `fromMs`. */
export function tapeOf(
  bars: Readonly<Record<string, readonly (readonly number[])[]>>,
  fromMs = Date.parse('2025-08-01T13:30:00Z'),
): Tape {
  const names = new Names()
  const gatherer = new SeriesGatherer(Object.keys(bars), '1m')
  for (const [symbol, rows] of Object.entries(bars)) {
    const batch = newBatch(rows.length, names)
    for (const [i, numbers] of rows.entries()) {
      batch.symbol[i] = names.id(symbol)
      batch.interval[i] = 2
      batch.time[i] = fromMs + i * 60_000
      batch.open[i] = numbers[0]!
      batch.high[i] = numbers[1]!
      batch.low[i] = numbers[2]!
      batch.close[i] = numbers[3]!
      batch.volume[i] = numbers[4]!
    }
    batch.length = rows.length
    gatherer.push(batch)
  }
  return new Tape(gatherer.series, { interval: '1m', seed: 1 })
}

export interface TestSim extends Sim {
  /** Lines of the log so far. */
  readonly lines: Record<string, unknown>[]
  readonly text: () => string
}

/** A gateway on a free port. Close it. */
export async function testSim(options: Partial<SimOptions> = {}): Promise<TestSim> {
  let text = ''
  const sim = await startSim({
    tape: options.tape ?? mockTape(),
    port: 0,
    speed: 'max',
    serverVersion: 193,
    accounts: [DEFAULT_ACCOUNT],
    cash: DEFAULT_CASH,
    terms: { costs: DEFAULT_COSTS, fills: 'model', fractional: false, overnight: false },
    limits: NO_ORDER_LIMITS,
    timers: simTimers,
    log: (line) => {
      text += line
    },
    note: () => {},
    ...options,
  })
  return {
    ...sim,
    text: () => text,
    get lines() {
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    },
  }
}
