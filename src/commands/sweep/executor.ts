/** Who runs the tasks: this machine, or a scheduler by its command lines. */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { Failure, usage } from '../../base/errors.js'
import { withLock } from '../../base/lock.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { option, text, under } from '../../cli/options.js'
import { optionsOf } from '../../sweep/collect.js'
import { hasEnded, isInterrupted, type Seen, type TaskFolder } from '../../sweep/folder.js'
import type { Templates } from '../../sweep/jobs.js'
import { isToRun, runTasks } from '../../sweep/runner.js'
import { checkVersion, type Task } from '../../sweep/task.js'
import { refuseSurroundings } from './configurations.js'
import { submit } from './jobs.js'
import type { Sweep } from './options.js'
import { ownProgram, ownVersion, token } from './own.js'
import { countWords, taskRecord } from './record.js'
import { teller } from './telling.js'

/** `command`, or so many tasks at a time on this machine; null for as many as there are cores. */
type Executor = { readonly kind: 'local'; readonly parallel: number | null } | { readonly kind: 'command' }

const MOST_PARALLEL = 1024

export const executorOptions = under('Executor', {
  executor: option<Executor | undefined>(
    'WHO',
    'local:N for N tasks at a time here, or command',
    { defaultText: 'local, a task a core', words: ['local', 'command'] },
    (word) => {
      if (word === 'command') return { kind: 'command' }
      const [, count] = /^local(?::(\d{1,4}))?$/.exec(word) ?? [null, 'x']
      const parallel = count === undefined ? null : Number(count)
      if (parallel === null || (parallel >= 1 && parallel <= MOST_PARALLEL))
        return { kind: 'local', parallel }
      throw usage(`expected local, local:N with N from 1 to ${MOST_PARALLEL}, or command`, {
        got: quote(word),
      })
    },
  ),
  submit: text('COMMAND', 'submits {run} and prints the name of the job; also {dir}, {id}'),
  status: text('COMMAND', 'ends with 0 while the scheduler has {job}'),
  cancel: text('COMMAND', 'cancels {job}'),
})

export interface ExecutorFlags {
  readonly executor: Executor | undefined
  readonly submit: string | undefined
  readonly status: string | undefined
  readonly cancel: string | undefined
}

/** The templates of an executor `command`; null for this machine. Throws 64 for some without it, or it without them. */
export function templatesOf({ executor, submit: line, status, cancel }: ExecutorFlags): Templates | null {
  if (executor?.kind !== 'command') {
    const [name] =
      Object.entries({ submit: line, status, cancel }).find(([, value]) => value !== undefined) ?? []
    if (name !== undefined) throw usage(`--${name} needs --executor command`)
    return null
  }
  if (line === undefined) throw usage('--executor command needs --submit')
  return { submit: line, status: status ?? null, cancel: cancel ?? null }
}

/** Some tasks of a sweep, by their ids; all of them where nothing is said. */
export type Only = ReadonlySet<string> | null

/** Runs what is to be run, and exits with 1 where something failed. Throws 64 for a plan of another jules. */
export async function execute(
  context: Context,
  sweep: Sweep,
  { executor, templates }: { readonly executor: Executor | undefined; readonly templates: Templates | null },
  only: Only = null,
): Promise<void> {
  checkVersion(sweep.tasks, ownVersion())
  if (templates !== null) return submitAll(context, sweep, templates, only)
  // Said before hours are spent: what collect would refuse.
  await refuseSurroundings(context, namedByAll(sweep.tasks))
  const cores = availableParallelism()
  const parallel = (executor?.kind === 'local' ? executor.parallel : null) ?? cores
  const tell = teller(context)
  const all = await runHere(context, sweep, {
    parallel,
    threads: Math.max(1, Math.floor(cores / parallel)),
    only,
    ended: (seen) => tell(taskRecord(seen, sweep.folder(seen.task))),
  })
  conclude(context, all)
}

/** Options that every task names. */
function namedByAll(tasks: readonly Task[]): string[] {
  const [first = [], ...rest] = tasks.map((task) => Object.keys(optionsOf(task)))
  return rest.reduce((named, own) => named.filter((name) => own.includes(name)), first)
}

/** How tasks are run on this machine. */
export interface Here {
  readonly parallel: number
  readonly threads: number
  readonly only: Only
  /** Called for each task that ends. */
  readonly ended: (seen: Seen) => Promise<void>
}

