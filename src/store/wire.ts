/**
 * What a server may say: every byte of a session is held against PostgreSQL's protocol (manual, "Message Formats") before
 * anything reads it. A server that is none, is broken or means harm ends the session with words, and fills no memory.
 */
import type { Socket } from 'node:net'
import type { Client } from 'pg'
import { type ExitName, Failure, type FailureDetails } from '../base/errors.js'

const MIB = 1 << 20

/** A longer row of a table is told, not read. */
export const LONGEST_ROW = 64 * MIB

/** The longest message of each kind: libpq's bound, but for the kinds that have long ones. */
const SHORT = 30_000
const LONGEST = bounds('123CGHIRSZKcnstv', { E: MIB, N: MIB, A: MIB, T: MIB, D: 16 * MIB, d: LONGEST_ROW })
/** Before the server lets a session in. */
const FIRST = bounds('Rv', { E: MIB, N: MIB })
/** Rows of one answer that are kept in memory: what a store says of itself is far smaller, and bars come by COPY. */
const LONGEST_ANSWER = 16 * MIB
/** Messages that nobody asked for, and those of one answer beside its rows: jules asks a server to keep notices to itself. */
const MOST_UNASKED = 10_000
const MOST_BESIDE = 10_000
/** How long the rest of a message may take. */
export const SILENCE_MS = 15_000

/** Holds one stream of messages against the rules; throws a Failure (69, 65 for a row that no bar can be). */
export class Wire {
  /** Bytes of the head that are there: a letter and a length. */
  readonly #head = Buffer.alloc(5)
  #headBytes = 0
  /** Bytes of the body that are still to come. */
  #left = 0
  #letIn = false
  #answer = 0
  #beside = 0
  #unasked = 0
  #copying = false

  /** Whether a message has begun and not ended. */
  get within(): boolean {
    return this.#headBytes > 0
  }

