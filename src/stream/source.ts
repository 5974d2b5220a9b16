/**
 * Where bytes come from: standard input or a file, gunzipped when they are gzip, with the record format recognised by
 * extension, then magic bytes, then the first byte. Reading never blocks the event loop on a pipe, so signals are heard.
 */
import { randomBytes } from 'node:crypto'
import { close as closeFd, constants, fstatSync, open as openFd, read as readFd, type Stats } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { Socket } from 'node:net'
import { extname, join } from 'node:path'
import { Readable } from 'node:stream'
import { isatty, ReadStream as TerminalStream } from 'node:tty'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { badData, Failure, messageOf, systemFailure } from '../base/errors.js'
import { containerFailure, toUtf8, wideEncoding } from './containers.js'
import { checkHandedOver } from './descriptor.js'
import { shrunk } from './lines.js'

export const FORMATS = ['ndjson', 'csv', 'parquet'] as const
export type Format = (typeof FORMATS)[number]

export interface SourceOptions {
  readonly signal: AbortSignal
  /** Directory for the spool of a Parquet file that comes through a pipe. */
  readonly temporaryDirectory: string
  /** Overrides recognition. */
  readonly format?: Format | undefined
  /** The bytes as they are: no gunzip. */
  readonly plain?: boolean
  /** No bytes at all are no failure. */
  readonly mayBeEmpty?: boolean
}

/** Random access to bytes that do not change while they are read. */
export interface RandomAccess {
  readonly byteLength: number
  slice(start: number, end?: number): Promise<ArrayBuffer>
}

/** A regular file that is read in parts, by several readers. */
export interface OpenFile {
  readonly fd: number
  /** Bytes when it was opened. */
  readonly size: number
  /** The bytes from `from` up to `to`; up to the end of the file, wherever that is by then, without it. */
  chunks(from: number, to?: number): AsyncGenerator<Buffer>
}

export interface Source {
  /** `stdin`, or the path as it was given: the name in messages. */
  readonly name: string
  readonly format: Format
  /** Not a byte in it. */
  readonly isEmpty: boolean
  /** The bytes in order, once. */
  chunks(): AsyncGenerator<Buffer>
  /** Where the bytes are those of a regular file as they stand, neither packed nor of another encoding: that file. */
  readonly file: OpenFile | null
  /** The whole file; a pipe is spooled to an unlinked temporary file first. */
  randomAccess(): Promise<RandomAccess>
  /** May be called again. */
  close(): Promise<void>
}

const CHUNK = 1 << 18

/** No more is waited for: a slow writer's first line may be short. */
const SHORTEST_MAGIC = 4

/** The format an output or input path asks for by its extension, `.gz` aside. */
export function formatByExtension(path: string): Format | undefined {
  const extension = extname(path.toLowerCase().replace(/\.gz$/, ''))
  if (extension === '.parquet' || extension === '.pq') return 'parquet'
  if (extension === '.csv' || extension === '.tsv') return 'csv'
  if (extension === '.ndjson' || extension === '.jsonl' || extension === '.json') return 'ndjson'
  return undefined
}

/** Whether standard input is a pipe, a socket or a file: what may hold records. A device such as /dev/null does not. */
export function holdsRecords(): boolean {
  try {
    const kind = fstatSync(0)
    return kind.isFIFO() || kind.isSocket() || kind.isFile()
  } catch {
    return false
  }
}

/** Opens `operand`, `-` being standard input. Throws `noInput` when it is missing, or empty and may not be. */
export async function openSource(operand: string, options: SourceOptions): Promise<Source> {
  const { signal } = options
  const name = operand === '-' ? 'stdin' : operand
  const raw = operand === '-' ? readDescriptor(0, 'standard input', signal) : await openFile(operand, signal)
  try {
    return await recognised(operand, name, raw, options)
  } catch (error) {
    await raw.close()
    throw error
  }
}

export interface WholeOptions {
  readonly signal: AbortSignal
  /** In bytes. */
  readonly limit: number
}

