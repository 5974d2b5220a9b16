import { expect, test } from 'vitest'
import { formatTime, MINUTE, SECOND } from '../../base/time.js'
import type { Gateway } from '../../broker/gateway.js'
import type { GatewayListener } from '../../broker/listener.js'
import { type Bar, barAt, type Interval } from '../../market/bar.js'
import type { BrokerBar } from '../../market/feeds/ib.js'
import { ibStream } from './follow-ib.js'

const at = (time: string) => Date.parse(time)
const OPEN = at('2025-07-30T13:30:00Z')

/** The bar of five seconds at a time: a cent up each, ten shares. */
const part = (startMs: number): BrokerBar => {
  const open = 100 + (startMs - OPEN) / 500_000
  return {
    startMs,
    open,
    high: open + 0.02,
    low: open - 0.01,
    close: open + 0.01,
    volume: 10,
    vwap: open,
    trades: 1,
  }
}

interface Story {
  readonly from?: number | undefined
  readonly interval?: Interval
  readonly startMs: number
  readonly endMs: number
  /** The gateway's clock minus that of the machine. */
  readonly offsetMs?: number
  readonly sends?: (symbol: string, startMs: number) => boolean
  readonly history?: (symbol: string, startMs: number) => BrokerBar | null
  readonly on?: (listener: Partial<GatewayListener>, nowMs: number) => void
}

/** A stream told by a gateway that sends each part at its end, and by its clock. */
async function play(story: Story) {
  const { startMs, endMs, offsetMs = 0, sends = () => true, history = () => null, interval = '1m' } = story
  const symbols = ['NVDA', 'MSFT', 'AAPL']
  let brokerMs = startMs
  let listener: Partial<GatewayListener> = {}
  const asked: string[] = []
  const said: string[] = []
  const stop = new AbortController()
  const feed = ibStream({
    symbols,
    interval,
    fromMs: story.from,
    connect: async (given) => {
      listener = given
      listener.clock!(offsetMs)
      return { subscribeBars: async () => {} } as unknown as Gateway
    },
    historyOf: () => ({
      history: async ({ symbol, endMs: end, lengthMs }) => {
        asked.push(`${symbol} ${formatTime(end - lengthMs).slice(11, 16)} ${lengthMs / MINUTE}`)
        const bars: BrokerBar[] = []
        for (let time = end - lengthMs; time < end; time += MINUTE) {
          const bar = history(symbol, time)
          if (bar !== null) bars.push(bar)
        }
        return bars
      },
    }),
    wait: async () => {
      brokerMs += SECOND
      story.on?.(listener, brokerMs)
      if (brokerMs % (5 * SECOND) === 0) {
        const start = brokerMs - 5 * SECOND
        for (const symbol of symbols) if (sends(symbol, start)) listener.bar!(symbol, part(start))
      }
      if (brokerMs > endMs) stop.abort(new Error('enough'))
    },
  })
  const bars: (Bar & { readonly givenMs: number })[] = []
  const world = {
    signal: stop.signal,
    clock: () => brokerMs - offsetMs,
    note: (words: string) => void said.push(words),
    warn: (words: string) => void said.push(words),
    detail: () => {},
  }
  const reading = async () => {
    for await (const block of feed.bars({}, world)) {
      if (block.kind === 'bars') {
        for (let i = 0; i < block.batch.length; i++)
          bars.push({ ...barAt(block.batch, i), givenMs: brokerMs })
      }
    }
  }
  await expect(reading()).rejects.toThrow('enough')
  return { bars, asked, said }
}

const words = ({ symbol, time }: Bar) => `${symbol} ${time.slice(11, 16)}`

