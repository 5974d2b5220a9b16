import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import {
  execution,
  frame,
  OTHER,
  ScriptedGateway,
  SENT,
  status,
  streamBar,
} from '../../test/support/scripted-gateway.js'
import { FastTimers } from '../../test/support/timers.js'
import type { ContractInfo } from './contracts.js'
import { Gateway, type GatewayOptions } from './gateway.js'
import type { GatewayListener } from './listener.js'
import type { OrderWish } from './orders.js'

/** Times as fast as real: what takes long on a busy machine is not to look like silence. */
const SPEED = 10

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

type Settings = Parameters<typeof ScriptedGateway.start>[0]

/** All that was told, in order, with a way to wait for it. */
class Told {
  readonly events: (readonly [event: string, ...args: unknown[]])[] = []
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = []

  readonly listener = new Proxy({} as GatewayListener, {
    get:
      (_, event: string) =>
      (...args: unknown[]): void => {
        this.events.push([event, ...args])
        this.#waiting = this.#waiting.filter(({ holds, resolve }) => {
          if (!holds()) return true
          resolve()
          return false
        })
      },
  })

  of(event: keyof GatewayListener): unknown[][] {
    return this.events.filter(([name]) => name === event).map(([, ...args]) => args)
  }

  /** Resolves with the arguments of the nth such event, from 1. */
  async nth(event: keyof GatewayListener, n = 1): Promise<unknown[]> {
    if (this.of(event).length < n) {
      await new Promise<void>((resolve) => {
        this.#waiting.push({ holds: () => this.of(event).length >= n, resolve })
      })
    }
    return this.of(event)[n - 1]!
  }

  /** Resolves with the problem of a code. */
  async problem(code: number): Promise<Record<string, unknown>> {
    for (let n = 1; ; n++) {
      const [problem] = (await this.nth('problem', n)) as [Record<string, unknown>]
      if (problem.code === code) return problem
    }
  }
}

async function scene(settings: Settings = {}, options: Partial<GatewayOptions> = {}) {
  const server = await ScriptedGateway.start(settings)
  open.push(server)
  const told = new Told()
  const timers = new FastTimers(SPEED)
  const gateway = new Gateway(
    {
      host: '127.0.0.1',
      port: server.port,
      clientId: 7,
      timers,
      random: () => 0.5,
      maxPerSecond: 45,
      ...options,
    },
    told.listener,
  )
  open.push(gateway)
  return { server, told, gateway, timers }
}

async function connected(settings: Settings = {}, options: Partial<GatewayOptions> = {}) {
  const all = await scene(settings, options)
  await all.gateway.connect()
  return all
}

const NVDA: ContractInfo = {
  symbol: 'NVDA',
  id: 4815747,
  name: '',
  exchange: 'NASDAQ',
  currency: 'USD',
  minTick: 0.01,
  zone: 'US/Eastern',
  liquidHours: '',
  days: null,
}
const BUY: OrderWish = { ref: 'jules:run:1', side: 'buy', shares: 10, kind: 'market' }