/** Runs the tasks here, and says how each stands at the end. What fails is told on the way. */
export async function runHere(
  context: Context,
  sweep: Sweep,
  { parallel, threads, only, ended: told }: Here,
): Promise<Seen[]> {
  const { ui } = context
  /** What scripts ended with. */
  const exits = new Map<string, number | null>()
  const progress = ui.progress('tasks')
  let ended = 0
  // A training takes as many threads as it likes where nothing says how many.
  const named = ['JULES_TRAIN_THREADS', 'JULES_THREADS'].some((name) => context.env(name) !== undefined)
  const environment = named
    ? context.environment
    : { ...context.environment, JULES_TRAIN_THREADS: String(threads) }
  const all = await runTasks(sweep.tasks, {
    parallel,
    only: (task) => only?.has(task.id) ?? true,
    signal: context.signal,
    look: sweep.look,
    ready: ({ task, state, status }) => {
      const folder = sweep.folder(task)
      try {
        if (state === 'lost' || status !== null) folder.forget(sweep.asked.lock)
      } catch (error) {
        if (error instanceof Failure && error.kind === 'tryAgain') return false
        throw error
      }
      folder.prepare(ownProgram(), token)
      return true
    },
    start: async (task) => {
      exits.set(task.id, await runScript(context, sweep.folder(task), environment))
    },
    ended: async (seen) => {
      const folder = sweep.folder(seen.task)
      if (seen.state === 'failed' && !context.signal.aborted) {
        const words = folder.lastWords()
        ui.warn(
          `task ${seen.task.id} failed with ${seen.status?.exit}${words === null ? '' : `: ${words}`}`,
          { task: seen.task.id, exit: seen.status?.exit ?? null, log: folder.file('log') },
        )
      }
      if (isToRun(seen) && !isInterrupted(seen)) {
        const code = exits.get(seen.task.id) ?? null
        ui.warn(`task ${seen.task.id} ended with ${code}, and could not say so in ${folder.file('status')}`, {
          task: seen.task.id,
          exit: code,
        })
      }
      await told(seen)
      progress.update(++ended, sweep.tasks.length)
    },
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  })
  progress.end()
  return all.filter(({ task }) => only?.has(task.id) ?? true)
}

/** 1 where a task failed, was cancelled, or could not start because of that. */
function conclude(context: Context, all: readonly Seen[]): void {
  context.ui.note(countWords(all))
  if (!all.every(hasEnded) || all.some(({ state }) => state === 'failed')) context.exitWith(1)
}

/** Runs run.sh in a process group of its own, as Ctrl-C comes from here, once; gives its exit status, null where it was killed. */
function runScript(
  { signal, onForcedExit, kill }: Context,
  folder: TaskFolder,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number | null> {
  return new Promise((done, failed) => {
    const child = spawn('sh', [folder.file('script')], {
      cwd: folder.path,
      env: { ...environment },
      stdio: 'ignore',
      detached: true,
    })
    const send = (to: number, name: NodeJS.Signals) => {
      try {
        kill(to, name)
      } catch {
        // It has ended.
      }
    }
    const stop = () => {
      if (child.pid !== undefined) send(child.pid, 'SIGTERM')
    }
    const forget = onForcedExit(() => {
      if (child.pid !== undefined) send(-child.pid, 'SIGKILL')
    })
    const over = () => {
      forget()
      signal.removeEventListener('abort', stop)
    }
    signal.addEventListener('abort', stop, { once: true })
    child.on('error', (error) => {
      over()
      failed(error)
    })
    child.on('exit', (status) => {
      over()
      done(status)
    })
    if (signal.aborted) stop()
  })
}

/** Submits what may start now; what needs these is submitted by the next call. */
async function submitAll(context: Context, sweep: Sweep, templates: Templates, only: Only): Promise<void> {
  const tell = teller(context)
  const seen = new Map<string, Seen>()
  const ready = ({ needs }: Task) => needs.every((id) => hasEnded(seen.get(id)!))
  const which = (now: Seen) => (only?.has(now.task.id) ?? true) && isToRun(now)
  let later = 0
  for (const task of sweep.tasks) {
    context.signal.throwIfAborted()
    const folder = sweep.folder(task)
    let now = await sweep.look(task)
    if (which(now) && ready(task)) {
      folder.prepare(ownProgram(), token)
      // Two of these at once submit a task once.
      now = await withLock(sweep.asked.lock, folder.file('job'), { waitMs: 60_000 }, async () => {
        const again = await sweep.look(task)
        if (!which(again)) return again
        folder.forget(sweep.asked.lock)
        const job = await submit(context, folder, templates)
        return { ...again, state: 'submitted' as const, status: null, job }
      })
      await tell(taskRecord(now, folder))
    } else if (which(now)) later++
    seen.set(task.id, now)
  }
  const all = [...seen.values()]
  context.ui.note(countWords(all))
  if (later > 0)
    context.ui.note(`${later} wait for others to end, and are submitted when this is run again then`)
  if (all.some(({ state }) => state === 'failed' || state === 'cancelled')) context.exitWith(1)
}
