/** Servers that are none, are broken, or mean harm: each ends the session with words, and none fills the memory. */
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { failure, fakePostgres, message, WELCOME } from '../../test/support/fake-postgres.js'
import { targetOf } from '../../test/support/target.js'
import { PostgresStore } from './postgres.js'
import { SILENCE_MS, Wire } from './wire.js'

const MIB = Buffer.alloc(1 << 20, 'x')

/** Writes one block after the other for as long as somebody reads; returns what was taken so far. */
function endless(socket: Socket, block: Buffer): void {
  const write = () => {
    while (!socket.destroyed && socket.write(block));
    if (!socket.destroyed) socket.once('drain', write)
  }
  write()
}

async function opened(says: (socket: Socket) => void) {
  let taken = () => 0
  const server = await fakePostgres({
    says: (socket) => {
      taken = () => socket.bytesWritten - socket.writableLength
      says(socket)
    },
  })
  const failed = await PostgresStore.open(
    targetOf(`postgresql://u@127.0.0.1:${server.port}/db?sslmode=disable`),
  ).then(
    () => null,
    (error: unknown) => error,
  )
  return { failed, taken: taken() }
}

const ROW_DESCRIPTION = message('T', '\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\0\x08\0\0\0\0\0\0')
const ROW = message('D', '\0\x01\0\0\0\x01x')

describe('while a session is opened', () => {
  const cases: [what: string, says: (socket: Socket) => void, code: number, words: RegExp][] = [
    ['a web server', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 69, /no PostgreSQL server/],
    ['a mail server', (socket) => socket.end('220 mail ESMTP\r\n'), 69, /no PostgreSQL server/],
    ['noise', (socket) => socket.end(Buffer.from([0xff, 0, 1, 2, 3, 4])), 69, /no PostgreSQL server/],
    [
      'an error without end',
      (socket) => {
        socket.write(message('E', '', 0x7fff_ffff))
        endless(socket, MIB)
      },
      69,
      /no PostgreSQL server/,
    ],
    [
      'an error of 1 MiB',
      (socket) => socket.end(failure('XX000', 'a'.repeat((1 << 20) - 100))),
      69,
      /: a{1000}/,
    ],
    ['a length of nothing', (socket) => socket.end(message('R', '', 0)), 69, /no PostgreSQL server/],
    [
      'a way to log in that nobody knows',
      (socket) => socket.end(message('R', '\0\0\0\x63')),
      69,
      /no message of PostgreSQL/,
    ],
    [
      'notices without end',
      (socket) => endless(socket, Buffer.concat(Array(1000).fill(message('N', 'SNOTICE\0Mhello\0\0')))),
      69,
      /notices without an end/,
    ],
    [
      'parameters without end',
      (socket) => {
        socket.write(WELCOME)
        endless(socket, Buffer.concat(Array(1000).fill(message('S', 'a\0b\0'))))
      },
      69,
      /notices without an end/,
    ],
    [
      'rows without end',
      (socket) => {
        socket.write(WELCOME)
        socket.once('data', () => {
          socket.write(ROW_DESCRIPTION)
          endless(socket, Buffer.concat(Array(1000).fill(ROW)))
        })
      },
      69,
      /answers without an end/,
    ],
    [
      'a field without end',
      (socket) => {
        socket.write(Buffer.concat([WELCOME, message('D', '', 0x3fff_ffff)]))
        endless(socket, MIB)
      },
      69,
      /a message of 1073741823 bytes/,
    ],
    [
      'rows that nobody asked for',
      (socket) => socket.end(Buffer.concat([WELCOME, ROW_DESCRIPTION, ROW])),
      69,
      /no message of PostgreSQL/,
    ],
    [
      'a letter of no message',
      (socket) => socket.end(Buffer.concat([WELCOME, message('q')])),
      69,
      /no message of PostgreSQL/,
    ],
    [
      'a row that is cut short',
      (socket) => socket.end(Buffer.concat([WELCOME, message('T', '\xff')])),
      69,
      /no message of PostgreSQL/,
    ],
    [
      'a pooler that takes no options',
      (socket) => socket.end(failure('08P01', 'unsupported startup parameter: options')),
      78,
      /unsupported startup parameter: options$/,
    ],
    [
      'words that drive a terminal',
      (socket) => socket.end(failure('28000', 'a\x1b[31m\nb')),
      77,
      /a\x1b\[31m b$/,
    ],
  ]
  test.each(cases)('%s', async (_what, says, code, words) => {
    const { failed, taken } = await opened(says)
    expect(failed).toMatchObject({ code, message: expect.stringMatching(words) })
    expect((failed as Error).message).toMatch(/^cannot connect to u@127.0.0.1:\d+\/db: /)
    expect((failed as Error).message.length).toBeLessThan(2200)
    // The sockets of both sides hold a few MiB; what was read beyond that is in nobody's memory.
    expect(taken).toBeLessThan(64 << 20)
  })
})

test('a server that lets a session in and then says no more is given up', async () => {
  const server = await fakePostgres({ says: (socket) => socket.write(WELCOME) })
  const dsn = `postgresql://u@127.0.0.1:${server.port}/db?sslmode=disable&connect_timeout=1`
  await expect(PostgresStore.open(targetOf(dsn))).rejects.toMatchObject({
    code: 69,
    message: expect.stringMatching(/^cannot connect to u@127\.0\.0\.1:\d+\/db: no answer within 1 s$/),
  })
})

describe('a message that stops in its middle', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('is given up, one that goes on is not', async () => {
    const server = await fakePostgres({ says: (socket) => socket.write(WELCOME.subarray(0, 11)) })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const dsn = `postgresql://u@127.0.0.1:${server.port}/db?sslmode=disable&connect_timeout=0`
    const failed = PostgresStore.open(targetOf(dsn)).catch((error: unknown) => error)
    while (server.log.length === 0) await new Promise((done) => setImmediate(done))
    while (vi.getTimerCount() === 0) await new Promise((done) => setImmediate(done))
    vi.advanceTimersByTime(SILENCE_MS - 1)
    await new Promise((done) => setImmediate(done))
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(1)
    expect(await failed).toMatchObject({
      code: 69,
      message: expect.stringContaining('fell silent in the middle of a message'),
    })
  })
})