describe('at the start', () => {
  test('it is ready after version, accounts, ids, time and a probe that places nothing', async () => {
    const { server, told, gateway } = await connected({ nextId: 41 })
    expect(gateway.state).toBe('ready')
    expect(told.of('ready')).toEqual([[{ accounts: ['DU1234567'], floor: 41, version: 193, again: false }]])
    expect(server.received.map(([message]) => message)).toEqual([SENT.start, SENT.time, SENT.ownOpenOrders])
    expect(server.received[0]).toEqual(['71', '2', '7', ''])
  })

  test('nobody at the port is unavailable, 69, with a hint', async () => {
    const { server, gateway } = await scene()
    const { port } = server
    await server.close()
    open.shift()
    await expect(gateway.connect()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(`127.0.0.1:${port}`),
      hint: expect.stringContaining('API settings'),
    })
  })

  test.each([
    ['U1234567', 'U1234567'],
    ['DU1234567,U7654321', 'U7654321'],
    ['DU1234567,DUX1', 'DUX1'],
    ['F123', 'F123'],
    ['du1234567', 'du1234567'],
  ])('accounts %s are denied, 77, and nothing is sent after it', async (accounts, other) => {
    const { server, told, gateway } = await scene({ accounts })
    await expect(gateway.connect()).rejects.toMatchObject({ kind: 'denied', code: 77 })
    expect(told.of('denied')).toEqual([[other]])
    expect(server.received.map(([message]) => message)).toEqual([SENT.start])
    expect(() => gateway.place(1, NVDA, BUY)).toThrow('not ready')
  })

  test('accounts of advisors are paper too; of several one has to be named', async () => {
    const named = await connected({ accounts: 'DF100,DU200' }, { account: 'DU200' })
    expect(named.gateway.account).toBe('DU200')
    const unnamed = await scene({ accounts: 'DF100,DU200' })
    await expect(unnamed.gateway.connect()).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining('DF100'),
      hint: expect.stringContaining('--account'),
    })
    const wrong = await scene({}, { account: 'DU9' })
    await expect(wrong.gateway.connect()).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining('DU9'),
    })
  })

  test('accounts that do not come are asked for', async () => {
    const { server, gateway } = await scene()
    server.answers[SENT.start] = () => server.send(9, 1, 1)
    await gateway.connect()
    expect(server.of(SENT.accounts)).toHaveLength(1)
  })

  test.each(['-1', OTHER])(
    'read-only mode is 78 and names the setting, its message having the id %s',
    async (id) => {
      const { server, gateway } = await scene()
      const words =
        "Error validating request.-'b7' : cause - The API interface is currently in Read-Only mode."
      server.answers[SENT.ownOpenOrders] = () => server.send(4, 2, id, 321, words, '')
      await expect(gateway.connect()).rejects.toMatchObject({
        kind: 'config',
        hint: expect.stringContaining('Read-Only API'),
      })
    },
  )

  test('who only looks may go on in read-only mode and without an account, and cannot place an order', async () => {
    const { server, gateway } = await scene({}, { looksOnly: true })
    server.answers[SENT.ownOpenOrders] = () => server.send(4, 2, -1, 321, 'currently in Read-Only mode', '')
    await gateway.connect()
    expect(gateway.readOnly).toBe(true)
    expect(() => gateway.place(1, NVDA, BUY)).toThrow('read-only')
    const several = await connected({ accounts: 'DU1,DU2' }, { looksOnly: true })
    expect(() => several.gateway.place(1, NVDA, BUY)).toThrow('nobody was to order')
  })

  test('a client id that is in use is 75 with a hint, at once', async () => {
    const { server, gateway } = await scene()
    server.answers[SENT.start] = () => {
      server.send(4, 2, -1, 326, 'Unable to connect as the client id is already in use.', '')
      server.cut()
    }
    await expect(gateway.connect()).rejects.toMatchObject({
      code: 75,
      hint: expect.stringContaining('--client-id'),
    })
    expect(server.connections).toBe(1)
  })

  test.each([
    ['ends before the greeting', (server: ScriptedGateway) => (server.refuse = (socket) => socket.destroy())],
    ['never greets', (server: ScriptedGateway) => (server.refuse = () => {})],
    ['greets without a version', (server: ScriptedGateway) => (server.version = Number.NaN)],
    ['speaks a version that is too new', (server: ScriptedGateway) => (server.version = 250)],
    ['has no time', (server: ScriptedGateway) => (server.answers[SENT.time] = () => {})],
    [
      'does not answer the probe',
      (server: ScriptedGateway) => (server.answers[SENT.ownOpenOrders] = () => {}),
    ],
  ])('a gateway that %s is unavailable, 69', async (_, script) => {
    const { server, gateway, timers } = await scene()
    timers.factor = 100
    script(server)
    await expect(gateway.connect()).rejects.toMatchObject({ code: 69 })
    expect(gateway.state).toBe('down')
  })
})

