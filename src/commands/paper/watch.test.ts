/** Who is told that a run lives: a file, whatever comes in, and an address, while orders could be sent. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Workdir } from '../../../test/support/workdir.js'
import type { Context } from '../../cli/context.js'
import { Watch, type WatchOptions } from './watch.js'

/** An address with a secret in it, and what was asked of it. */
async function served(answer: RequestListener) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/t0ken?key=t0ken`, asked }
}

function scene(given: Partial<WatchOptions> = {}) {
  let nowMs = 1_000_000
  const warned: string[] = []
  const ui = { warn: (words: string) => warned.push(words) } as unknown as Context['ui']
  const heartbeat = given.heartbeat ?? new Workdir().file('j.ndjson.heartbeat')
  const watch = new Watch(
    { clock: () => nowMs, ui },
    { run: 'r', webhook: undefined, healthcheck: undefined, patienceMs: 5000, ...given, heartbeat },
  )
  return {
    watch,
    warned,
    file: () => JSON.parse(readFileSync(heartbeat, 'utf8')) as Record<string, unknown>,
    isThere: () => existsSync(heartbeat),
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

test('the file is renewed every five seconds, without bars and without a connection too', () => {
  const { watch, file, pass } = scene()
  watch.beat('ready', null)
  expect(file()).toEqual({ at: 1_000_000, run: 'r', time: null, connection: 'ready' })
  pass(4999)
  watch.beat('down', null)
  expect(file()).toMatchObject({ at: 1_000_000 })
  pass(1)
  watch.beat('down', null)
  expect(file()).toMatchObject({ at: 1_005_000, connection: 'down' })
  pass(5000)
  watch.beat('connecting', Date.parse('2025-08-01T14:00:00Z'))
  expect(file()).toMatchObject({ at: 1_010_000, time: '2025-08-01T14:00:00Z', connection: 'connecting' })
})

test('the address is pinged every minute, and only while orders could be sent', async () => {
  const { url, asked } = await served((_, response) => response.end())
  const { watch, pass, warned } = scene({ healthcheck: url })
  for (const state of ['down', 'connecting'] as const) watch.beat(state, null)
  await watch.end()
  expect(asked).toEqual([])
  watch.beat('ready', null)
  pass(59_999)
  watch.beat('ready', null)
  await watch.end()
  expect(asked).toEqual(['GET /t0ken?key=t0ken'])
  pass(1)
  watch.beat('down', null)
  await watch.end()
  expect(asked).toHaveLength(1)
  watch.beat('ready', null)
  await watch.end()
  expect([asked.length, warned]).toEqual([2, []])
})

test.each<[string, RequestListener | null, string]>([
  ['hangs', () => {}, '127.0.0.1 was not reached'],
  ['answers and then hangs', (_, response) => response.writeHead(200).write('x'), ''],
  ['answers 500', (_, response) => response.writeHead(500).end('t0ken'), '127.0.0.1 answered 500'],
  [
    'sends elsewhere',
    (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/t0ken' }).end(),
    '127.0.0.1 answered 302',
  ],
  ['hangs up', (request) => request.socket.destroy(), '127.0.0.1 was not reached'],
  ['is not there', null, '127.0.0.1 was not reached'],
])('an address that %s stops nothing, and its words are its host alone', async (_, answer, words) => {
  const url = answer === null ? 'http://127.0.0.1:1/t0ken' : (await served(answer)).url
  // Only what is never answered ends by the time for it: a slow machine answers late.
  const patience = words.endsWith('not reached') ? {} : { patienceMs: 60_000 }
  const { watch, warned } = scene({ webhook: url, healthcheck: url, ...patience })
  watch.alarm('limit', 'a loss limit')
  watch.beat('ready', null)
  await watch.end()
  expect(warned).toEqual(['a loss limit', ...(words === '' ? [] : [words, words])])
})

test('a file that cannot be written is told once, and again after it could be', () => {
  const dir = new Workdir()
  dir.write('file', '')
  const { watch, warned, pass } = scene({ heartbeat: dir.file('file/heartbeat') })
  for (let i = 0; i < 3; i++) {
    watch.beat('ready', null)
    pass(5000)
  }
  expect(warned).toEqual([expect.stringContaining('not a directory')])
})
