/** Servers that are none, are broken, or mean harm: each ends the session with words, and none fills the memory. */
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { failure, fakePostgres, message, WELCOME } from '../../test/support/fake-postgres.js'
import { targetOf } from '../../test/support/target.js'
import { Names, newBatch } from '../market/bar.js'
import { COPY_HEADER, RowDecoder } from './copy.js'
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
    targetOf(`postgresql://u@127.0.0.1:${server.port}/db?sslmode=disable`, { secret: async () => 'right' }),
  ).then(
    () => null,
    (error: unknown) => error,
  )
  return { failed, taken: taken() }
}

const ROW_DESCRIPTION = message('T', '\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\0\x08\0\0\0\0\0\0')
const ROW = message('D', '\0\x01\0\0\0\x01x')
const LONG_ROW = message(
  'D',
  Buffer.concat([Buffer.from('\0\x01\0\0\x10\0', 'latin1'), Buffer.alloc(4096, 'x')]),
)

/** A request of an authentication, with what belongs to it. */
const asks = (code: number, more = '') =>
  message('R', Buffer.from(`\0\0\0${String.fromCharCode(code)}${more}`))
/** SCRAM up to what the server says first, which may hold what the client has said. */
const scram = (first: (nonce: string) => string) => (socket: Socket) => {
  socket.removeAllListeners('data')
  socket.write(asks(10, 'SCRAM-SHA-256\0\0'))
  socket.once('data', (said) => socket.write(asks(11, first(/r=([^,\0]+)/.exec(String(said))?.[1] ?? ''))))
}
/** Lets the session in, and answers the first statement with this for ever. */
const answersWith = (answer: Buffer) => (socket: Socket) => {
  socket.write(WELCOME)
  socket.once('data', () => endless(socket, Buffer.concat(Array(1000).fill(answer))))
}

describe('while a session is opened', () => {
  type Case = [what: string, says: (socket: Socket) => void, code: number, words: RegExp]
  const cases: Case[] = [
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
    ...[2, 6, 7, 9, 99].map(
      (code): Case => [
        `an unknown way to log in: ${code}`,
        (socket) => socket.end(asks(code)),
        69,
        /asks for an unknown way to log in/,
      ],
    ),
    [
      'SASL of another kind',
      (socket) => socket.write(asks(10, 'OAUTHBEARER\0\0')),
      69,
      /no way to log in: SASL/,
    ],
    ['SASL of no kind', (socket) => socket.write(asks(10, '\0')), 69, /no way to log in: SASL/],
    ['SCRAM that ends first', (socket) => socket.write(asks(12, 'v=abcd')), 69, /no message of PostgreSQL/],
    ['SCRAM of somebody else', scram(() => 'r=abc,s=QUJD,i=4096'), 69, /nonce does not start with/],
    ['SCRAM that is none', scram(() => 'hello'), 69, /no way to log in: SASL/],
    ['SCRAM that takes for ever', scram((nonce) => `r=${nonce}x,s=QUJD,i=2000000000`), 69, /iteration count/],
    ['an error without a state', (socket) => socket.end(message('E', 'SFATAL\0Mno\0\0')), 69, /: no$/],
    ['an error without words', (socket) => socket.end(message('E', '\0')), 69, /gives no reason$/],
    ['an error with a state that is none', (socket) => socket.end(failure('no', 'a')), 69, /: a$/],
    ...(
      [
        ['ends of statements', message('C', 'SET\0')],
        ['names of columns', message('T', '\0\0')],
        ['empty answers', message('I')],
        ['logins', message('R', '\0\0\0\0')],
        ['keys', message('K', '\0\0\0\x01\0\0\0\x01')],
        ['copies', Buffer.concat([message('H', '\0\0\0'), message('d', 'abc'), message('c')])],
      ] as const
    ).map(
      ([what, answer]): Case => [`${what} without end`, answersWith(answer), 69, /answers without an end/],
    ),
    ['ends of answers without end', answersWith(message('Z', 'I')), 69, /notices without an end/],
    ['rows of no copy', answersWith(message('d', 'abc')), 69, /no message of PostgreSQL/],
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
          endless(socket, Buffer.concat(Array(100).fill(LONG_ROW)))
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
    message('H', '\x01\0\0'),
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
    wire.see(Buffer.concat([WELCOME, message('H', '\x01\0\0')]))
    const rows = message('d', Buffer.alloc(1 << 20))
    for (let k = 0; k < 300; k++) wire.see(rows)
    expect(() => wire.see(message('d', '', 65 << 20))).toThrow('market_data holds a row of 68157440 bytes')
  })
})

test('a row that is cut into many messages is none the less too long', () => {
  const decoder = new RowDecoder(newBatch(8, new Names()), () => {})
  const head = Buffer.from([0, 13, 0x7f, 0xff, 0xff, 0xff])
  expect(() => decoder.push(Buffer.concat([COPY_HEADER, head]))).toThrow(
    'market_data holds a row of 2147483653 bytes',
  )
})