describe('the traps of the library', () => {
  test('an order while disconnected throws, and is not sent by the next connection', async () => {
    const { server, told, gateway } = await connected()
    server.cut()
    await told.nth('down')
    expect(() => gateway.place(gateway.nextId(), NVDA, BUY)).toThrow('not ready')
    expect(() => gateway.cancel(1)).toThrow('not ready')
    expect(() => gateway.globalCancel()).toThrow('not ready')
    await told.nth('ready', 2)
    await gateway.time()
    expect(server.of(SENT.place)).toEqual([])
  })

  test('of 60 orders before a cut each was sent, or is told to be unsent', async () => {
    const { server, told, gateway, timers } = await connected()
    timers.factor = 1
    for (let id = 1; id <= 60; id++) gateway.place(id, NVDA, { ...BUY, ref: `jules:run:${id}` })
    await server.until(() => server.of(SENT.place).length >= 43)
    server.cut()
    await told.nth('down')
    timers.factor = SPEED
    await told.nth('ready', 2)
    await gateway.time()
    const sent = server.of(SENT.place).map(([, id]) => Number(id))
    const unsent = told.of('unsent').map(([id]) => id as number)
    expect([...sent, ...unsent].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    expect(unsent.length).toBeGreaterThan(0)
    expect(told.events.map(([event]) => event).indexOf('down')).toBeLessThan(
      told.events.map(([event]) => event).indexOf('unsent'),
    )
  })

  test('a socket that stays open and says nothing is given up, and what was asked is unknown', async () => {
    const { server, told, gateway, timers } = await connected()
    timers.factor = 100
    server.answers[SENT.time] = () => {}
    server.answers[SENT.positions] = () => {}
    const positions = gateway.positions()
    positions.catch(() => {})
    expect(await told.nth('down')).toEqual(['it is silent'])
    await expect(positions).rejects.toThrow('positions: no answer')
    timers.factor = SPEED
    delete server.answers[SENT.time]
    await told.nth('ready', 2)
    expect(server.connections).toBe(2)
  })

  test('ids are never given twice, and only rise, though the gateway goes back', async () => {
    const { server, told, gateway } = await connected({ nextId: 5 })
    gateway.raiseIds(101)
    const ids = [gateway.nextId(), gateway.nextId()]
    server.nextId = 1
    server.cut()
    await told.nth('ready', 2)
    ids.push(gateway.nextId())
    server.nextId = 500
    server.cut()
    await told.nth('ready', 3)
    ids.push(gateway.nextId())
    expect(ids).toEqual([101, 102, 103, 500])
  })

  test('a reject whose attachment is no JSON is a reject, and what follows is heard', async () => {
    const { server, told, gateway } = await connected()
    server.send(4, 2, 3, 201, 'Order rejected - reason: too much', '{"not json')
    server.send(...status(3, 'Inactive'))
    expect(await told.problem(201)).toMatchObject({
      id: 3,
      act: 'stop-symbol',
      message: 'Order rejected - reason: too much',
    })
    await told.nth('order')
    expect(await gateway.time()).toBeGreaterThan(0)
    expect(gateway.state).toBe('ready')
  })

  test('a hostile .env where it is started, and variables of the environment, change nothing', async () => {
    const server = await ScriptedGateway.start()
    const decoy = await ScriptedGateway.start()
    open.push(server, decoy)
    const folder = mkdtempSync(join(tmpdir(), 'jules-env-'))
    open.push({ close: () => rmSync(folder, { recursive: true }) })
    const settings = `IB_HOST=127.0.0.1\nIB_PORT=${decoy.port}\nCLIENT_VERSION=1\nMAX_REQ_PER_SECOND=1\nNODE_ENV=development\n`
    writeFileSync(join(folder, '.env'), settings)
    const program = `
      const { Gateway } = await import(${JSON.stringify(pathToFileURL(resolve('dist/broker/gateway.js')).href)})
      const timers = { now: Date.now, setTimeout, clearTimeout }
      const gateway = new Gateway({ host: '127.0.0.1', port: ${server.port}, clientId: 7, timers, random: Math.random }, {})
      await gateway.connect()
      gateway.close()
      console.log(process.env.MAX_REQ_PER_SECOND ?? 'unread')`
    const child = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: folder,
      env: { IB_HOST: '127.0.0.1', IB_PORT: String(decoy.port) },
    })
    expect(child).toEqual({ stdout: 'unread\n', stderr: '' })
    expect([server.connections, decoy.connections]).toEqual([1, 0])
    expect(server.received[0]).toEqual(['71', '2', '7', ''])
  })

  test('notices come as problems, whether the library calls them errors or not', async () => {
    const { server, told } = await connected()
    server.send(4, 2, -1, 2106, 'HMDS data farm connection is OK:ushmds', '')
    expect(await told.problem(2106)).toMatchObject({ act: 'farm-fine', id: null })
    server.send(4, 2, 12, 399, 'Order Message: warning', '')
    expect(await told.problem(399)).toMatchObject({ act: 'lives', id: 12 })
  })
})

describe('bytes that no gateway sends', () => {
  test.each([
    ['a length of nothing', Buffer.from([0, 0, 0, 0])],
    ['a length below zero', Buffer.from([0xff, 0xff, 0xff, 0xfc, 1, 2, 3, 4])],
    ['a length beyond all reason', Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4])],
  ])('%s ends the connection, and another is made', async (_, bytes) => {
    const { server, told } = await connected()
    server.raw(bytes)
    await told.problem(507)
    await told.nth('down')
    await told.nth('ready', 2)
    expect(server.connections).toBe(2)
  })

  test.each([
    ['no such message', frame(9999, 1)],
    ['no number', frame('x', 'y')],
    ['too short', frame(11, 1)],
    ['a side that is none', frame(...execution(-1, { side: 'HELD' }))],
    ['a price that is none', frame(...execution(-1, { price: Number.NaN }))],
    ['no separator at the end', Buffer.concat([Buffer.from([0, 0, 0, 3]), Buffer.from('999')])],
    ['a time that is none', frame(49, 1, 'soon')],
    ['a status without numbers', frame(...status(1, 'Filled', { filled: Number.NaN }))],
    ['an execution without an id', frame(...execution(-1, { exec: '' }))],
  ])('a message with %s is an alarm, and what follows is heard', async (_, bytes) => {
    const { server, told, gateway } = await connected()
    server.raw(bytes)
    server.send(...execution(-1, { exec: 'good.01' }))
    expect(await told.problem(505)).toMatchObject({ act: 'alarm' })
    const [report] = (await told.nth('execution')) as [{ exec: string }]
    expect(report.exec).toBe('good')
    expect(gateway.state).toBe('ready')
  })

  test('messages may come byte by byte', async () => {
    const { server, told } = await connected()
    for (const byte of frame(...execution(-1))) server.raw(Buffer.from([byte]))
    const [report] = (await told.nth('execution')) as [object]
    expect(report).toEqual({
      id: 1,
      permId: 900,
      clientId: 7,
      own: true,
      ref: 'jules:run:1',
      exec: '00000jul.1',
      revision: 1,
      symbol: 'NVDA',
      kind: 'STK',
      side: 'buy',
      shares: 10,
      price: 179.25,
      timeMs: Date.parse('2024-11-29T14:31:00Z'),
      account: 'DU1234567',
    })
  })

  test('seeded noise after the greeting neither throws nor hangs', async () => {
    let seed = 12345
    const random = (): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return seed / 2 ** 32
    }
    const { server, gateway } = await connected()
    for (let round = 0; round < 200; round++) {
      const fields = Array.from({ length: Math.floor(random() * 40) }, () =>
        random() < 0.5
          ? String(Math.floor(random() * 120) - 5)
          : ['', 'x', '1.7976931348623157E308', OTHER, '{'][Math.floor(random() * 5)]!,
      )
      // Accounts would end it, and ids are checked elsewhere.
      server.send(
        ...[String(Math.floor(random() * 110)), ...fields].map((field, i) =>
          i === 0 && field === '15' ? '16' : field,
        ),
      )
    }
    await expect(gateway.time()).resolves.toBeGreaterThan(0)
  })
})