describe('the frame of the protocol', () => {
  const good = Buffer.concat([
    message('N', 'x'),
    WELCOME,
    message('T', 'abc'),
    ...Array(3).fill(message('d', 'row')),
    message('c'),
    message('Z', 'I'),
  ])

  test('is the same wherever the bytes are cut', () => {
    for (let size = 1; size <= good.length; size++) {
      const wire = new Wire()
      for (let at = 0; at < good.length; at += size) wire.see(good.subarray(at, at + size))
      expect(wire.within).toBe(false)
    }
  })

  test('knows whether a message is under way', () => {
    for (const at of [1, 4, 5, 6]) {
      const wire = new Wire()
      wire.see(WELCOME.subarray(0, at))
      expect(wire.within).toBe(true)
    }
  })

  test('an answer may be long, not endless: rows are counted from one answer to the next', () => {
    const wire = new Wire()
    wire.see(WELCOME)
    const row = message('D', Buffer.alloc(1 << 20))
    for (let k = 0; k < 60; k++) {
      wire.see(row)
      if (k % 10 === 9) wire.see(message('Z', 'I'))
    }
    expect(() => {
      for (let k = 0; k < 20; k++) wire.see(row)
    }).toThrow('the server answers without an end')
  })

  test('a row of COPY that is too long is data, and rows may go on for ever', () => {
    const wire = new Wire()
    wire.see(WELCOME)
    const rows = message('d', Buffer.alloc(1 << 20))
    for (let k = 0; k < 300; k++) wire.see(rows)
    expect(() => wire.see(message('d', '', 65 << 20))).toThrow('market_data holds a row of 68157440 bytes')
  })
})
