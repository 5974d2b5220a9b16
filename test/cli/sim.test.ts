/** `jules sim` as a process: what it prints, what it refuses, its socket, and a kill in the middle. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { EventName, IBApi, OrderAction, OrderType, SecType, TimeInForce } from '@stoqey/ib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sha256 } from '../../src/base/digest.js'
import { BIN, Workdir } from '../support/workdir.js'

/** Starts a simulator and waits for the record that says where it listens. */
async function started(dir: Workdir, args: readonly string[], input?: string) {
  const child: ChildProcess = dir.start(BIN, ['sim', '--port', '0', '--speed', 'max', ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin!.end(input ?? '')
  let text = ''
  let errors = ''
  child.stderr!.on('data', (bytes) => {
    errors += bytes
  })
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>
  const first = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (bytes) => {
      text += bytes
      if (text.includes('\n')) resolve(text.split('\n')[0]!)
    })
    child.on('exit', () => reject(new Error(errors)))
  })
  const gateway = JSON.parse(first) as { port: number; [key: string]: unknown }
  const ended = async () => {
    const [status, signal] = await exit
    return {
      status,
      signal,
      errors,
      records: text
        .split('\n')
        .slice(1, -1)
        .map((line) => JSON.parse(line)),
    }
  }
  return { child, gateway, ended }
}

async function client(port: number, clientId = 1) {
  const ib = new IBApi({ host: '127.0.0.1', port, clientId, maxReqPerSec: 10_000 })
  onTestFinished(() => void ib.disconnect())
  const ready = new Promise<number>((resolve) => ib.once(EventName.nextValidId, resolve))
  ib.on(EventName.error, () => {})
  ib.connect()
  return { ib, nextId: await ready }
}

const NVDA = { symbol: 'NVDA', secType: SecType.STK, exchange: 'SMART', currency: 'USD' }
const order = (ref: string, more: object = {}) => ({
  ...{
    action: OrderAction.BUY,
    orderType: OrderType.MKT,
    totalQuantity: 5,
    tif: TimeInForce.DAY,
    transmit: true,
  },
  ...{ account: 'DU1234567', orderRef: ref, ...more },
})

const OVER = 'the bars have ended: the clock stands, and clients are answered until a signal comes'

const filled = (ib: IBApi) =>
  new Promise<{ execId?: string; price?: number }>((resolve) =>
    ib.once(EventName.execDetails, (_id, _contract, execution) => resolve(execution)),
  )

/** Asks at a control socket; the answers to as many lines. */
const asked = (path: string, lines: readonly object[]): Promise<Record<string, unknown>[]> =>
  new Promise((resolve) => {
    const socket = connect(path)
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
      const answers = text.split('\n').slice(0, -1)
      if (answers.length < lines.length) return
      socket.destroy()
      resolve(answers.map((line) => JSON.parse(line)))
    })
    socket.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  })