describe('a listener that throws', () => {
  test('ends the gateway with what it threw, and nothing is told after it', async () => {
    const server = await ScriptedGateway.start()
    open.push(server)
    const failed: unknown[] = []
    let executions = 0
    const problem = new Error('the disk is full')
    const gateway = new Gateway(
      { host: '127.0.0.1', port: server.port, clientId: 7, timers: new FastTimers(SPEED), random: () => 0 },
      {
        execution: () => {
          executions++
          throw problem
        },
        failed: (error) => failed.push(error),
      },
    )
    open.push(gateway)
    await gateway.connect()
    server.raw(Buffer.concat([frame(...execution(-1)), frame(...execution(-1, { exec: 'b.01' }))]))
    await expect.poll(() => failed).toEqual([problem])
    expect(executions).toBe(1)
    expect(gateway.state).toBe('down')
  })
})

describe('reconnecting', () => {
  test('goes on through failures of every kind, one connection at a time, with the same client id', async () => {
    const { server, told, timers } = await connected()
    timers.factor = 100
    let refused = 0
    server.refuse = (socket) => {
      refused++
      if (refused === 4) server.refuse = null
      socket.destroy()
    }
    server.cut()
    await told.nth('ready', 2)
    expect(refused).toBe(4)
    expect(told.of('down')).toHaveLength(1)
    expect(told.of('note')).toHaveLength(4)
    expect(server.of(SENT.start).map(([, , client]) => client)).toEqual(['7', '7'])
  })

  test.each([502, 504])('follows when the gateway says that it is not connected (%i)', async (code) => {
    const { server, told } = await connected()
    server.send(4, 2, -1, code, 'Not connected', '')
    expect(await told.nth('down')).toEqual(['Not connected'])
    await told.nth('ready', 2)
    expect(server.connections).toBe(2)
  })

  test('waits for a client id that is in use, then gives up with 75', async () => {
    const { server, told, timers } = await connected()
    const usual = (): void => {
      server.send(4, 2, -1, 326, 'Unable to connect as the client id is already in use.', '')
    }
    server.answers[SENT.start] = usual
    server.cut()
    await server.until(() => server.connections >= 3)
    delete server.answers[SENT.start]
    await told.nth('ready', 2)
    server.answers[SENT.start] = usual
    timers.factor = 2000
    server.cut()
    const [failure] = await told.nth('failed')
    expect(failure).toMatchObject({ code: 75 })
    expect(server.of(SENT.start).every(([, , client]) => client === '7')).toBe(true)
  })

  test('an account that turns up after a reconnect, or at any time, is denied', async () => {
    const { server, told, gateway } = await connected()
    server.accounts = 'U1234567'
    server.cut()
    expect(await told.nth('denied')).toEqual(['U1234567'])
    expect(await told.nth('failed')).toMatchObject([{ code: 77 }])
    expect(server.received.at(-1)![0]).toBe(SENT.start)
    expect(() => gateway.place(1, NVDA, BUY)).toThrow('not ready')

    const later = await connected()
    later.server.send(15, 1, 'DU1234567,U1')
    expect(await later.told.nth('failed')).toMatchObject([{ code: 77 }])
    expect(later.told.of('denied')).toEqual([['U1']])
  })

  test('an outage of more than a minute is told once', async () => {
    const { server, told, timers } = await connected()
    server.refuse = (socket) => socket.destroy()
    timers.factor = 2000
    server.cut()
    const [outage] = (await told.nth('away')) as [{ reason: string }]
    expect(outage.reason).not.toBe('')
    server.refuse = null
    timers.factor = SPEED
    await told.nth('ready', 2)
    expect(told.of('away')).toHaveLength(1)
  })

  test('close ends it: no event and no connection after it', async () => {
    const { server, told, gateway, timers } = await connected()
    const time = gateway.time()
    gateway.close()
    await expect(time).rejects.toThrow('no answer')
    const before = told.events.length
    server.send(...execution(-1))
    server.cut()
    await server.until(() => server.ended === 1)
    expect(told.events).toHaveLength(before)
    // Nothing is left that could connect again.
    expect(timers.pending).toBe(0)
    gateway.close()
  })
})

