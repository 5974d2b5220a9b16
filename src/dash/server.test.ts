import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { lockWorldOf } from '../../test/support/lock-world.js'
import { Workdir } from '../../test/support/workdir.js'
import { Dashboard } from './dashboard.js'
import { screenOf } from './screen.js'
import { isLocalAddress, startServer } from './server.js'

const minute = (n: number): string =>
  new Date(Date.UTC(2025, 6, 30, 13, 31 + n)).toISOString().replace('.000', '')

const equity = (n: number, value: number, run = 'r'): string =>
  `{"type":"equity","time":"${minute(n)}","run":${JSON.stringify(run)},"cash":${value},"positions":{"NVDA":${n}},"marks":{"NVDA":180.5},"equity":${value},"pnl_day":${value - 5000},"pnl_total":${value - 5000},"drawdown":0}\n`

/** A server over the files of a directory; looks happen when the test says so. */
async function served(
  options: {
    token?: string
    hosts?: string[]
    address?: string
    named?: readonly string[]
    beatMs?: number
    files?: Readonly<Record<string, string>>
  } = {},
) {
  const dir = new Workdir('jules-dash-')
  mkdirSync(dir.file('d'))
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(dir.file(`d/${name}`), text)
  let nowMs = Date.now()
  const dashboard = new Dashboard({
    places: [dir.file('d'), ...(options.named ?? []).map((name) => dir.file(name))],
    registry: null,
    world: lockWorldOf(1),
    clock: () => nowMs,
    later: () => () => {},
    boot: 'b0',
    failed: (error) => {
      throw error
    },
  })
  await dashboard.open()
  await dashboard.look()
  const server = await startServer({
    ...{ dashboard, stored: () => null, address: options.address ?? '127.0.0.1', port: 0 },
    ...{ token: options.token ?? null, hosts: options.hosts ?? [], memory: () => 12345 },
    beatMs: options.beatMs ?? 15_000,
  })
  onTestFinished(async () => {
    await server.close()
    await dashboard.close()
  })
  return {
    ...{ dir, dashboard, server },
    file: (name: string) => dir.file(`d/${name}`),
    pass: (ms: number) => {
      nowMs += ms
    },
    ask: (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      asked(server.port, { path, headers, method }),
    follow: (path = '/events', headers: Record<string, string> = {}) =>
      following(server.port, { path, headers }),
  }
}

interface Asked {
  readonly path: string
  readonly headers: Record<string, string>
  readonly method?: string
}

function opened(port: number, { path, headers, method = 'GET' }: Asked): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false })
      .on('response', resolve)
      .on('error', reject)
      .end()
  })
}

async function asked(port: number, what: Asked) {
  const response = await opened(port, what)
  let text = ''
  for await (const piece of response.setEncoding('utf8')) text += piece
  return { status: response.statusCode, headers: response.headers, text }
}

interface Event {
  readonly id: string
  readonly event: string
  readonly data: unknown
}

/** A reader of events, which waits for what comes. */
async function following(port: number, what: Asked) {
  const response = await opened(port, what)
  const events: Event[] = []
  let rest = ''
  let wake = () => {}
  response.setEncoding('utf8').on('data', (piece: string) => {
    rest += piece
    for (let at = rest.indexOf('\n\n'); at >= 0; at = rest.indexOf('\n\n')) {
      const fields = Object.fromEntries(
        rest
          .slice(0, at)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      )
      rest = rest.slice(at + 2)
      if (fields.event !== undefined)
        events.push({ id: fields.id!, event: fields.event, data: JSON.parse(fields.data!) })
    }
    wake()
  })
  response.on('error', () => {})
  return {
    ...{ status: response.statusCode, events },
    until: async (is: (events: readonly Event[]) => boolean) => {
      while (!is(events)) await new Promise<void>((done) => (wake = done))
      return events
    },
    cut: () => response.destroy(),
  }
}

/** The equities that events have told of. */
const pointsIn = (events: readonly Event[]): number[] =>
  events
    .filter(({ event }) => event === 'points')
    .flatMap(({ data }) => (data as { points: [number, number, number][] }).points.map(([, value]) => value))