/**
 * All bytes of a file, of standard input (`-`) or of a descriptor that was handed over; nothing at all is no error. Throws 65
 * as soon as there are more than the limit.
 */
export async function readWhole(from: string | number, { signal, limit }: WholeOptions): Promise<Buffer> {
  if (typeof from === 'number') checkHandedOver(from)
  const name = from === '-' ? 'standard input' : typeof from === 'number' ? `descriptor ${from}` : from
  const raw =
    typeof from === 'string' && from !== '-'
      ? await openFile(from, signal)
      : readDescriptor(from === '-' ? 0 : Number(from), name, signal)
  try {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of raw.chunks) {
      size += chunk.length
      if (size > limit) throw badData(`${name}: larger than ${limit} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    await raw.close()
  }
}

async function recognised(operand: string, name: string, raw: Raw, options: SourceOptions): Promise<Source> {
  let head = await firstBytes(raw.chunks, SHORTEST_MAGIC)
  let chunks = withHead(head, raw.chunks)
  const gzip = !options.plain && head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b
  if (gzip) {
    chunks = gunzip(chunks, name)
    head = await firstBytes(chunks, SHORTEST_MAGIC)
    chunks = withHead(head, chunks)
  }
  if (head.length === 0 && !options.mayBeEmpty) throw new Failure('noInput', 'is empty', { where: name })
  const wide = options.plain ? null : wideEncoding(head)
  if (wide !== null) {
    chunks = toUtf8(chunks, wide, name)
    head = await firstBytes(chunks, 1)
    chunks = withHead(head, chunks)
  } else if (!options.plain) {
    const container = containerFailure(head, name, operand)
    if (container !== null) throw container
  }
  const format = options.format ?? recognise(operand, head)
  if (format !== 'parquet' && isParquet(head) && !options.plain) {
    throw badData('is a Parquet file', { where: name, hint: 'read it with --input-format parquet' })
  }
  let spooled: FileHandle | undefined
  const { fd } = raw
  const file: OpenFile | null =
    fd === undefined || gzip || wide !== null
      ? null
      : {
          fd,
          size: fstatSync(fd).size,
          chunks: (from, to) => readPlain(fd, name, options.signal, { from, to }),
        }
  return {
    name,
    format,
    isEmpty: head.length === 0,
    chunks: () => chunks,
    file,
    randomAccess: async () => {
      if (fd !== undefined && !gzip) return fileAccess(fd, name)
      spooled ??= await spool(chunks, options.temporaryDirectory)
      return fileAccess(spooled.fd, name)
    },
    close: async () => {
      await spooled?.close()
      await raw.close()
    },
  }
}

function recognise(operand: string, head: Buffer): Format {
  const byExtension = operand === '-' ? undefined : formatByExtension(operand)
  if (byExtension !== undefined) return byExtension
  if (isParquet(head)) return 'parquet'
  const text = head
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
  return text === '' || /^[{[]/.test(text) ? 'ndjson' : 'csv'
}

const isParquet = (head: Buffer): boolean => head.toString('latin1', 0, 4) === 'PAR1'

interface Raw {
  readonly chunks: AsyncGenerator<Buffer>
  /** A regular file opened by its path. */
  readonly fd?: number
  close(): Promise<void>
}

/**
 * The bare descriptor: a libuv stream takes it over, and a FileHandle would close it a second time. A FIFO that nobody
 * writes to is opened at once and waited for while reading: an open that waits would hold a signalled process.
 */
async function openFile(path: string, signal: AbortSignal): Promise<Raw> {
  const fd = await promisify(openFd)(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    throw systemFailure(error, path)
  })
  const raw = readDescriptor(fd, path, signal)
  return fstatSync(fd).isFile() ? { ...raw, fd } : raw
}

/** A pipe, socket or terminal as a libuv stream; anything else by plain reads. Owns `fd`, unless it is 0. */
function readDescriptor(fd: number, name: string, signal: AbortSignal): Raw {
  let open = fd !== 0
  const close = async () => {
    if (!open) return
    open = false
    await promisify(closeFd)(fd)
  }
  let kind: Stats
  try {
    kind = fstatSync(fd)
  } catch (error) {
    throw systemFailure(error, name)
  }
  if (kind.isDirectory()) {
    void close()
    throw new Failure('noInput', `${name}: is a directory`)
  }
  const live = kind.isFIFO() || kind.isSocket() || isatty(fd)
  if (!live) return { chunks: readPlain(fd, name, signal), close }
  // A socket of libuv for pipes too: reads in the thread pool would hold a signalled process until data comes.
  const stream: Readable = isatty(fd)
    ? new TerminalStream(fd)
    : new Socket({ fd, readable: true, writable: false })
  const stop = () => stream.destroy()
  // The signal may have come while the file was being opened.
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return {
    chunks: fromStream(stream, name, signal),
    close: async () => {
      signal.removeEventListener('abort', stop)
      stream.destroy()
    },
  }
}

const read = promisify(readFd)

interface Span {
  readonly from: number
  readonly to?: number | undefined
}

/** From where the descriptor stands to its end, or a part of it. */
async function* readPlain(
  fd: number,
  name: string,
  signal: AbortSignal,
  span?: Span,
): AsyncGenerator<Buffer> {
  let at = span?.from ?? null
  const end = span?.to ?? Number.POSITIVE_INFINITY
  const next = () => {
    const length = Math.min(CHUNK, end - (at ?? 0))
    const reading = read(fd, Buffer.allocUnsafeSlow(length), 0, length, at)
    // Awaited below, where the failure is told; a consumer that leaves early never gets there.
    reading.catch(() => {})
    return reading
  }
  // One chunk is read while the last one is worked on.
  let coming = next()
  for (;;) {
    signal.throwIfAborted()
    const { bytesRead, buffer } = await coming.catch((error) => {
      throw systemFailure(error, name)
    })
    if (bytesRead === 0) return
    if (at !== null) at += bytesRead
    coming = next()
    yield buffer.subarray(0, bytesRead)
  }
}

async function* fromStream(stream: Readable, name: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk
  } catch (error) {
    signal.throwIfAborted()
    throw systemFailure(error, name)
  }
  signal.throwIfAborted()
}

async function firstBytes(chunks: AsyncGenerator<Buffer>, count: number): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0)
  while (head.length < count) {
    const next = await chunks.next()
    if (next.done) break
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
  }
  return head
}

async function* withHead(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}

async function* gunzip(chunks: AsyncGenerator<Buffer>, name: string): AsyncGenerator<Buffer> {
  const unzip = createGunzip({ chunkSize: CHUNK })
  // The cause of a failed read, kept apart from what zlib makes of it.
  let cause: unknown
  const input = Readable.from(chunks, { objectMode: false })
  input.on('error', (error) => {
    cause = error
    unzip.destroy(error)
  })
  input.pipe(unzip)
  try {
    for await (const chunk of unzip) yield chunk
  } catch (error) {
    if (cause !== undefined) throw cause
    const words = messageOf(error)
    throw badData(`damaged gzip data: ${words}`, { where: name, cause: error })
  } finally {
    input.destroy()
    unzip.destroy()
  }
}

function fileAccess(fd: number, name: string): RandomAccess {
  const { size } = fstatSync(fd)
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const buffer = new ArrayBuffer(Math.max(0, Math.min(end, size) - start))
      const view = new Uint8Array(buffer)
      for (let done = 0; done < view.length; ) {
        const { bytesRead } = await read(fd, view, done, view.length - done, start + done)
        if (bytesRead === 0) throw shrunk(name)
        done += bytesRead
      }
      return buffer
    },
  }
}

/** Copies a stream into a file without a name, so that nothing is left however the process ends. */
async function spool(chunks: AsyncGenerator<Buffer>, directory: string): Promise<FileHandle> {
  const path = join(directory, `jules-${randomBytes(8).toString('hex')}.spool`)
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
    await unlink(path)
  } catch (error) {
    throw systemFailure(error, path, true)
  }
  try {
    for await (const chunk of chunks) await file.write(chunk)
  } catch (error) {
    await file.close()
    throw systemFailure(error, directory, true)
  }
  return file
}
