/**
 * Asks on the controlling terminal. Standard output stays clean; without a terminal there is no answer. While a question is open
 * the terminal does not echo: whatever ends or stops the process, a signal from elsewhere or Ctrl-Z typed, the terminal is put
 * back first, and made silent again when the process goes on.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { ReadStream } from 'node:tty'

interface Asking {
  /** Ends the question. */
  readonly signal: AbortSignal
  /** Acts as if SIGINT had come: Ctrl-C on a terminal in raw mode is a byte. */
  readonly interrupt: () => void
  /** What is typed is shown; a secret is not. */
  readonly echo?: boolean
}

/** Those that end a process which does not handle them and that the frame leaves alone. SIGKILL and SIGSTOP tell nobody. */
const DEADLY = [
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPROF',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
  'SIGTRAP',
  'SIGABRT',
] as const

/** What the keys send that a terminal turns into a signal where it is not in raw mode. */
const CTRL_C = 0x03
const CTRL_Z = 0x1a
const CTRL_BACKSLASH = 0x1c

/** Whether there is a terminal to ask on. */
export function canAsk(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'))
    return true
  } catch {
    return false
  }
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
  const input = openTerminal(fd)
  if (input === null) return null
  const typed: number[] = []
  const show = () => writeSync(fd, `\r\u001b[K${question}${echo ? Buffer.from(typed).toString() : ''}`)
  const guard = guardTerminal(input, show)
  writeSync(fd, question)
  try {
    return await new Promise((resolve) => {
      if (signal.aborted) return resolve(null)
      signal.addEventListener('abort', () => resolve(null), { once: true })
      // A terminal that goes away gives no answer.
      input.on('error', () => resolve(null)).on('end', () => resolve(null))
      input.on('data', (chunk: Buffer) => {
        for (const byte of chunk) {
          if (byte === 0x0d || byte === 0x0a) return resolve(Buffer.from(typed))
          if (byte === CTRL_C) return interrupt()
          if (byte === CTRL_BACKSLASH) return guard.typed('SIGQUIT')
          if (byte === CTRL_Z) return guard.typed('SIGTSTP')
          // Ctrl-D on an empty line: nothing is given.
          if (byte === 0x04 && typed.length === 0) return resolve(null)
          if (byte === 0x7f || byte === 0x08) erase(typed)
          else if (byte === 0x15) typed.length = 0
          else if (byte >= 0x20) typed.push(byte)
          if (echo) show()
        }
      })
    })
  } finally {
    guard.dispose()
    input.setRawMode(false)
    writeSync(fd, '\n')
    input.destroy()
  }
}

/** In raw mode; null for what is no terminal after all. Owns `fd`. */
function openTerminal(fd: number): ReadStream | null {
  try {
    const input = new ReadStream(fd)
    input.setRawMode(true)
    return input
  } catch {
    closeSync(fd)
    return null
  }
}

/** Puts the terminal back before a signal acts, and takes it again, with the question, when a stopped process goes on. */
function guardTerminal(input: ReadStream, show: () => void) {
  const listeners = new Map<NodeJS.Signals, () => void>()
  const on = (name: NodeJS.Signals, listener: () => void) => {
    listeners.set(name, listener)
    process.on(name, listener)
  }
  const dispose = () => {
    for (const [name, listener] of listeners) process.off(name, listener)
    listeners.clear()
  }
  for (const name of DEADLY) {
    on(name, () => {
      dispose()
      input.setRawMode(false)
      // Without a listener it acts as the system has it; but Node's own answer to this one is to open its debugger.
      if (name === 'SIGUSR1') process.exit(128 + constants.signals.SIGUSR1)
      process.kill(process.pid, name)
    })
  }
  on('SIGTSTP', () => {
    input.setRawMode(false)
    process.kill(process.pid, 'SIGSTOP')
  })
  on('SIGCONT', () => {
    input.setRawMode(true)
    show()
  })
  return {
    dispose,
    /** A key that a terminal turns into a signal: for the whole foreground group, as the terminal would send it. */
    typed: (name: 'SIGQUIT' | 'SIGTSTP') => void process.kill(0, name),
  }
}

/** Takes back one character, which in UTF-8 may be several bytes. */
function erase(typed: number[]): void {
  while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
}