describe('pages', () => {
  test('are whole without scripts, and load nothing that is not here', async () => {
    const { ask } = await served({ files: { 'r.ndjson': equity(0, 5000) + equity(1, 5012.345) } })
    for (const path of ['/', '/training', '/quality', '/runs']) {
      const { status, headers, text } = await ask(path)
      expect([path, status, headers['cache-control']]).toEqual([path, 200, 'no-store'])
      expect(headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; img-src 'self'",
      )
      expect(headers['access-control-allow-origin']).toBeUndefined()
      const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!)
      expect(loaded.filter((address) => !/^[/#]/.test(address))).toEqual([])
      expect(text).not.toMatch(/ style="|<style| on\w+="/)
      for (const address of loaded.filter((one) => one.startsWith('/assets/')))
        expect((await ask(address)).status).toBe(200)
    }
    const { text } = await ask('/')
    expect(text).toContain('<span data-text="equity">$5,012.35</span>')
    expect(text).toContain('<th scope="row" class="t">2025-07-30 09:32</th><td class="n">$5,012.35</td>')
  })

  test('of nothing say so', async () => {
    const { ask } = await served()
    for (const [path, words] of [
      ['/', 'Nothing is traded'],
      ['/training', 'Nothing was trained'],
      ['/quality', 'Nothing is known of the data'],
      ['/runs', 'No runs'],
    ] as const)
      expect((await ask(path)).text).toContain(words)
  })

  test('a new file is found, one that is gone goes', async () => {
    const { ask, file, dashboard, pass } = await served()
    writeFileSync(file('n.ndjson'), equity(0, 4321))
    pass(3000)
    await dashboard.look()
    expect((await ask('/')).text).toContain('$4,321.00')
    rmSync(file('n.ndjson'))
    pass(3000)
    await dashboard.look()
    expect((await ask('/')).text).toContain('Nothing is traded')
  })
})

describe('who may ask', () => {
  test('a name that is not this server is refused: a name of others may be bound to it', async () => {
    const { ask, server } = await served({ hosts: ['desk.example:81', 'other.example'] })
    const { port } = server
    for (const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `LOCALHOST:${port}`,
      'desk.example:81',
      'other.example',
      'other.example:7',
    ])
      expect([host, (await ask('/', { host })).status]).toEqual([host, 200])
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:${port + 1}`,
      'desk.example',
      `127.0.0.1:${port}.evil.example`,
      `10.0.0.1:${port}`,
      '[::1]',
    ])
      for (const path of ['/', '/events', '/metrics', '/assets/live.js'])
        expect([host, (await ask(path, { host })).status]).toEqual([host, 421])
  })

  test('the name that it was told to listen on is its own, as is whatever address that is', async () => {
    const { server, ask } = await served({ address: 'localhost', hosts: ['desk.example:81'] })
    expect(server.url).toBe(`http://localhost:${server.port}/`)
    expect((await ask('/', { host: `localhost:${server.port}` })).status).toBe(200)
    expect((await ask('/', { host: 'localhost.evil.example' })).status).toBe(421)
    const numbers = await served({ address: '127.1' })
    expect(numbers.server.url).toBe(`http://127.0.0.1:${numbers.server.port}/`)
    expect(
      ['localhost', '127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::', 'localhost.example'].map(
        isLocalAddress,
      ),
    ).toEqual([true, true, true, true, false, false, false])
  })

  test('only GET and HEAD, only pages that are, and no request of other sites', async () => {
    const { ask } = await served()
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
      expect([method, (await ask('/', {}, method)).status]).toEqual([method, 405])
    const head = await ask('/', {}, 'HEAD')
    expect([head.status, head.text, Number(head.headers['content-length']) > 500]).toEqual([200, '', true])
    for (const path of [
      '/../etc/passwd',
      '/assets/../../package.json',
      '/assets/%2e%2e%2fpackage.json',
      '/assets/live.ts',
      '/constructor',
      '/__proto__',
      '/%00',
    ])
      expect([path, (await ask(path)).status]).toEqual([path, 404])
    for (const path of ['//evil.example', `/${'a'.repeat(4000)}`, '/\\evil.example'])
      expect([path.slice(0, 20), (await ask(path)).status]).toEqual([path.slice(0, 20), 400])
    expect((await ask('/events', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' })).status).toBe(
      403,
    )
    expect((await ask('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).status).toBe(
      200,
    )
  })

  test('with a token: nothing without it; once in the address, then in a cookie that does not tell it', async () => {
    const token = 'a-token-of-this-test'
    const { ask, server } = await served({ token, files: { 'r.ndjson': equity(0, 5000) } })
    for (const path of [
      '/',
      '/events',
      '/metrics',
      '/healthz',
      '/assets/live.js',
      '/?token=wrong',
      '/?token=',
    ])
      expect([path, (await ask(path)).status]).toEqual([path, 401])
    expect(server.url.endsWith(`/?token=${token}`)).toBe(true)
    const first = await ask(`/runs?run=000000000000&token=${token}`)
    expect([first.status, first.headers.location]).toEqual([303, '/runs?run=000000000000'])
    const [cookie = ''] = first.headers['set-cookie'] ?? []
    expect(cookie).toMatch(/^jules_dash_\d+=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(token)
    const own = cookie.split(';')[0]!
    expect((await ask('/', { cookie: `x=1; ${own}` })).status).toBe(200)
    expect((await ask('/', { cookie: `${own.slice(0, -1)}z` })).status).toBe(401)
    expect((await ask('/', { cookie: `x=1; ${own.replace(/=.*/, `=${token}`)}` })).status).toBe(401)
    expect((await ask('/metrics', { authorization: `Bearer ${token}` })).status).toBe(200)
    expect((await ask('/metrics', { authorization: 'Bearer x' })).status).toBe(401)
    // Only to a page of this server.
    expect((await ask(`/\\evil.example/?token=${token}`)).status).toBe(400)
  })
})

describe('events', () => {
  test('after a cut a reader gets what it missed: nothing lost, nothing twice', async () => {
    const { follow, file, dashboard } = await served({ files: { 'r.ndjson': equity(0, 5000) } })
    const grow = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        appendFileSync(file('r.ndjson'), equity(n, 5000 + n))
        await dashboard.look()
      }
    }
    const first = await follow(`/events?after=${dashboard.published()}`)
    await grow(1, 6)
    await first.until((events) => pointsIn(events).length >= 3)
    first.cut()
    const seen = [...first.events]
    await grow(6, 12)
    const second = await follow('/events?after=b0-0', { 'last-event-id': seen.at(-1)!.id })
    await grow(12, 15)
    await second.until((events) => pointsIn(events).at(-1) === 5014)
    const all = [...seen, ...second.events]
    expect(pointsIn(all)).toEqual(Array.from({ length: 14 }, (_, n) => 5001 + n))
    expect(all.map(({ id }) => Number(id.split('-')[1]))).toEqual(
      Array.from({ length: all.length }, (_, n) => Number(all[0]!.id.split('-')[1]) + n),
    )
  })

  test('what is no longer known, or is of another process, begins anew', async () => {
    const { follow, dashboard } = await served({ files: { 'r.ndjson': equity(0, 5000) } })
    for (const id of ['other-1', 'b0-99', 'nonsense', '-', 'b0-', 'b0-1e1']) {
      const reader = await follow('/events', { 'last-event-id': id })
      await reader.until(({ length }) => length > 0)
      expect([id, reader.events[0]]).toEqual([
        id,
        { id: dashboard.published(), event: 'page', data: 'begin anew' },
      ])
      reader.cut()
    }
  })

  test('ten readers are told the same, and one that does not read holds nobody up', async () => {
    const { follow, file, dashboard, server } = await served({ files: { 'r.ndjson': equity(0, 5000) } })
    const after = dashboard.published()
    const slow = await opened(server.port, { path: `/events?after=${after}`, headers: {} })
    slow.pause()
    const readers = await Promise.all(Array.from({ length: 10 }, () => follow(`/events?after=${after}`)))
    expect(server.clients()).toBe(11)
    for (let n = 1; n <= 4000; n++) {
      appendFileSync(file('r.ndjson'), equity(n, 5000 + n))
      if (n % 400 === 0) await dashboard.look()
    }
    for (const reader of readers) await reader.until((events) => pointsIn(events).at(-1) === 9000)
    for (const { events } of readers) expect(pointsIn(events).length).toBe(4000)
    slow.destroy()
    for (const reader of readers) reader.cut()
  })

  test('one that reads nothing for long gives up its place, one that reads keeps it', async () => {
    const { follow, dashboard, server } = await served({ beatMs: 10 })
    const stuck = await opened(server.port, { path: '/events', headers: {} })
    stuck.pause()
    const reader = await follow()
    // More than the kernel and the socket hold.
    for (let n = 0; n < 60; n++) {
      for (let m = 0; m < 10; m++) dashboard.events.add('texts', 'x'.repeat(20_000))
      await reader.until((events) => events.some(({ event }) => event === 'page') || events.length >= 10 * n)
    }
    const closed = new Promise((done) => stuck.on('close', done).on('error', done))
    expect(server.clients()).toBe(2)
    while (server.clients() > 1) await new Promise((done) => setTimeout(done, 5))
    stuck.resume()
    await closed
    dashboard.events.add('texts', 'last')
    await reader.until((events) => events.at(-1)?.data === 'last')
    expect(reader.events.map(({ data }) => (data as string).length)).toEqual([...Array(600).fill(20_000), 4])
    reader.cut()
  })

  test('no more than some dozens of readers', async () => {
    const { follow, server } = await served()
    const readers = await Promise.all(Array.from({ length: 50 }, () => follow()))
    expect([server.clients(), readers.filter(({ status }) => status === 503).length]).toEqual([48, 2])
    for (const reader of readers) reader.cut()
  })
})

describe('for monitors', () => {
  test('/metrics has the figures, and texts of files in labels alone', async () => {
    const run = 'a"b\\c\nd\u202e<script>\ud800'
    const { ask } = await served({ files: { 'r.ndjson': equity(1, 5100.25, run) } })
    const { headers, text } = await ask('/metrics')
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    // As the format has it: a name, labels, a number.
    const label = '[a-z]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
    const form = new RegExp(`^jules_dash_[a-z_]+(\\{${label}(,${label})*\\})? (-?[\\d.e+-]+|NaN|[+-]Inf)$`)
    expect(lines.filter((line) => !form.test(line))).toEqual([])
    expect(text).toMatch(
      /^jules_dash_equity_dollars\{run="a\\"b\\\\c\\nd\\\\u202e<script>\ufffd",source="[0-9a-f]{12}"\} 5100\.25$/m,
    )
    expect(text).toMatch(/^jules_dash_memory_bytes 12345$/m)
  })

  test('/healthz is 503 where a person is needed, and says why', async () => {
    const { ask, dashboard, dir, pass } = await served({ named: ['gone.ndjson'] })
    const first = await ask('/healthz')
    expect([first.status, JSON.parse(first.text)]).toEqual([
      503,
      { ok: false, problems: [{ source: dir.file('gone.ndjson'), words: 'is not there yet' }] },
    ])
    dir.write('gone.ndjson', equity(0, 5000))
    pass(3000)
    await dashboard.look()
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: '{"ok":true,"problems":[]}\n' })
  })
})

test('a page says which files cannot be read, and is had anew when one is gone', async () => {
  const { ask, dashboard, dir, follow } = await served({ named: ['a.ndjson', 'b.ndjson'] })
  mkdirSync(dir.file('a.ndjson'))
  dir.write('b.ndjson', equity(0, 5000))
  await dashboard.look()
  const { text } = await ask('/')
  expect(text).toContain(
    `<h2>1 file cannot be read</h2><ul><li class="bad">${dir.file('a.ndjson')}: is a directory</li>`,
  )
  expect(text).not.toContain('waited for')
  const reader = await follow(`/events?after=${dashboard.published()}`)
  rmSync(dir.file('b.ndjson'))
  await dashboard.look()
  await reader.until(({ length }) => length > 0)
  expect(reader.events.map(({ event }) => event)).toEqual(['page'])
  expect((await ask('/')).text).toContain('file is gone')
  reader.cut()
})

test('a page says which files are waited for, and shows one as soon as it is made', async () => {
  const { ask, dashboard, dir, follow } = await served({ named: ['a.journal', 'b.ndjson'] })
  const waited = (name: string) =>
    `<li class="warn">${dir.file(name)}: is not there yet; it is shown as soon as it is made</li>`
  const { text } = await ask('/')
  expect(text).toContain(`<h2>2 files waited for</h2><ul>${waited('a.journal')}${waited('b.ndjson')}</ul>`)
  const lines = screenOf(dashboard, { columns: 200, rows: 20, unicode: true }, (words) => words)
  expect(lines).toContain(`${dir.file('a.journal')}: is not there yet`)
  const reader = await follow(`/events?after=${dashboard.published()}`)
  dir.write('b.ndjson', equity(0, 5000))
  await dashboard.look()
  await reader.until(({ length }) => length > 0)
  expect(reader.events.map(({ event }) => event)).toEqual(['page'])
  const then = (await ask('/')).text
  expect(then).toContain(`<h2>1 file waited for</h2><ul>${waited('a.journal')}</ul>`)
  expect(then).toContain('$5,000.00')
  reader.cut()
})

describe('what files hold is text, whatever it is', () => {
  const EVIL = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</script><script>alert(1)</script>',
    'javascript:alert(1)',
    '\u001b[2J\u001b]0;x\u0007',
    '\u202egnp.exe\u2066',
    '\ud800 half \udfff',
    'a\r\nset-cookie: x=1\r\n\r\n<b>',
    '&lt;b&gt;',
    '__proto__',
    '\u0000\u0085',
    '$`{1}`',
    '*/<!--',
  ]
  const records = (evil: string): string =>
    [
      { type: 'order', time: evil, run: evil, symbol: evil, side: evil, qty: 1, reason: evil },
      { type: 'fill', time: evil, run: evil, symbol: evil, side: evil, qty: 1, price: 1, commission: 0 },
      { type: 'risk', time: evil, run: evil, rule: evil, action: evil, detail: { symbol: evil } },
      { type: 'state', time: evil, run: evil, connection: evil, data_age_ms: 1, limits_used: { [evil]: 1 } },
      {
        type: 'equity',
        time: minute(1),
        run: evil,
        cash: 1,
        positions: { [evil]: 1 },
        marks: { [evil]: 2 },
        equity: 1,
      },
      { type: 'metric', run: evil, step: 1, 'eval/mean_reward': 1, [`x/${evil}`]: 2 },
      { type: 'quality', date: '2025-07-30', symbol: evil, check: evil, severity: evil, count: 1, fix: evil },
      { type: 'summary', run: evil, ending: evil },
    ]
      .map((record) => `${JSON.stringify(record)}\n`)
      .join('')

  /** Markup as it is with plain texts in place of all others: what is left is the same for every text. */
  const skeleton = (text: string): string =>
    [...text.replace(/<script type="application\/json">[\s\S]*?<\/script>/g, '<data>').matchAll(/<[^>]*>/g)]
      .map(([tag]) => tag.replace(/"[^"]*"/g, '""'))
      .join('')

  test.each(EVIL)('%j', async (evil) => {
    const plain = await served({ files: { 'n.ndjson': records('plain') } })
    const name = `${evil.replace(/[/\0]|\p{Surrogate}/gu, '_')}.ndjson`
    const { ask, file, dashboard, follow } = await served({ files: { [name]: records(evil) } })
    for (const path of ['/', '/training', '/quality', '/runs']) {
      const { text, headers, status } = await ask(path)
      expect([path, status, headers['set-cookie']]).toEqual([path, 200, undefined])
      expect(skeleton(text)).toBe(skeleton((await plain.ask(path)).text))
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
    }
    const reader = await follow(`/events?after=${dashboard.published()}`)
    appendFileSync(file(name), records(evil))
    await dashboard.look()
    await reader.until(({ length }) => length > 0)
    // Each event is three fields and an end, whatever stands in it: the reader has parsed them.
    expect(reader.events.every(({ id }) => /^b0-\d+$/.test(id))).toBe(true)
    reader.cut()
  })
})