describe('the link between the gateway and the broker', () => {
  test.each([1100, 2110])('lost (%i): no orders; back (1102): ready again, streams kept', async (code) => {
    const { server, told, gateway } = await connected()
    await gateway.subscribeBars('NVDA')
    server.send(4, 2, -1, code, 'Connectivity between IB and TWS has been lost', '')
    await told.nth('down')
    expect(() => gateway.place(1, NVDA, BUY)).toThrow('not ready')
    // The gateway itself still answers.
    await gateway.time()
    server.send(4, 2, -1, 1102, 'restored - data maintained', '')
    const [ready] = await told.nth('ready', 2)
    expect(ready).toMatchObject({ again: true })
    await gateway.time()
    expect(server.of(SENT.bars)).toHaveLength(1)
    expect(server.connections).toBe(1)
  })

  test('lost: orders that wait for their turn are unsent', async () => {
    const { server, told, gateway, timers } = await connected()
    timers.factor = 1
    for (let id = 1; id <= 60; id++) gateway.place(id, NVDA, { ...BUY, ref: `jules:run:${id}` })
    await server.until(() => server.of(SENT.place).length >= 43)
    server.send(4, 2, -1, 1100, 'lost', '')
    await told.nth('unsent')
    expect(told.of('unsent').length + server.of(SENT.place).length).toBe(60)
  })

  test('back without the data (1101): streams are asked for again', async () => {
    const { server, told, gateway } = await connected()
    await gateway.subscribeBars('NVDA')
    await server.until(() => server.of(SENT.bars).length === 1)
    server.send(4, 2, -1, 1100, 'lost', '')
    server.send(4, 2, -1, 1101, 'restored - data lost', '')
    await told.nth('ready', 2)
    expect(await told.nth('gap')).toEqual(['NVDA', null])
    await server.until(() => server.of(SENT.bars).length === 2)
  })

  test('still lost on a new connection: ready only when it is back, and streams are asked for then', async () => {
    const { server, told, gateway } = await connected()
    await gateway.subscribeBars('NVDA')
    await server.until(() => server.of(SENT.bars).length === 1)
    const usual = server.answers[SENT.time]
    server.answers[SENT.time] = (_, to) => {
      to.send(4, 2, -1, 2110, 'Connectivity between TWS and server is broken', '')
      to.send(49, 1, 1_700_000_000)
    }
    server.cut()
    await server.until(() => server.connections === 2 && server.of(SENT.ownOpenOrders).length === 2)
    if (usual === undefined) delete server.answers[SENT.time]
    await gateway.time()
    expect(told.of('ready')).toHaveLength(1)
    expect(() => gateway.place(1, NVDA, BUY)).toThrow('not ready')
    server.send(4, 2, -1, 1102, 'back', '')
    await told.nth('ready', 2)
    await server.until(() => server.of(SENT.bars).length === 2)
  })
})

