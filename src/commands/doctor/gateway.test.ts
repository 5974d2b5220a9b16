import { afterEach, describe, expect, test } from 'vitest'
import { ScriptedGateway, SENT } from '../../../test/support/scripted-gateway.js'
import { testSim } from '../../../test/support/sim.js'
import type { Context } from '../../cli/context.js'
import { gatewayPlace } from '../wiring/gateway.js'
import type { Check } from './check.js'
import { gatewayChecks } from './gateway.js'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const look = (port: number, signal = new AbortController().signal): Promise<Check[]> =>
  gatewayChecks({ clock: Date.now, signal } as Context, { place: { host: '127.0.0.1', port }, clientId: 999 })

async function scripted(script: (server: ScriptedGateway) => void = () => {}) {
  const server = await ScriptedGateway.start()
  open.push(server)
  server.answers[SENT.quotes] = ([, , request]) => server.send(58, 1, request!, 1)
  script(server)
  return server
}

const problems = (checks: readonly Check[]) =>
  checks.filter(({ problem }) => problem !== null).map(({ name, problem, fix }) => [name, problem, fix])

test('a sound gateway: every check is well, and nothing is sent that could order', async () => {
  const server = await scripted()
  const checks = await look(server.port)
  expect(problems(checks)).toEqual([])
  expect(checks.map(({ name, detail }) => [name, detail])).toEqual([
    ['gateway', `127.0.0.1:${server.port} answers, protocol version 193`],
    ['gateway account', 'DU1234567: paper'],
    ['gateway orders', 'the gateway takes orders'],
    ['gateway data', 'NVDA: live'],
    ['gateway clock', expect.stringMatching(/^\d\.\d s (behind|ahead of) this one$/)],
    ['gateway restart', expect.stringContaining('does not tell when it restarts')],
  ])
  const sent = new Set(server.received.map(([message]) => message))
  for (const message of [SENT.place, SENT.cancel, SENT.globalCancel]) expect(sent).not.toContain(message)
})

test('the simulated gateway is one too; its clock is that of its bars', async () => {
  const sim = await testSim({ accounts: ['DU1', 'DU2'] })
  open.push(sim)
  const checks = await look(sim.port)
  expect(problems(checks)).toEqual([
    ['gateway clock', expect.stringContaining('behind'), 'timedatectl set-ntp true'],
  ])
  expect(checks[1]!.detail).toBe('DU1, DU2: paper')
  expect(sim.lines.filter(({ name }) => name === 'placeOrder')).toEqual([])
})

describe('what is wrong', () => {
  const again = (server: ScriptedGateway): string => `jules doctor --gateway 127.0.0.1:${server.port}`

  test('an account that is not paper', async () => {
    const server = await scripted((to) => {
      to.accounts = 'DU1,U2'
    })
    expect(problems(await look(server.port))).toEqual([
      ['gateway account', expect.stringContaining('U2 is not a paper account'), again(server)],
    ])
  })

  test('read-only mode, delayed data, a clock that is off: all in one look', async () => {
    const server = await scripted((to) => {
      to.now = () => Date.now() - 5000
      to.answers[SENT.ownOpenOrders] = () =>
        to.send(4, 2, -1, 321, 'The API interface is currently in Read-Only mode.', '')
      to.answers[SENT.quotes] = ([, , request]) => to.send(58, 1, request!, 3)
    })
    expect(problems(await look(server.port))).toEqual([
      ['gateway orders', expect.stringContaining('Read-Only API'), again(server)],
      ['gateway data', expect.stringContaining('it is delayed'), again(server)],
      ['gateway clock', expect.stringMatching(/^[45]\.\d s behind/), 'timedatectl set-ntp true'],
    ])
  })

  test('data that is refused', async () => {
    const server = await scripted((to) => {
      to.answers[SENT.quotes] = ([, , request]) =>
        to.send(4, 2, request!, 354, 'Requested market data is not subscribed.', '')
    })
    expect(problems(await look(server.port))).toEqual([
      [
        'gateway data',
        expect.stringContaining('354: Requested market data is not subscribed.'),
        again(server),
      ],
    ])
  })

  test('a client id in use, and nobody there', async () => {
    const server = await scripted((to) => {
      to.answers[SENT.start] = () => to.send(4, 2, -1, 326, 'client id is already in use', '')
    })
    expect(problems(await look(server.port))).toEqual([
      ['gateway', expect.stringContaining('in use'), `${again(server)} --client-id 998`],
    ])
    expect(problems(await look(1))).toEqual([
      ['gateway', expect.stringContaining('ECONNREFUSED'), 'nc -vz 127.0.0.1 1'],
    ])
  })

  test('a signal ends the look', async () => {
    const server = await scripted((to) => {
      to.answers[SENT.time] = () => stop.abort(new Error('interrupted'))
    })
    const stop = new AbortController()
    await expect(look(server.port, stop.signal)).rejects.toThrow('interrupted')
  })
})

test.each([
  ['127.0.0.1:4002', '127.0.0.1', 4002],
  ['localhost:7497', 'localhost', 7497],
  ['[::1]:4002', '::1', 4002],
])('%s is a place', (text, host, port) => {
  expect(gatewayPlace(text)).toEqual({ host, port })
})

test.each([
  '',
  'localhost',
  ':4002',
  'localhost:',
  'localhost:0',
  'localhost:65536',
  '::1:4002',
  'http://x:1',
  'a b:1',
])('%j is none', (text) => {
  expect(() => gatewayPlace(text)).toThrow('expected HOST:PORT')
})
