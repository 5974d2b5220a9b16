/** Asks on the controlling terminal. Standard output stays clean; without a terminal there is no answer. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'

interface Asking {
  /** Ends the question. */
  readonly signal: AbortSignal
  /** Acts as if SIGINT had come: Ctrl-C on a terminal in raw mode is a byte. */
  readonly interrupt: () => void
  /** What is typed is shown; a secret is not. */
  readonly echo?: boolean
}

/** The line typed, or null where there is no terminal and after a signal; the terminal is as it was in any case. */
export async function promptLine(
  question: string,
  { signal, interrupt, echo = false }: Asking,
): Promise<Buffer | null> {
  let fd: number
  try {
    fd = openSync('/dev/tty', 'r+')
  } catch {
    return null
  }
  let input: ReadStream
  try {
    input = new ReadStream(fd)
    input.setRawMode(true)
  } catch {
    closeSync(fd)
    return null
  }
  writeSync(fd, question)
  const typed: number[] = []
  try {
    return await new Promise((resolve) => {
      if (signal.aborted) return resolve(null)
      signal.addEventListener('abort', () => resolve(null), { once: true })
      // A terminal that goes away gives no answer.
      input.on('error', () => resolve(null)).on('end', () => resolve(null))
      input.on('data', (chunk: Buffer) => {
        for (const byte of chunk) {
          if (byte === 0x0d || byte === 0x0a) return resolve(Buffer.from(typed))
          if (byte === 0x03) return interrupt()
          // Ctrl-D on an empty line: nothing is given.
          if (byte === 0x04 && typed.length === 0) return resolve(null)
          if (byte === 0x7f || byte === 0x08) erase(typed)
          else if (byte === 0x15) typed.length = 0
          else if (byte >= 0x20) typed.push(byte)
          if (echo) writeSync(fd, `\r\u001b[K${question}${Buffer.from(typed).toString()}`)
        }
      })
    })
  } finally {
    input.setRawMode(false)
    writeSync(fd, '\n')
    input.destroy()
  }
}

/** Takes back one character, which in UTF-8 may be several bytes. */
function erase(typed: number[]): void {
  while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
}
