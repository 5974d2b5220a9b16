/** `jules dash` as a process: its address, signals with readers there, tokens, ports, the terminal, and nothing written. */
import { chmodSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BIN, Workdir } from '../support/workdir.js'

const equity = (minute: number, value: number): string =>
  `{"type":"equity","time":"2025-07-30T13:${minute}:00Z","run":"day","cash":${value},"positions":{"NVDA":2},"marks":{"NVDA":180},"equity":${value},"pnl_day":${value - 5000},"pnl_total":${value - 5000},"drawdown":0.001}\n`

describe.each([
  ['SIGINT', 130, 'interrupted'],
  ['SIGTERM', 143, 'terminated'],
] as const)('%s', (signal, status, words) => {
  test('ends it at once with readers there, and nothing is written', async () => {
    const dir = new Workdir('jules-dash-')
    dir.write('r.ndjson', equity(31, 5000))
    const child = dir.start(BIN, ['dash', 'r.ndjson'])
    let said = ''
    child.stderr!.on('data', (data) => (said += data))
    const url = await new Promise<string>((done) => child.stdout!.once('data', (data) => done(String(data))))
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\n$/)
    const readers = await Promise.all([1, 2, 3].map(() => fetch(`${url.trim()}events`)))
    expect(readers.map((one) => one.headers.get('content-type'))).toEqual(
      Array(3).fill('text/event-stream; charset=utf-8'),
    )
    const closed = new Promise((done) => child.on('close', done))
    child.kill(signal)
    expect(await closed).toBe(status)
    expect(said).toBe(`jules dash: warning: ${words}, stopping\n`)
    await Promise.all(readers.map((one) => one.text().catch(() => '')))
    expect(readdirSync(dir.path)).toEqual(['r.ndjson'])
  })
})

test('what others could reach needs a token that others cannot read', async () => {
  const dir = new Workdir('jules-dash-')
  dir.write('r.ndjson', equity(31, 5000))
  const open = await dir.called(['dash', 'r.ndjson', '--bind', '0.0.0.0'])
  expect([open.status, open.stderr.split('\n')[0]]).toEqual([
    64,
    'jules dash: --bind 0.0.0.0: others reach this address, and would need a token',
  ])
  const path = dir.write('token', 'sixteen-characters-at-least\n')
  chmodSync(path, 0o644)
  const seen = await dir.called(['dash', 'r.ndjson', '--bind', '0.0.0.0', '--token-file', 'token'])
  expect([seen.status, seen.stderr]).toEqual([
    77,
    'jules dash: token: others may read or write it\njules dash: hint: give it mode 0600\n',
  ])
  chmodSync(path, 0o600)
  dir.write('token', 'short\n')
  const short = await dir.called(['dash', 'r.ndjson', '--token-file', 'token'])
  expect([short.status, short.stderr]).toEqual([
    65,
    'jules dash: token: expected a token of 16 or more printable characters\n',
  ])
  const shown = await dir.called(['dash', 'r.ndjson', '--new-token', '--open'])
  expect(shown.status).toBe(64)
})

test('a port that is taken is 69, what is not there 66', async () => {
  const dir = new Workdir('jules-dash-')
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const taken = await dir.called(['dash', '--port', String(port)])
  expect([taken.status, taken.stderr]).toEqual([
    69,
    `jules dash: port ${port} is taken\njules dash: hint: name another with --port; 0 takes a free one\n`,
  ])
  const said = async (...words: readonly string[]) => {
    const { status, stderr } = await dir.called(['dash', ...words])
    return [status, stderr.split('\n')[0]]
  }
  expect(await said('none')).toEqual([66, 'jules dash: no run has the name or the folder "none"'])
  dir.write('file', '')
  expect(await said('no/k.journal')).toEqual([66, 'jules dash: no: no such folder'])
  expect(await said('file/k.journal')).toEqual([66, 'jules dash: file: not a directory'])
  expect(await said('--tui', 'k.journal')).toEqual([66, 'jules dash: k.journal: no such file or directory'])
})

test('a file that is not there yet is waited for, and said so once', async () => {
  const dir = new Workdir('jules-dash-')
  const child = dir.start(BIN, ['dash', 'k.journal'])
  let said = ''
  child.stderr!.on('data', (data) => (said += data))
  const url = await new Promise<string>((done) => child.stdout!.once('data', (data) => done(String(data))))
  const { body } = await fetch(`${url.trim()}events`)
  const events = body!.pipeThrough(new TextDecoderStream()).getReader()
  const shows = async (words: string) => {
    while (!(await (await fetch(url.trim())).text()).includes(words)) await events.read()
  }
  await shows('k.journal: is not there yet; it is shown as soon as it is made')
  dir.write('k.journal', equity(31, 5012.5))
  await shows('$5,012.50')
  const closed = new Promise((done) => child.on('close', done))
  child.kill()
  expect(await closed).toBe(143)
  expect(said).toBe(
    'jules dash: k.journal is not there yet, and is waited for\njules dash: warning: terminated, stopping\n',
  )
})

test('--tui without a terminal is a line for what goes on, in which nothing drives one', async () => {
  const dir = new Workdir('jules-dash-')
  dir.write('r.ndjson', equity(31, 5000) + equity(32, 5012.5))
  expect(await dir.called(['dash', '--tui', 'r.ndjson'])).toMatchObject({
    status: 0,
    stdout: 'day, running, Equity $5,012.50, P&L $12.50, Drawdown 0.10 %\n',
    stderr: '',
  })
  dir.write('r.ndjson', equity(31, 5000).replace('"day"', '"\\u001b[2Jx\\u202e\\n"'))
  expect((await dir.called(['dash', '--tui', 'r.ndjson'])).stdout).toMatch(
    /^\\u001b\[2Jx\\u202e\\n, running, /,
  )
  expect((await dir.called(['dash', '--tui'])).stdout).toBe('nothing is traded or trained\n')
  mkdirSync(dir.file('d'))
  symlinkSync('/dev/zero', dir.file('z'))
  expect(await dir.called(['dash', '--tui', 'd', 'z'])).toMatchObject({
    stdout: 'nothing is traded or trained\n',
    stderr: 'jules dash: warning: z: is no regular file\n',
  })
  expect((await dir.called(['dash', '--tui', ''])).status).toBe(66)
})

test('--tui on a terminal has its screen to itself, and gives it back when it is interrupted', async () => {
  const dir = new Workdir('jules-dash-')
  dir.write('r.ndjson', equity(31, 5000) + equity(32, 5012.5))
  const child = dir.start('script', ['-qec', `'${BIN}' dash --tui r.ndjson`, '/dev/null'], {
    env: { LC_ALL: 'C.UTF-8', TERM: 'xterm' },
  })
  let out = ''
  await new Promise<void>((done) =>
    child.stdout!.on('data', (data) => {
      out += data
      if (out.includes('$5,012.50')) done()
    }),
  )
  const closed = new Promise((done) => child.on('close', done))
  // Ctrl-C, as it is typed.
  child.stdin!.write('\u0003')
  expect(await closed).toBe(130)
  expect(out.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true)
  expect(out).toContain('\u001b[?25h\u001b[?1049l')
  expect(out).toContain('Equity')
})