describe('orders', () => {
  /** Fields of placeOrder at version 193 by their place. */
  const placed = (fields: string[]) => ({
    id: fields[1],
    contractId: fields[2],
    symbol: fields[3],
    kind: fields[4],
    exchange: fields[9],
    currency: fields[11],
    side: fields[16],
    shares: fields[17],
    type: fields[18],
    limit: fields[19],
    stop: fields[20],
    tif: fields[21],
    account: fields[23],
    ref: fields[26],
    transmit: fields[27],
  })

  test('have account, reference, transmit, DAY, the smart route and whole shares', async () => {
    const { server, gateway } = await connected()
    gateway.place(gateway.nextId(), NVDA, BUY)
    gateway.place(gateway.nextId(), NVDA, {
      ref: 'jules:run:2',
      side: 'sell',
      shares: 3,
      kind: 'limit',
      limit: 180.1,
    })
    gateway.place(gateway.nextId(), NVDA, {
      ref: 'jules:run:3',
      side: 'sell',
      shares: 3,
      kind: 'stop',
      stop: 170,
    })
    gateway.place(gateway.nextId(), NVDA, { ref: 'jules:run:4', side: 'buy', shares: 1, kind: 'close' })
    await server.until(() => server.of(SENT.place).length === 4)
    const same = {
      contractId: '4815747',
      symbol: 'NVDA',
      kind: 'STK',
      exchange: 'SMART',
      currency: 'USD',
      tif: 'DAY',
      account: 'DU1234567',
      transmit: '1',
    }
    expect(server.of(SENT.place).map(placed)).toEqual([
      { ...same, id: '1', side: 'BUY', shares: '10', type: 'MKT', limit: '', stop: '', ref: 'jules:run:1' },
      {
        ...same,
        id: '2',
        side: 'SELL',
        shares: '3',
        type: 'LMT',
        limit: '180.1',
        stop: '',
        ref: 'jules:run:2',
      },
      {
        ...same,
        id: '3',
        side: 'SELL',
        shares: '3',
        type: 'STP',
        limit: '',
        stop: '170',
        ref: 'jules:run:3',
      },
      { ...same, id: '4', side: 'BUY', shares: '1', type: 'MOC', limit: '', stop: '', ref: 'jules:run:4' },
    ])
  })

  test('go out before everything that waits', async () => {
    const { server, gateway } = await connected()
    const asked = Array.from({ length: 60 }, () => gateway.executions())
    gateway.place(1, NVDA, BUY)
    await Promise.all(asked)
    const at = server.received.findIndex(([message]) => message === SENT.place)
    expect(at).toBeGreaterThan(0)
    expect(at).toBeLessThan(45)
  })

  test('the same status twice is told once; executions of nobody’s request, commissions but pending ones', async () => {
    const { server, told, gateway } = await connected()
    server.send(...status(1, 'Submitted'))
    server.send(...status(1, 'Submitted'))
    server.send(...status(1, 'Filled', { filled: 10, remaining: 0, price: 179.25 }))
    server.send(...status(1, 'Filled', { filled: 10, remaining: 0, price: 179.25 }))
    server.send(...status(1, 'Submitted'))
    const commission = (exec: string, amount: number | string, realised: number | string): void =>
      server.send(59, 1, exec, amount, 'USD', realised, '1.7976931348623157E308', '')
    commission('a.01', -1, '1.7976931348623157E308')
    commission('a.01', 1.05, '1.7976931348623157E308')
    commission('b.02', -0.25, 12.5)
    commission('c.01', '1.7976931348623157E308', 0)
    await gateway.time()
    expect(told.of('order').map(([report]) => (report as { status: string }).status)).toEqual([
      'Submitted',
      'Filled',
    ])
    expect(told.of('commission')).toEqual([
      [{ exec: 'a', revision: 1, commission: 1.05, currency: 'USD', realised: null }],
      [{ exec: 'b', revision: 2, commission: -0.25, currency: 'USD', realised: 12.5 }],
    ])
  })

  test('of other clients and other hands are told as not own', async () => {
    const { server, told, gateway } = await connected()
    server.send(...status(0, 'Submitted', { permId: 77, clientId: 0 }))
    server.send(...status(0, 'Submitted', { permId: 78, clientId: 0 }))
    server.send(...status(5, 'Submitted', { permId: 79, clientId: 3 }))
    server.send(...status(5, 'Submitted', { permId: 80, clientId: 7 }))
    await gateway.time()
    expect(told.of('order').map(([report]) => report)).toMatchObject([
      { id: 0, permId: 77, own: false },
      { id: 0, permId: 78, own: false },
      { id: 5, permId: 79, own: false },
      { id: 5, permId: 80, own: true },
    ])
  })
})

