/**
 * The thread that has the program of `--policy exec:CMD`: its pipes are read as they fill while the main thread waits for an
 * answer. The program leads a process group of its own, so that nothing it started outlives it.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { workerData } from 'node:worker_threads'
import { messageOf } from '../../base/errors.js'
import { decodeUtf8 } from '../../stream/json.js'
import { type Heard, LINE_LIMIT } from '../../trading/exec-policy.js'
import { COUNT, type ExecWorkerData, GRACE_MS, PID, type Reply } from './exec-program.js'

const { command, cwd, environment, control, port } = workerData as ExecWorkerData

/** How long one that was told to end has for it, and how often it is looked for. */
const TERM_MS = 1000
const POLL_MS = 5
/** How long the last line of one that has ended may be on its way. */
const DRAIN_MS = 300

const LINE_FEED = 10

let isAsked = false
let unasked = 0
let ended: Heard | null = null
let rest: Buffer = Buffer.alloc(0)

function reply(words: Reply): void {
  port.postMessage(words)
  Atomics.add(control, COUNT, 1)
  Atomics.notify(control, COUNT)
}

function heard(words: Heard): void {
  if (isAsked) reply(words)
  isAsked = false
}

function said(line: Buffer): void {
  const text = decodeUtf8(line)
  if (text?.trim() === '') return
  if (!isAsked) unasked++
  heard(line.length > LINE_LIMIT ? { kind: 'long' } : { kind: 'line', text })
}

function read(data: Buffer): void {
  rest = rest.length === 0 ? data : Buffer.concat([rest, data])
  for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
    const line = rest.subarray(0, end)
    rest = rest.subarray(end + 1)
    said(line)
  }
  if (rest.length <= LINE_LIMIT) return
  said(rest)
  rest = Buffer.alloc(0)
  child?.stdout.destroy()
}

let child: ChildProcessByStdio<Writable, Readable, null> | null = null
let exit: Promise<void> = Promise.resolve()
let output: Promise<void> = Promise.resolve()
try {
  // What it says to people goes to where this process says it.
  const started = spawn('/bin/sh', ['-c', command], {
    cwd,
    env: environment as NodeJS.ProcessEnv,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  child = started
  Atomics.store(control, PID, started.pid ?? 0)
  started.stdout.on('data', read)
  // One that has ended, or does not read, says so by what comes next, or does not.
  started.stdin.on('error', () => {})
  output = new Promise((over) =>
    started.stdout.on('close', () => {
      if (rest.length > 0) said(rest)
      over()
    }),
  )
  exit = new Promise((over) => {
    started.on('error', (error) => {
      ended ??= { kind: 'not-started', words: error.message }
      heard(ended)
      over()
    })
    started.on('exit', async (status, signal) => {
      await Promise.race([output, pause(DRAIN_MS)])
      ended ??= { kind: 'ended', status, signal }
      heard(ended)
      over()
    })
  })
} catch (error) {
  // Some reasons are thrown, others come as an event.
  ended = { kind: 'not-started', words: messageOf(error) }
}

/** Whether the group of the program took the signal; 0 only looks whether it is there. */
function sent(signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    return child?.pid !== undefined && process.kill(-child.pid, signal)
  } catch {
    return false
  }
}

async function isGone(withinMs: number): Promise<boolean> {
  for (let waited = 0; sent(0); waited += POLL_MS) {
    if (waited >= withinMs) return false
    await pause(POLL_MS)
  }
  return true
}

/** Its input ends: it has a while to do so itself, then a shorter one to obey; what it left behind has only that. */
async function finish(): Promise<void> {
  child?.stdin.end()
  if (!(await isGone(ended === null ? GRACE_MS : 0)) && sent('SIGTERM') && !(await isGone(TERM_MS)))
    sent('SIGKILL')
  await exit
  Atomics.store(control, PID, 0)
  child?.stdout.destroy()
  reply({ kind: 'over', unasked })
  port.close()
}

port.on('message', (line: string | null) => {
  if (line === null) return void finish()
  if (ended !== null) return reply(ended)
  if (unasked > 0) return reply({ kind: 'unasked' })
  isAsked = true
  child?.stdin.write(line)
})
