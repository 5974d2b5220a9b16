/**
 * The folder of a task, and what it says of itself. Everything about a sweep stands in these folders: whoever can read them, on
 * whatever machine, knows how far it is, and whoever can write them goes on with it.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { ensureDirectory, disk as fsDisk, readText } from '../base/disk.js'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { type LockWorld, lockState, unlock } from '../base/lock.js'
import { isObject } from '../stream/json.js'
import { scriptOf } from './script.js'
import { type Task, taskLine } from './task.js'

/** Names in the folder of a task. */
export const NAMES = {
  task: 'task.json',
  script: 'run.sh',
  status: 'status.json',
  job: 'job.json',
  cancel: 'cancel',
  log: 'log',
  records: 'records.ndjson',
  model: 'model',
} as const

/** `lost`: it was running, and whoever ran it is gone. `pruned`: successive halving did not let it go on. */
export const TASK_STATES = [
  'waiting',
  'submitted',
  'running',
  'done',
  'failed',
  'cancelled',
  'pruned',
  'lost',
] as const
export type TaskState = (typeof TASK_STATES)[number]

/** What stands in status.json. */
export interface Status {
  readonly state: 'running' | 'done' | 'failed' | 'cancelled' | 'pruned'
  /** Null while it runs. */
  readonly exit: number | null
  /** Best validation; null where there was none. */
  readonly score: number | null
  /** Of model/policy.safetensors. */
  readonly sha256: string | null
  /** Of model/best.safetensors; null where nothing was validated. */
  readonly bestSha256: string | null
  readonly host: string
  /** Of run.sh. */
  readonly pid: number
  /** As in `Owner` of locks. */
  readonly start: string
  readonly started: string
  readonly ended: string | null
}

/** A job of a scheduler. */
export interface Job {
  /** What submit printed. */
  readonly job: string
  readonly submit: string
  readonly status: string | null
  readonly cancel: string | null
  readonly time: string
}

/** A task as it is now. */
export interface Seen {
  readonly task: Task
  readonly state: TaskState
  /** The last that was said of it. */
  readonly status: Status | null
  readonly job: Job | null
}

/** What is asked to tell a running task from a lost one. */
export interface Asked {
  readonly lock: LockWorld
  /** A task of another machine is lost when nothing in its folder has changed for this long. */
  readonly lostAfterMs: number
  /** Whether the scheduler still has a job; null where it cannot say. */
  readonly hasJob: (task: Task, job: Job) => Promise<boolean | null>
}

/** Ended by a signal before its end: it goes on when it is run again. */
export const isInterrupted = ({ state, status }: Pick<Seen, 'state' | 'status'>): boolean =>
  state === 'failed' && (status?.exit === 130 || status?.exit === 143)

/** The numbers were no longer finite: it would come to the same again, and the tasks after it need not wait. */
const DIVERGED = 1

/** Whether what needs this task may start. */
export const hasEnded = ({ state, status }: Pick<Seen, 'state' | 'status'>): boolean =>
  state === 'done' || state === 'pruned' || (state === 'failed' && status?.exit === DIVERGED)

/** The folder of one task. Failures of the disk are named by path: 73, 74, 77. */
export class TaskFolder {
  readonly task: Task
  readonly path: string

  /** `out` is the absolute folder of the sweep. */
  constructor(out: string, task: Task) {
    this.task = task
    this.path = join(out, task.out)
  }

  file(name: keyof typeof NAMES): string {
    return join(this.path, NAMES[name])
  }

  /** Of the model folder. */
  get model(): string {
    return this.file('model')
  }

  /** The folder with task.json and run.sh as they should be, each whole or not at all. */
  prepare(jules: string, token: () => string): void {
    const script = scriptOf(this.task, { folder: this.path, jules })
    try {
      ensureDirectory(this.path)
      this.#write('task', taskLine(this.task), { mode: 0o666, token })
      this.#write('script', script, { mode: 0o777, token })
    } catch (error) {
      throw systemFailure(error, this.path, true)
    }
  }

  /** Says that a scheduler has the task. */
  writeJob(job: Job, token: () => string): void {
    try {
      this.#write('job', `${JSON.stringify(job)}\n`, { mode: 0o666, token })
    } catch (error) {
      throw systemFailure(error, this.path, true)
    }
  }

