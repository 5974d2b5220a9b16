/** One process for the commands of a file of tests, one after the other: see warm-jules.js. */
import { type ChildProcess, fork } from 'node:child_process'
import { fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FEED_KEYS } from '../../src/market/feeds/keys.js'
import { PASSWORD_FILE_VARIABLE, PASSWORD_VARIABLE } from '../../src/vault/password.js'

export interface Asked {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Variables that a process takes when it starts, and no later. */
const TAKEN = [PASSWORD_VARIABLE, PASSWORD_FILE_VARIABLE, ...Object.values(FEED_KEYS).flat()]

let warm: Warm | undefined
let before: Promise<unknown> = Promise.resolve()

/** What the command says and how it ends; it waits for the one before. */
export function answer(asked: Asked, input: string | Buffer): Promise<Answer> {
  const taken = TAKEN.find((name) => name in asked.env)
  if (taken !== undefined) throw new Error(`${taken} takes a process of its own`)
  const next = before.then(() => {
    warm ??= new Warm()
    return warm.answer(asked, input)
  })
  before = next.catch(() => {})
  return next
}

class Warm {
  readonly #in = new Input()
  readonly #out = new Output()
  readonly #err = new Output()
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'warm-jules.js'), {
    stdio: [this.#in.fd, this.#out.fd, this.#err.fd, 'ipc'],
    env: { PATH: process.env.PATH },
    execArgv: [],
  })

  constructor() {
    this.#child.unref()
    this.#child.channel?.unref()
  }

  answer(asked: Asked, input: string | Buffer): Promise<Answer> {
    const child = this.#child
    this.#in.set(input)
    return new Promise((resolve, reject) => {
      const gone = (status: number | null) => {
        warm = undefined
        reject(new Error(`it ended its process with ${status}: ${this.#err.news()}`))
      }
      child.channel?.ref()
      child.once('exit', gone)
      child.once('message', ({ status }: { status: number }) => {
        child.off('exit', gone)
        child.channel?.unref()
        resolve({ status, stdout: this.#out.news(), stderr: this.#err.news().toString() })
      })
      child.send(asked)
    })
  }
}

/** A file that nobody else finds, for what a command reads. The child that has it has the place in it too. */
class Input {
  readonly fd = hiddenFile()

  /** What the command before left unread is not for the next one. */
  set(content: string | Buffer): void {
    const bytes = Buffer.from(content)
    const { size } = fstatSync(this.fd)
    const left = Buffer.alloc(1 << 16)
    while (readSync(this.fd, left, 0, left.length, null) > 0);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at, bytes.length - at, size + at)
  }
}

/** One for what a command writes. */
class Output {
  readonly fd = hiddenFile()
  #read = 0

  /** What was written since the last look. */
  news(): Buffer {
    const bytes = Buffer.alloc(fstatSync(this.fd).size - this.#read)
    this.#read += readSync(this.fd, bytes, 0, bytes.length, this.#read)
    return bytes
  }
}

function hiddenFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'jules-warm-'))
  const fd = openSync(join(folder, 'file'), 'w+')
  rmSync(folder, { recursive: true })
  return fd
}