test('orders and accounts survive kill -9; a signal ends it with what the accounts hold', async () => {
  const dir = new Workdir()
  dir.write('faults.ndjson', '{"fault":"reject","on":{"order":3}}\n')
  const args = ['--mock', '--state', 'state.json', '--log', 'log.ndjson', '--scenario', 'faults.ndjson']
  const one = await started(dir, args)
  expect(one.gateway).toEqual({
    ...{ type: 'gateway', host: '127.0.0.1', port: one.gateway.port, version: 193, accounts: ['DU1234567'] },
    time: '2025-08-01T13:30:00Z',
  })
  const first = await client(one.gateway.port)
  const done = filled(first.ib)
  first.ib.placeOrder(first.nextId, NVDA, order('a:1'))
  const { execId, price } = await done
  const open = new Promise((resolve) => first.ib.on(EventName.openOrder, (id) => id === 2 && resolve(id)))
  first.ib.placeOrder(first.nextId + 1, NVDA, order('a:2', { orderType: OrderType.LMT, lmtPrice: 50 }))
  await open
  one.child.kill('SIGKILL')
  expect((await one.ended()).signal).toBe('SIGKILL')

  const two = await started(dir, [...args, '--control', 'control.sock'])
  const second = await client(two.gateway.port)
  expect(second.nextId).toBe(3)
  const again = filled(second.ib)
  second.ib.reqExecutions(5, {})
  expect(await again).toMatchObject({ execId, price })
  const orders = new Promise((resolve) => second.ib.once(EventName.openOrder, (id) => resolve(id)))
  second.ib.reqAllOpenOrders()
  expect(await orders).toBe(2)
  const refused = new Promise((resolve) =>
    second.ib.on(EventName.error, (_error, code) => Number(code) === 201 && resolve(code)),
  )
  second.ib.placeOrder(3, NVDA, order('a:3'))
  expect(await refused).toBe(201)
  const cut = new Promise((resolve) => second.ib.once(EventName.disconnected, () => resolve('cut')))
  const answers = await asked(dir.file('control.sock'), [
    { ask: 'status' },
    { fault: 'drpo' },
    { fault: 'drop' },
  ])
  expect(answers).toMatchObject([
    { ok: true, accounts: [{ account: 'DU1234567', positions: { NVDA: 5 } }], violations: {} },
    { ok: false, error: 'fault: no fault "drpo"', hint: 'did you mean drop?' },
    { ok: true },
  ])
  expect(await cut).toBe('cut')
  two.child.kill('SIGTERM')
  const { status, records } = await two.ended()
  expect(status).toBe(143)
  expect(records).toMatchObject([{ type: 'statement', positions: { NVDA: 5 }, violations: {} }])
  const log = dir
    .read('log.ndjson')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(log.filter(({ name }) => name === 'placeOrder').map(({ fields }) => fields.orderRef)).toEqual([
    'a:1',
    'a:2',
    'a:3',
  ])
  expect(log.filter(({ type }) => type === 'fault').map(({ fault }) => fault)).toEqual(['reject', 'drop'])
  expect(dir.list()).toEqual(expect.arrayContaining(['state.json']))
  expect(dir.list().filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('bars come from a pipe, of any symbols', async () => {
  const rows = ['AAPL', 'TSLA'].flatMap((symbol) =>
    [0, 1, 2].map((i) => `${symbol},2025-08-01T13:3${i}:00Z,10,11,9,10.5,1000`),
  )
  const csv = `symbol,time,open,high,low,close,volume\n${rows.sort((a, b) => (a.split(',')[1]! < b.split(',')[1]! ? -1 : 1)).join('\n')}\n`
  const { gateway } = await started(new Workdir(), ['--bars', '-', '--account', 'U1,DU2'], csv)
  const { ib } = await client(gateway.port)
  const found = new Promise((resolve) =>
    ib.once(EventName.contractDetails, (_id, details) => resolve(details.contract.symbol)),
  )
  ib.reqContractDetails(1, { ...NVDA, symbol: 'TSLA' })
  expect(await found).toBe('TSLA')
  expect(gateway.accounts).toEqual(['U1', 'DU2'])
})

test('a whole day at full speed leaves the same log each time', async () => {
  const digests: string[] = []
  for (let n = 0; n < 2; n++) {
    const dir = new Workdir()
    const one = await started(dir, ['--mock', '--log', 'log.ndjson', '--symbols', 'NVDA'])
    const { ib } = await client(one.gateway.port)
    let count = 0
    await new Promise<void>((resolve) => {
      ib.on(EventName.realtimeBar, () => {
        count++
        if (count % 60 === 0)
          ib.placeOrder(count / 60, NVDA, order(`a:${count}`, { action: count % 120 ? 'BUY' : 'SELL' }))
        // The answer to the first says that all bars have come, the second that they are dealt with.
        ib.reqCurrentTime()
        ib.reqCurrentTime()
      })
      // The time is told last: by then everything was heard.
      let told = 0
      ib.on(EventName.currentTime, () => ++told > 2 * 390 * 12 + 1 && resolve())
      // A client that keeps the time says so before it asks for bars.
      ib.reqCurrentTime()
      ib.reqRealTimeBars(1, NVDA, 5, 'TRADES' as never, true)
      ib.reqCurrentTime()
    })
    one.child.kill('SIGINT')
    const { status, errors } = await one.ended()
    expect([status, errors]).toEqual([130, `jules sim: ${OVER}\njules sim: warning: interrupted, stopping\n`])
    const log = dir
      .read('log.ndjson')
      .split('\n')
      .filter((line) => !line.includes('"event":"close"'))
    expect(log.length).toBeGreaterThan(4700)
    digests.push(sha256(log.join('\n')))
  }
  expect(digests[0]).toBe(digests[1])
})

test('a session of a gateway is passed through and written down', async () => {
  const dir = new Workdir()
  const real = await started(dir, ['--mock', '--account', 'DF1'])
  const { child, gateway, ended } = await started(dir, [
    ...['--record', `127.0.0.1:${real.gateway.port}`, '--record-to', 'kept'],
  ])
  const { ib } = await client(gateway.port)
  const bar = new Promise((resolve) => ib.once(EventName.realtimeBar, resolve))
  ib.reqRealTimeBars(1, NVDA, 5, 'TRADES' as never, true)
  await bar
  child.kill('SIGTERM')
  const { status, records } = await ended()
  expect([status, records[0].type, records[0].faults]).toEqual([143, 'recording', 0])
  expect(dir.read('kept/bars.ndjson')).toMatch(/^{"type":"bar","symbol":"NVDA","interval":"5s"/)
  expect(dir.read('kept/scenario.ndjson')).toBe('')
})

describe('refuses', () => {
  const cases: [string[], number, string][] = [
    [['--bars', 'x', '--mock'], 64, 'jules sim: --bars and --mock exclude each other\n'],
    [
      ['--mock', '--now', 'noon'],
      64,
      'jules sim: --now: expected a time with its zone, such as 2025-08-01T14:00:00Z, got "noon"\n',
    ],
    [
      ['--mock', '--now', '2025-08-02T14:00:00Z'],
      64,
      'jules sim: --now is after the last bar, which ends 2025-08-01T20:00:00Z\n',
    ],
    [
      ['--mock', '--scenario', 'bad.ndjson'],
      65,
      'jules sim: bad.ndjson:1: with.minutes: unknown key\njules sim: hint: the keys are seconds\n',
    ],
    [['--mock', '--state', 'bad.ndjson'], 65, 'jules sim: bad.ndjson: not a state of the simulator\n'],
    [['--bars', 'none.csv'], 66, 'jules sim: none.csv: '],
    [['--mock', '--interval', '1s'], 65, 'jules sim: bars of 1s are shorter'],
    [['--mock', '--log', 'no/where'], 73, 'jules sim: no/where: '],
    [['--mock', '--control', 'no/where'], 73, 'jules sim: no/where: no such file or directory\n'],
    [['--mock', '--state', '.'], 73, 'jules sim: .: is a directory\n'],
    [['--record', '127.0.0.1:1'], 69, 'jules sim: no gateway at 127.0.0.1:1\n'],
  ]
  test.each(cases)('%j', async (args, code, words) => {
    const dir = new Workdir()
    dir.write('bad.ndjson', '{"fault":"link-lost","with":{"minutes":3}}\n')
    const { status, stderr, stdout } = await dir.jules(['sim', '--port', '0', ...args])
    expect([status, stdout, stderr.slice(0, words.length)]).toEqual([code, '', words])
  })

  test('a port that is taken, 69', async () => {
    const { gateway } = await started(new Workdir(), ['--mock'])
    const { status, stderr } = await new Workdir().jules(['sim', '--mock', '--port', String(gateway.port)])
    expect([status, stderr]).toEqual([
      69,
      `jules sim: port ${gateway.port} is taken\njules sim: hint: name another with --port; 0 takes a free one\n`,
    ])
  })
})

test('every fault is explained on a line', async () => {
  const { status, stdout } = await new Workdir().jules(['sim', '--list-faults'])
  expect(status).toBe(0)
  expect(stdout.trim().split('\n').length).toBeGreaterThanOrEqual(35)
  expect(stdout).toContain('\nlink-lost [time; seconds=60] ')
})