describe('requests', () => {
  test('that are answered by nothing give nothing', async () => {
    const { gateway } = await connected()
    expect(await gateway.positions()).toEqual([])
    expect(await gateway.openOrders()).toEqual([])
    expect(await gateway.executions()).toEqual([])
  })

  test('that get no answer are unknown; a late end is not the end of the next', async () => {
    const { server, gateway, timers } = await connected({}, { heartbeatMs: 60_000 })
    server.answers[SENT.positions] = () => {}
    timers.factor = 100
    await expect(gateway.positions()).rejects.toMatchObject({
      name: 'Failure',
      message: expect.stringContaining('no answer'),
    })
    timers.factor = SPEED
    // The end of the first comes while the second is being answered.
    server.answers[SENT.positions] = () => {
      server.send(62, 1)
      server.send(
        61,
        3,
        'DU1234567',
        4815747,
        'NVDA',
        'STK',
        '',
        0,
        '',
        '',
        'NASDAQ',
        'USD',
        'NVDA',
        'NMS',
        5,
        170,
      )
      server.send(62, 1)
    }
    expect(await gateway.positions()).toEqual([
      { account: 'DU1234567', symbol: 'NVDA', kind: 'STK', contractId: 4815747, shares: 5, cost: 170 },
    ])
  })

  test('of which two in a row get no answer make a new connection', async () => {
    const { server, told, gateway, timers } = await connected({}, { heartbeatMs: 60_000 })
    server.answers[SENT.positions] = () => {}
    timers.factor = 100
    await expect(gateway.positions()).rejects.toThrow('no answer')
    // This one is answered, but by what could be the answer to the first.
    server.answers[SENT.positions] = () => server.send(62, 1)
    await expect(gateway.positions()).rejects.toThrow('no answer')
    timers.factor = SPEED
    expect(await told.nth('down')).toEqual(['positions stayed without an answer twice'])
    await told.nth('ready', 2)
    expect(await gateway.positions()).toEqual([])
  })

  test('whose end is cut off by the connection are unknown', async () => {
    const { server, told, gateway } = await connected()
    server.answers[SENT.executions] = ([, , request], to) => {
      to.send(...execution(request!))
      to.cut()
    }
    await expect(gateway.executions()).rejects.toThrow('no answer')
    await told.nth('ready', 2)
  })

  test('executions with their revisions; those of the request are not told twice', async () => {
    const { server, told, gateway } = await connected()
    server.answers[SENT.executions] = ([, , request], to) => {
      to.send(...execution(request!))
      to.send(...execution(request!, { exec: '00000jul.1.02', price: 179.2 }))
      to.send(59, 1, '00000jul.1.02', 1, 'USD', 0, 0, '')
      to.send(55, 1, request!)
    }
    const executions = await gateway.executions()
    expect(executions).toMatchObject([
      { exec: '00000jul.1', revision: 1, price: 179.25 },
      { exec: '00000jul.1', revision: 2, price: 179.2 },
    ])
    expect(told.of('execution')).toEqual([])
    expect(told.of('commission')).toHaveLength(1)
  })

  test('a contract has the number, the hours and the smart route; one that is unknown is refused by name', async () => {
    const { server, gateway } = await connected()
    const contract = await gateway.contract('BRK.B')
    expect(server.of(SENT.details)[0]!.slice(4, 12)).toEqual(['BRK B', 'STK', '', '', '', '', 'SMART', ''])
    expect(contract).toMatchObject({ symbol: 'BRK.B', id: 4815747, exchange: 'NASDAQ', zone: 'US/Eastern' })
    expect(contract.days).toHaveLength(2)
    server.answers[SENT.details] = ([, , request], to) =>
      to.send(4, 2, request!, 200, 'No security definition has been found for the request', '')
    await expect(gateway.contract('NOPE')).rejects.toMatchObject({
      act: 'unknown-contract',
      message: expect.stringContaining('NOPE'),
    })
  })

  test('history comes in order of time; no data is an empty answer; pacing is waited for', async () => {
    const { server, told, gateway, timers } = await connected({}, { heartbeatMs: 600_000 })
    timers.factor = 100
    const wish = {
      contract: NVDA,
      interval: '1m',
      endMs: Date.parse('2024-11-29T15:00:00Z'),
      lengthMs: 1_800_000,
      rth: true,
    } as const
    let asked = 0
    server.answers[SENT.history] = ([, request], to) => {
      asked++
      if (asked === 1)
        to.send(4, 2, request!, 162, 'Historical Market Data Service error message:pacing violation', '')
      else if (asked === 2) {
        to.send(17, request!, '20241129  09:30:00', '20241129  10:00:00', 2)
        // biome-ignore format: one bar a line
        to.send(17, request!, 's', 'e', 2,
          1732890660, 179, 180, 178, 179.5, 1000, 179.2, 10,
          1732890600, 178, 179, 177, 178.5, -1, 0, -1)
      } else
        to.send(
          4,
          2,
          request!,
          162,
          'Historical Market Data Service error message:HMDS query returned no data: NVDA@SMART Trades',
          '',
        )
    }
    const bars = await gateway.history(wish)
    expect(bars.map(({ startMs }) => startMs)).toEqual([1732890600000, 1732890660000])
    expect(bars[0]).toMatchObject({ open: 178, volume: Number.NaN, trades: Number.NaN })
    expect(server.of(SENT.history)[1]!.slice(14, 19)).toEqual([
      '0',
      '20241129-15:00:00',
      '1 min',
      '1800 S',
      '1',
    ])
    expect(await gateway.history({ ...wish, interval: '5m' })).toEqual([])
    expect(await told.problem(162)).toMatchObject({ act: 'wait', id: null })
  })

  test('two of a kind go one after the other', async () => {
    const { server, gateway } = await connected()
    await Promise.all([gateway.positions(), gateway.positions(), gateway.openOrders()])
    expect(server.of(SENT.positions)).toHaveLength(2)
  })
})