  #write(
    name: keyof typeof NAMES,
    text: string,
    { mode, token }: { readonly mode: number; readonly token: () => string },
  ): void {
    const path = this.file(name)
    if (readText(fsDisk, path, MOST_BYTES) === text) return
    const temporary = `${path}.${token()}.tmp`
    try {
      fs.writeFileSync(temporary, text, { mode, flag: 'wx' })
      fs.renameSync(temporary, path)
    } catch (error) {
      fs.rmSync(temporary, { force: true })
      throw error
    }
  }

  /** Asks the task not to start, or not to count as failed when it is stopped. */
  markCancelled(): void {
    try {
      ensureDirectory(this.path)
      fs.writeFileSync(this.file('cancel'), '')
    } catch (error) {
      throw systemFailure(error, this.path, true)
    }
  }

  /**
   * Forgets how the task ended, so that it may be run again; what it has trained stays. The lock of a process that is gone goes
   * too: the caller knows that nobody works on the task. Throws 75 where somebody does.
   */
  forget(world: LockWorld): void {
    try {
      if (fs.existsSync(this.model)) unlock(world, join(this.model, 'run'))
      for (const name of ['cancel', 'job', 'status'] as const) fs.rmSync(this.file(name), { force: true })
    } catch (error) {
      throw systemFailure(error, this.path, true)
    }
  }

  /** What the task said last; null where it said nothing. */
  status(): Status | null {
    return statusIn(this.#json('status'))
  }

  /** Null where no scheduler has it. */
  job(): Job | null {
    return jobIn(this.#json('job'))
  }

  isCancelled(): boolean {
    return fs.existsSync(this.file('cancel'))
  }

  /** The last line of its log that says what was wrong, not what to do about it. */
  lastWords(): string | null {
    try {
      const lines = readText(fsDisk, this.file('log'), MOST_BYTES)?.trimEnd().split('\n') ?? []
      return lines.filter((line) => !/^jules [\w -]+: hint: /.test(line)).at(-1) || null
    } catch {
      return null
    }
  }

  /** Whether the training ended before its steps, as its last record says. */
  endedEarly(): boolean {
    const line = readText(fsDisk, this.file('records'), MOST_BYTES)?.trimEnd().split('\n').at(-1)
    return line !== undefined && /^\{"type":"model".*"early_stop":true/.test(line)
  }

  #json(name: keyof typeof NAMES): unknown {
    try {
      return JSON.parse(readText(fsDisk, this.file(name)) ?? 'null')
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof Failure) return null
      throw systemFailure(error, this.file(name))
    }
  }

  /** When anything in the folder changed last, Unix time in milliseconds. */
  changedMs(): number {
    const times = [this.path, this.model].flatMap((folder) => {
      try {
        return [folder, ...fs.readdirSync(folder).map((name) => join(folder, name))]
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return []
        throw systemFailure(error, folder)
      }
    })
    return Math.max(0, ...times.map((path) => fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0))
  }

  /** How the task stands now. */
  async seen(asked: Asked): Promise<Seen> {
    const { task } = this
    const [status, job] = [this.status(), this.job()]
    const as = (state: TaskState): Seen => ({ task, state, status, job })
    if (status !== null && status.state !== 'running') {
      // A plan in which it is not pruned may share the folder.
      return as(status.state === 'pruned' && task.halving === null ? 'waiting' : status.state)
    }
    const held = lockState(asked.lock, join(this.model, 'run'))
    if (held?.alive === true) return as('running')
    if (status === null) {
      if (job !== null) return as((await asked.hasJob(task, job)) === false ? 'lost' : 'submitted')
      if (this.isCancelled()) return as('cancelled')
      return as(held?.alive === null && this.#isFresh(asked) ? 'running' : 'waiting')
    }
    const { host, pid, start } = status
    const isOfHere = host === asked.lock.self.host
    if (isOfHere && asked.lock.isAlive({ host, pid, start })) return as('running')
    if (job !== null && (await asked.hasJob(task, job)) === false) return as('lost')
    return as((isOfHere && held?.alive !== null) || !this.#isFresh(asked) ? 'lost' : 'running')
  }

  #isFresh({ lock, lostAfterMs }: Asked): boolean {
    return lock.clock() - this.changedMs() < lostAfterMs
  }
}

/** A plan may need many tasks; a log is as long as it is. */
const MOST_BYTES = 1 << 26

const isText = (value: unknown): value is string => typeof value === 'string'
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value)
const isNumberOrNull = (value: unknown): value is number | null => value === null || Number.isFinite(value)

const ENDS: readonly unknown[] = ['running', 'done', 'failed', 'cancelled', 'pruned']

function statusIn(value: unknown): Status | null {
  if (!isObject(value) || !ENDS.includes(value.state)) return null
  const { exit, score, sha256, best_sha256: bestSha256 = null, host, pid, start, started, ended } = value
  if (!isNumberOrNull(exit) || !isNumberOrNull(score) || !isTextOrNull(sha256)) return null
  if (!isTextOrNull(bestSha256) || !isTextOrNull(ended)) return null
  if (!isText(host) || !isText(start) || !isText(started) || !Number.isSafeInteger(pid)) return null
  const state = value.state as Status['state']
  return { state, exit, score, sha256, bestSha256, host, pid: pid as number, start, started, ended }
}

function jobIn(value: unknown): Job | null {
  if (!isObject(value)) return null
  const { job, submit, status = null, cancel = null, time } = value
  if (!isText(job) || !isText(submit) || !isText(time) || !isTextOrNull(status) || !isTextOrNull(cancel))
    return null
  return { job, submit, status, cancel, time }
}