test('makes minutes of the bars of five seconds, at their end, in the order of the symbols', async () => {
  const startMs = at('2025-07-30T14:00:20Z')
  const { bars, asked, said } = await play({ startMs, endMs: at('2025-07-30T14:03:00Z') })
  expect(bars.map(words)).toEqual([
    ...['NVDA 14:01', 'MSFT 14:01', 'AAPL 14:01'],
    ...['NVDA 14:02', 'MSFT 14:02', 'AAPL 14:02'],
  ])
  // Twelve parts: the first open, the last close, all shares.
  const [first] = bars
  const [one, twelfth] = [part(at('2025-07-30T14:01:00Z')), part(at('2025-07-30T14:01:55Z'))]
  expect(first).toMatchObject({
    open: one.open,
    low: one.low,
    high: twelfth.high,
    close: twelfth.close,
    volume: 120,
  })
  expect(first).toMatchObject({ session: 'rth', adjusted: 'splits', source: 'ib', vwap: null })
  expect(first!.givenMs).toBe(at('2025-07-30T14:02:00Z'))
  expect([asked, said]).toEqual([[], []])
})

test('goes by the clock of the broker', async () => {
  const startMs = at('2025-07-30T14:00:20Z')
  const { bars } = await play({ startMs, endMs: at('2025-07-30T14:02:10Z'), offsetMs: -5 * 3600 * SECOND })
  expect(bars.map(words)).toEqual(['NVDA 14:01', 'MSFT 14:01', 'AAPL 14:01'])
})

test('bars since --from come from history first', async () => {
  const { bars, asked } = await play({
    from: OPEN,
    startMs: at('2025-07-30T13:32:30Z'),
    endMs: at('2025-07-30T13:33:30Z'),
    history: (_, time) => ({ ...part(time), volume: 7 }),
  })
  expect(
    bars
      .filter(({ symbol }) => symbol === 'NVDA')
      .map(({ time, volume }) => `${time.slice(11, 16)} ${volume}`),
  ).toEqual(['13:30 7', '13:31 7', '13:32 7'])
  expect(asked.slice(0, 3)).toEqual(['NVDA 13:30 2', 'MSFT 13:30 2', 'AAPL 13:30 2'])
})

test('a bar that lacks parts, or all of them, comes from history; one that is nowhere is told', async () => {
  const silent = (symbol: string, time: number) =>
    symbol === 'MSFT' && formatTime(time).slice(11, 16) === '14:01'
  const { bars, asked, said } = await play({
    startMs: at('2025-07-30T14:00:20Z'),
    endMs: at('2025-07-30T14:04:10Z'),
    sends: (symbol, time) =>
      !silent(symbol, time) && !(symbol === 'AAPL' && time === at('2025-07-30T14:02:00Z')),
    on: (listener, now) => {
      if (now === at('2025-07-30T14:02:04Z')) listener.gap!('AAPL', null)
    },
    history: (symbol, time) => (symbol === 'AAPL' ? { ...part(time), volume: 7 } : null),
  })
  expect(
    bars
      .filter(({ symbol }) => symbol === 'AAPL')
      .map(({ time, volume }) => `${time.slice(11, 16)} ${volume}`),
  ).toEqual(['14:01 120', '14:02 7', '14:03 120'])
  expect(bars.filter(({ symbol }) => symbol === 'MSFT').map(words)).toEqual(['MSFT 14:02', 'MSFT 14:03'])
  expect(asked).toEqual(['MSFT 14:01 1', 'AAPL 14:02 1'])
  expect(said).toEqual(['bars are missing: MSFT 2025-07-30T14:01:00Z (1)'])
})

test('data that is not live, halts and a lost gateway are told; what ends the gateway ends it', async () => {
  const failure = new Error('the account is not one of paper')
  const story = play({
    startMs: at('2025-07-30T14:00:20Z'),
    endMs: at('2025-07-30T14:09:00Z'),
    on: (listener, now) => {
      if (now === at('2025-07-30T14:00:30Z')) listener.failed!(failure)
    },
  })
  await expect(story).rejects.toThrow(/not one of paper/)
  const { said } = await play({
    startMs: at('2025-07-30T14:00:20Z'),
    endMs: at('2025-07-30T14:00:40Z'),
    on: (listener, now) => {
      if (now !== at('2025-07-30T14:00:30Z')) return
      listener.dataType!('NVDA', 3)
      listener.halted!('MSFT', 1)
      listener.down!('the connection went')
    },
  })
  expect(said).toEqual([
    'NVDA: the data of the gateway is not live (type 3)',
    'MSFT: trading is halted',
    'the gateway is gone: the connection went',
  ])
})