  see(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#headBytes < 5) {
        const part = Math.min(5 - this.#headBytes, chunk.length - at)
        chunk.copy(this.#head, this.#headBytes, at, at + part)
        this.#headBytes += part
        at += part
        // A letter that is wrong tells as much without the length after it.
        const longest = (this.#letIn ? LONGEST : FIRST)[this.#head[0]!]!
        if (longest === 0) throw this.#letIn ? wrong(NONSENSE) : noServer()
        if (this.#headBytes < 5) return
        this.#begin(longest)
      }
      const part = Math.min(this.#left, chunk.length - at)
      this.#left -= part
      at += part
      if (this.#left === 0) this.#headBytes = 0
    }
  }

  #begin(longest: number): void {
    const kind = this.#head[0]
    const length = this.#head.readUInt32BE(1)
    if (length < 4) throw this.#letIn ? wrong(NONSENSE) : noServer()
    if (length > longest)
      throw !this.#letIn
        ? noServer()
        : kind === ROW
          ? tooLong(length)
          : wrong(`the server sends a message of ${length} bytes`)
    this.#left = length - 4
    if (kind === ROW) {
      if (!this.#copying) throw wrong(NONSENSE)
      return
    }
    if (kind === AUTHENTICATION) this.#letIn = true
    if (kind === DATA) this.#answer += length
    else if (kind === READY) {
      // Of an answer: one that follows another at once is none.
      if (this.#beside === 0) this.#unasked++
      this.#answer = this.#beside = 0
    } else if (UNASKED.includes(kind!)) this.#unasked++
    else this.#beside++
    if (kind === COPY_OUT) this.#copying = true
    else if (kind === READY || kind === COPY_DONE) this.#copying = false
    if (this.#answer > LONGEST_ANSWER || this.#beside > MOST_BESIDE)
      throw wrong('the server answers without an end')
    if (this.#unasked > MOST_UNASKED) throw wrong('the server sends notices without an end')
  }
}

const [ROW, AUTHENTICATION, READY, DATA, COPY_OUT, COPY_DONE] = [...Buffer.from('dRZDHc')]
/** Notices, parameters, notifications. */
const UNASKED = Buffer.from('NSA')
const NONSENSE = 'the server sends what is no message of PostgreSQL'

function bounds(short: string, long: Readonly<Record<string, number>>): number[] {
  const table: number[] = new Array(256).fill(0)
  for (const kind of short) table[kind.charCodeAt(0)] = SHORT
  for (const [kind, most] of Object.entries(long)) table[kind.charCodeAt(0)] = most
  return table
}

/** What a server says that it may not: said without its name, which whoever asked it puts before. */
export class ServerFault extends Failure {}

/** A fault of the server's. */
export const wrong = (words: string, details: FailureDetails = {}, kind: ExitName = 'unavailable') =>
  new ServerFault(kind, words, details)
const noServer = () =>
  wrong('what answers there is no PostgreSQL server', {
    hint: 'name the host and the port of the database in --dsn',
  })

/** What pg's own code of the login throws at what a server says there. */
export const isOfLogin = (error: unknown): error is Error =>
  error instanceof Error && /[\\/]pg[\\/]lib[\\/]crypto[\\/]/.test(error.stack ?? '')

/** A login that comes to nothing by no fault of the password's. */
export const unknownLogin = (cause: Error) =>
  wrong(
    /^Unknown authentication/.test(cause.message)
      ? 'the server asks for an unknown way to log in'
      : `no way to log in: ${/^SASL/.test(cause.message) ? cause.message : NONSENSE}`,
    { cause, hint: 'the ways known are a password (SCRAM-SHA-256, MD5 or clear text) and a certificate' },
  )

export const tooLong = (length: number) =>
  wrong(
    `market_data holds a row of ${length} bytes, which no bar can be`,
    {
      hint: 'find it: SELECT "time" FROM market_data WHERE octet_length(concat(symbol, "interval", source)) > 100',
    },
    'data',
  )

/** What of pg's connection is used; it has no public way to its stream. */
interface Connection {
  readonly stream: Socket
  on(event: string, listener: () => void): void
  attachListeners(stream: Socket): void
}
export const connectionOf = (client: Client): Connection =>
  (client as unknown as { connection: Connection }).connection

/** What a server was guilty of; pg tells it to whoever waits at that moment alone. */
const faults = new WeakMap<Client, ServerFault>()

/** The error, or the fault of the server that led to it. */
export const causeOf = (error: unknown, client: Client): unknown => faults.get(client) ?? error

/** Sees every byte of the session before pg and COPY do; with TLS what it carries. */
export function guard(client: Client): void {
  const connection = connectionOf(client)
  client.on('error', (error) => {
    if (error instanceof ServerFault) faults.set(client, error)
    else if (/^Received unexpected/.test(error.message)) faults.set(client, wrong(NONSENSE, { cause: error }))
  })
  const attach = connection.attachListeners.bind(connection)
  connection.attachListeners = (stream) => {
    attach(stream)
    // What fits the frame may still be none that pg understands.
    const parse = stream.listeners('data').at(-1) as (chunk: Buffer) => void
    stream.removeListener('data', parse)
    stream.on('data', (chunk: Buffer) => {
      try {
        parse(chunk)
      } catch (error) {
        const cause = error as Error
        stream.destroy(
          /^Unknown authentication/.test(cause.message) ? unknownLogin(cause) : wrong(NONSENSE, { cause }),
        )
      }
    })
    watch(stream)
  }
}

/** Bytes enter a stream by its push alone, whoever reads them then: pg by events, COPY by itself. */
function watch(stream: Socket): void {
  const wire = new Wire()
  const push = stream.push.bind(stream)
  let timer: NodeJS.Timeout | undefined
  const wait = () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      // What nobody has read yet is no silence of the server's.
      if (stream.readableLength > 0) return wait()
      stream.destroy(wrong('the server fell silent in the middle of a message'))
    }, SILENCE_MS)
    timer.unref()
  }
  stream.once('close', () => clearTimeout(timer))
  stream.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk !== null) {
      try {
        wire.see(chunk)
      } catch (error) {
        stream.destroy(error as Error)
        return false
      }
      if (wire.within) wait()
      else clearTimeout(timer)
    }
    return push(chunk, encoding)
  }
}
