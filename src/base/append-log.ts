/**
 * A file that only grows, by whole lines. A crash or a full disk can cut the last line off; nothing is ever joined to
 * such a rest, and reading tells it, which was never promised to anybody, from damage in the middle, which was.
 * Who may write at the same time is the caller's to say: with 'part' any number of processes, with 'drop' the one that
 * holds a lock.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { disk, syncDirectory } from './disk.js'
import { systemCode, systemFailure } from './errors.js'
import { readAtMost } from './read-file.js'

/**
 * What becomes of a torn last line. `drop`: it is cut off, for a log with one writer. `part`: a line end goes before the
 * next line, so that the rest stays a damaged line of its own, for a log that others append to meanwhile. `keep`:
 * nothing, for files that do not consist of lines.
 */
export type Torn = 'drop' | 'part' | 'keep'

export interface LogOptions {
  readonly torn: Torn
  /** Permission bits of a new file. */
  readonly mode?: number
}

export interface AppendLog {
  /**
   * Appends whole lines, each with its LF, in one write after those of earlier calls. With `sync` it resolves once they
   * are on the disk. Throws what `systemFailure` makes of it; what was half written is cut off or parted, as `torn` says, before the next line. After a
   * failed sync the log takes nothing more: what the disk holds is unknown, and a later sync would not find out.
   */
  append(lines: string | Uint8Array, options?: { readonly sync?: boolean }): Promise<void>
  close(): Promise<void>
}

const LF = 0x0a
const BLOCK = 1 << 16

/** Opens or makes a log. Throws what `systemFailure` makes of it where it cannot be made: 73, 74 or 77. */
export async function openLog(path: string, { torn, mode }: LogOptions): Promise<AppendLog> {
  try {
    const handle = await open(path, torn === 'keep' ? 'a' : 'a+', mode)
    try {
      return appendTo(handle, path, torn, await prepared(handle, torn))
    } catch (error) {
      await handle.close()
      throw error
    }
  } catch (error) {
    throw systemFailure(error, path, true)
  }
}

interface Tail {
  /** Bytes of the file, after what was dropped. */
  readonly end: number
  /** A line end must come before the next line. */
  readonly isTorn: boolean
}

async function prepared(handle: FileHandle, torn: Torn): Promise<Tail> {
  const { size } = await handle.stat()
  if (torn === 'keep' || size === 0) return { end: size, isTorn: false }
  if (torn === 'part') {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
    return { end: size, isTorn: buffer[0] !== LF }
  }
  const end = await endOfLines(handle, size)
  if (end < size) await handle.truncate(end)
  return { end, isTorn: false }
}

/** Where the last whole line ends; looked for from the back, as a log may be long and a torn line is short. */
async function endOfLines(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(BLOCK)
  for (let to = size; to > 0; ) {
    const from = Math.max(0, to - BLOCK)
    const { bytesRead } = await handle.read(block, 0, to - from, from)
    const at = block.subarray(0, bytesRead).lastIndexOf(LF)
    if (at !== -1) return from + at + 1
    to = from
  }
  return 0
}

function appendTo(handle: FileHandle, path: string, torn: Torn, tail: Tail): AppendLog {
  let { end, isTorn } = tail
  /** A new name must reach the disk as well. */
  let isNew = end === 0
  let lost: unknown
  let last: Promise<unknown> = Promise.resolve()

  const write = async (lines: string | Uint8Array): Promise<void> => {
    if (isTorn && torn === 'drop') {
      await handle.truncate(end)
      isTorn = false
    }
    const bytes = typeof lines === 'string' ? Buffer.from(lines) : lines
    // One write of less than a page to a file opened for appending is not torn by another process's.
    const all = isTorn ? Buffer.concat([Buffer.of(LF), bytes]) : bytes
    try {
      await handle.appendFile(all)
    } catch (error) {
      isTorn = torn !== 'keep'
      throw error
    }
    isTorn = false
    end += all.length
  }

  const sync = async (): Promise<void> => {
    try {
      await handle.sync()
    } catch (error) {
      lost = error
      throw error
    }
    if (!isNew) return
    isNew = false
    // Some file systems refuse it; then the name is as safe as it gets.
    try {
      syncDirectory(disk, dirname(path))
    } catch {}
  }

  return {
    append: (lines, options = {}) => {
      const done = last.then(async () => {
        if (lost !== undefined) throw lost
        await write(lines)
        if (options.sync) await sync()
      })
      last = done.catch(() => {})
      return done.catch((error) => {
        throw systemFailure(error, path, true)
      })
    },
    close: async () => {
      await last
      await handle.close()
    },
  }
}

interface LogLine {
  /** From 1. */
  readonly line: number
  readonly text: string
}

/** Of a log: half a million lines. */
const MOST_BYTES = 1 << 27

export interface LogContent<T> {
  readonly records: readonly T[]
  /** Whole lines that `parse` refuses. */
  readonly damaged: readonly LogLine[]
  /** What follows the last line end: a line that was not written to its end. */
  readonly torn: LogLine | null
}

/**
 * Everything in a log, oldest first; blank lines say nothing and are passed over. `parse` gives undefined for a line that
 * is none of this log. A file that is not there is an empty log. Throws 65 for a pipe or a device, which would be
 * waited for without end, and what `systemFailure` makes of the rest.
 */
export async function readLog<T>(
  path: string,
  parse: (text: string) => T | undefined,
): Promise<LogContent<T>> {
  const bytes = await readAtMost(path, { most: MOST_BYTES, isRegular: true }).catch((error) => {
    if (systemCode(error) === 'ENOENT') return ''
    throw systemFailure(error, path)
  })
  const lines = bytes.toString().split('\n')
  const rest = lines.pop() ?? ''
  const records: T[] = []
  const damaged: LogLine[] = []
  for (const [i, line] of lines.entries()) {
    if (line === '') continue
    const record = parse(line)
    if (record === undefined) damaged.push({ line: i + 1, text: line })
    else records.push(record)
  }
  return { records, damaged, torn: rest === '' ? null : { line: lines.length + 1, text: rest } }
}
