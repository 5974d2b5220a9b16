/**
 * Where bytes go: standard output or a file that appears whole or not at all. One write is in flight at a time and the
 * next one awaits it, so memory stays flat whatever the reader does.
 */
import { randomBytes } from 'node:crypto'
import { constants, fstatSync, open as openFd, unlinkSync, write as writeFd } from 'node:fs'
import { copyFile, type FileHandle, link, open, realpath, rename, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Failure, systemCode, systemFailure } from '../base/errors.js'

export interface ByteSink {
  /** Resolves when the bytes may be reused by the caller. Rejects with ReaderGone once nobody reads. */
  write(bytes: Uint8Array): Promise<void>
  /** Flushes; a file takes its final name here. */
  close(): Promise<void>
  /** Gives up: a file leaves nothing behind. */
  abort(): Promise<void>
}

/** The reader of standard output has left (`| head`): stop quietly. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone'
}

export const stdoutSink = (fd = 1): ByteSink => descriptorSink(fd, 'standard output')

/** A pipe is written without blocking the event loop, so that signals are heard. */
function descriptorSink(fd: number, subject: string): ByteSink {
  let pipe = false
  try {
    const kind = fstatSync(fd)
    pipe = kind.isFIFO() || kind.isSocket()
  } catch (error) {
    throw systemFailure(error, subject)
  }
  if (!pipe) {
    return {
      write: (bytes) => writeAll(fd, bytes).catch((error) => Promise.reject(writeFailure(error, subject))),
      close: async () => {},
      abort: async () => {},
    }
  }
  return socketSink(new Socket({ fd, readable: false, writable: true }), subject)
}

function socketSink(socket: Socket, subject: string): ByteSink {
  let broken: unknown
  socket.on('error', (error) => {
    broken = error
  })
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(writeFailure(broken, subject))
        socket.write(bytes, (error) => (error ? reject(writeFailure(error, subject)) : resolve()))
      }),
    close: async () => {
      socket.unref()
    },
    abort: async () => {
      socket.destroy()
    },
  }
}

function writeFailure(error: unknown, subject: string): unknown {
  const gone = systemCode(error) === 'EPIPE' || systemCode(error) === 'ECONNRESET'
  return gone ? new ReaderGone() : systemFailure(error, subject)
}

function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (from: number) => {
      if (from === bytes.length) return resolve()
      writeFd(fd, bytes, from, bytes.length - from, null, (error, written) => {
        if (error === null) step(from + written)
        else if (error.code === 'EAGAIN') setTimeout(step, 1, from)
        else reject(error)
      })
    }
    step(0)
  })
}

export interface FileSinkOptions {
  /** Ends the wait for the reader of a FIFO. */
  readonly signal?: AbortSignal
  /** Registers a synchronous clean-up for a forced exit; returns its removal. */
  readonly onForcedExit?: (cleanup: () => void) => () => void
  /** Permission bits of the new file, whatever the umask; an existing file keeps its own by default. */
  readonly mode?: number
  /** Nothing may have the file's name when it takes it. */
  readonly isNew?: boolean
}

/** A new file beside `path`, renamed over it on close after fsync. Devices and FIFOs are written in place. */
export async function fileSink(path: string, options: FileSinkOptions = {}): Promise<ByteSink> {
  const target = await realpath(path).catch(() => path)
  const kind = await stat(target).catch(() => undefined)
  if (kind?.isDirectory()) throw new Failure('cannotCreate', `${path}: is a directory`)
  if (kind?.isFIFO()) return fifoSink(path, options.signal)
  if (kind !== undefined && !kind.isFile()) return deviceSink(path)
  const temporary = join(
    dirname(target),
    `.${basename(target).slice(0, 200)}.${randomBytes(6).toString('hex')}.tmp`,
  )
  let handle: FileHandle
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
    handle = await open(temporary, flags, options.mode ?? 0o666)
  } catch (error) {
    throw systemFailure(error, path, true)
  }
  const remove = () => {
    try {
      unlinkSync(temporary)
    } catch {}
  }
  const forget = options.onForcedExit?.(remove) ?? (() => {})
  const abort = async () => {
    await handle.close().catch(() => {})
    remove()
    forget()
  }
  const guard = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      await abort()
      throw systemFailure(error, path, true)
    }
  }
  return {
    write: (bytes) => guard(() => writeAll(handle.fd, bytes)),
    close: () =>
      guard(async () => {
        const mode = options.mode ?? kind?.mode
        if (mode !== undefined) await handle.chmod(mode & 0o7777)
        await handle.sync()
        await handle.close()
        if (options.isNew) {
          await linkOrCopy(temporary, target)
          remove()
        } else await rename(temporary, target)
        forget()
        await syncDirectory(dirname(target))
      }),
    abort,
  }
}