describe('streams', () => {
  const streaming = async () => {
    const all = await connected()
    await all.gateway.subscribeBars('NVDA')
    await all.server.until(() => all.server.of(SENT.bars).length === 1)
    const request = (message: string, n = 0): string => all.server.of(message)[n]![2]!
    return { ...all, request }
  }

  test('ask for live data, and tell bars, the type of the data and halts', async () => {
    const { server, told, gateway, request } = await streaming()
    expect(server.of(SENT.dataType)).toEqual([['59', '1', '1']])
    server.send(58, 1, request(SENT.quotes), 3)
    server.send(45, 6, request(SENT.quotes), 49, 1)
    server.send(45, 6, request(SENT.quotes), 49, -1)
    server.send(...streamBar(request(SENT.bars), 1_732_890_600, 179.25))
    server.send(...streamBar(request(SENT.bars), 1_732_890_600, 179.25))
    server.send(50, 3, request(SENT.bars), 1_732_890_605, 179, 178, 179, 179, 1, 1, 1)
    server.send(...streamBar(request(SENT.bars), 1_732_890_610, 179.5))
    await gateway.time()
    expect(told.of('dataType')).toEqual([['NVDA', 3]])
    expect(told.of('halted')).toEqual([['NVDA', 1]])
    expect(told.of('bar').map(([symbol, bar]) => [symbol, (bar as { startMs: number }).startMs])).toEqual([
      ['NVDA', 1_732_890_600_000],
      ['NVDA', 1_732_890_610_000],
    ])
    expect(await told.problem(505)).toMatchObject({ act: 'alarm' })
  })

  test.each([10225, 10182])(
    'that end though all looks alive (%i) are asked for again, and the gap is told',
    async (code) => {
      const { server, told, request } = await streaming()
      server.send(...streamBar(request(SENT.bars), 1_732_890_600, 179.25))
      server.send(4, 2, request(SENT.bars), code, 'the stream has ended', '')
      expect(await told.problem(code)).toMatchObject({ symbol: 'NVDA', id: null })
      expect(await told.nth('gap')).toEqual(['NVDA', 1_732_890_600_000])
      await server.until(() => server.of(SENT.bars).length === 2)
      expect(server.of(SENT.barsDone)).toHaveLength(1)
      // Bars of the old stream are no bars.
      server.send(...streamBar(request(SENT.bars), 1_732_890_605, 179.25))
      server.send(...streamBar(request(SENT.bars, 1), 1_732_890_610, 179.25))
      await told.nth('bar', 2)
      expect(told.of('bar').map(([, bar]) => (bar as { startMs: number }).startMs)).toEqual([
        1_732_890_600_000, 1_732_890_610_000,
      ])
    },
  )

  test('that stay silent after a farm came back (2103, 2104) are asked for again; one that speaks is not', async () => {
    const { server, told, request, gateway, timers } = await streaming()
    await gateway.subscribeBars('MSFT')
    await server.until(() => server.of(SENT.bars).length === 2)
    timers.factor = 20
    server.send(4, 2, -1, 2103, 'Market data farm connection is broken:usfarm', '')
    server.send(4, 2, -1, 2104, 'Market data farm connection is OK:usfarm', '')
    server.send(...streamBar(request(SENT.bars), 1_732_890_600, 179.25))
    expect(await told.problem(2103)).toMatchObject({ act: 'farm-broken' })
    expect(await told.nth('gap')).toEqual(['MSFT', null])
    await gateway.time()
    expect(told.of('gap')).toHaveLength(1)
  })

  test('are asked for again on a new connection, and refused data is told by its symbol', async () => {
    const { server, told, request } = await streaming()
    server.cut()
    await told.nth('ready', 2)
    await server.until(() => server.of(SENT.bars).length === 2)
    expect(server.of(SENT.barsDone)).toEqual([])
    server.send(4, 2, request(SENT.quotes, 1), 354, 'Requested market data is not subscribed.', '')
    expect(await told.problem(354)).toMatchObject({ symbol: 'NVDA', act: 'data-guard' })
  })
})

describe('rates', () => {
  test('100 stops sending for a while, and is counted', async () => {
    const { server, told, gateway } = await connected()
    server.send(4, 2, -1, 100, 'Max rate of messages per second has been exceeded', '')
    await told.problem(100)
    gateway.place(1, NVDA, BUY)
    expect(gateway.backOffs).toBe(1)
    await gateway.time()
    expect(server.of(SENT.place)).toHaveLength(1)
  })
})

describe('the clock', () => {
  test('its offset is told with every answer', async () => {
    const { told, gateway } = await connected(
      { now: () => Date.parse('2024-11-29T14:30:00Z') },
      {
        timers: {
          now: () => Date.parse('2024-11-29T14:29:50.500Z'),
          setTimeout: (run, ms) => setTimeout(run, ms),
          clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
        },
      },
    )
    expect(told.of('clock')).toEqual([[10_000]])
    expect(await gateway.time()).toBe(Date.parse('2024-11-29T14:30:00Z'))
  })
})