/** Writes a file whole or not at all. Throws as `fileSink` does. */
export async function writeWhole(
  path: string,
  content: Uint8Array,
  options: FileSinkOptions = {},
): Promise<void> {
  const sink = await fileSink(path, options)
  try {
    await sink.write(content)
    await sink.close()
  } catch (error) {
    await sink.abort()
    throw error
  }
}

/** A second name for a file, or a copy of it where the file system knows none; EEXIST where the name is taken. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(async (error) => {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'EEXIST') throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
  })
}

const READER_EVERY_MS = 20

/** Waits for a reader without an open that waits, which would hold a signalled process. */
async function fifoSink(path: string, signal?: AbortSignal): Promise<ByteSink> {
  const opened = async (): Promise<number | null> => {
    try {
      return await promisify(openFd)(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      // ENXIO: nobody reads yet.
      if (systemCode(error) === 'ENXIO') return null
      throw systemFailure(error, path, true)
    }
  }
  let fd = await opened()
  while (fd === null) {
    signal?.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, READER_EVERY_MS))
    fd = await opened()
  }
  const socket = new Socket({ fd, readable: false, writable: true })
  const sink = socketSink(socket, path)
  return { ...sink, close: () => new Promise((resolve) => socket.end(resolve)) }
}

async function deviceSink(path: string): Promise<ByteSink> {
  const handle = await open(path, 'w').catch((error) => {
    throw systemFailure(error, path, true)
  })
  return {
    write: (bytes) =>
      writeAll(handle.fd, bytes).catch((error) => {
        throw systemCode(error) === 'EPIPE' ? new ReaderGone() : systemFailure(error, path)
      }),
    close: () => handle.close(),
    abort: () => handle.close(),
  }
}

/** Makes a rename in `path` durable. Some file systems refuse fsync on a directory; then the rename is as good as it gets. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  await handle.sync().catch(() => {})
  await handle.close()
}

/**
 * Gathers small pieces into blocks before they reach `sink`. Two blocks take turns: one is filled while the other is
 * written. Hot encoders write into `buffer` at `offset` themselves after `room`.
 */
export class BlockWriter {
  readonly #sink: ByteSink
  #block: Buffer
  #spare: Buffer
  #used = 0
  #inFlight: Promise<void> = Promise.resolve()

  constructor(sink: ByteSink, size = 1 << 18) {
    this.#sink = sink
    this.#block = Buffer.allocUnsafeSlow(size)
    this.#spare = Buffer.allocUnsafeSlow(size)
  }

  get buffer(): Buffer {
    return this.#block
  }

  get offset(): number {
    return this.#used
  }

  hasRoom(bytes: number): boolean {
    return this.#used + bytes <= this.#block.length
  }

  /** After writing into `buffer` up to `end`. */
  advance(end: number): void {
    this.#used = end
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    if (!this.hasRoom(bytes.length)) await this.flush()
    if (!this.hasRoom(bytes.length)) {
      await this.drain()
      return this.#sink.write(bytes)
    }
    this.#block.set(bytes, this.#used)
    this.#used += bytes.length
  }

  text(words: string): Promise<void> {
    return this.bytes(Buffer.from(words))
  }

  /** Starts the write of what is gathered, once the block before it is out. A failed write shows at the next call. */
  async flush(): Promise<void> {
    await this.#inFlight
    if (this.#used === 0) return
    this.#inFlight = this.#sink.write(this.#block.subarray(0, this.#used))
    this.#inFlight.catch(() => {})
    const filled = this.#block
    this.#block = this.#spare
    this.#spare = filled
    this.#used = 0
  }

  /** Resolves when everything is written. */
  async drain(): Promise<void> {
    await this.flush()
    await this.#inFlight
  }
}
