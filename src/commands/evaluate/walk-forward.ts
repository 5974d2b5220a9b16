/**
 * Walk-forward and combinatorial cross-validation: a model is trained in each window by a task of a sweep, and tested on the
 * sessions that follow. All of it stands in one folder, from which it goes on.
 */

import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type CollectedRun, registerMissing, registryFile } from '../../agent/run/registry.js'
import { badData, Failure, usage } from '../../base/errors.js'
import { formatTime } from '../../base/time.js'
import { counted, shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import type { Window } from '../../evaluate/windows.js'
import { recordWriter } from '../../market/write.js'
import { fileSink, writeWhole } from '../../stream/sink.js'
import { collected, runOf } from '../../sweep/collect.js'
import type { Seen, TaskFolder } from '../../sweep/folder.js'
import { type Task, taskLine, tasksOf } from '../../sweep/task.js'
import { barsOf, refuseSurroundings } from '../sweep/configurations.js'
import { runHere } from '../sweep/executor.js'
import { sweepOf } from '../sweep/options.js'
import { ownVersion } from '../sweep/own.js'
import { windowsOf, windowTasks } from '../sweep/windows.js'
import { settingsOf, textsOf, valuesOf } from '../train/options.js'
import { placeOf } from '../wiring/input.js'
import { type LoadedMarket, loadMarket, type MarketInput, marketInput } from '../wiring/market.js'
import {
  EVALUATION_FORMAT,
  type EvaluationManifest,
  emptied,
  NAMES,
  newFolder,
  readManifest,
  writeManifest,
} from './folder.js'
import { evaluateOptions, type Given, TRAINING } from './options.js'
import type { ModelOf } from './record.js'
import { tellResults } from './results.js'

/** What may differ when an evaluation goes on: it changes neither windows nor models. */
const FREE: readonly string[] = [
  ...['resume', 'format', 'executor', 'threads', 'require', 'gate', 'trials', 'trial-sharpe-std'],
  ...['trial-correlation', 'periods', 'plan'],
]

/** Of a store or of another place than the tasks read: their bars are those of the folder. */
const OF_INPUT: readonly string[] = [
  'symbol',
  'tz',
  'columns',
  'no-header',
  'time-format',
  'decimal',
  'vendor',
  'input-format',
]
const OF_STORE: readonly string[] = ['store', 'dsn', 'schema']

/** An evaluation that is ready to run: bars, windows, and a folder that says all of it. */
interface Begun {
  readonly folder: string
  readonly manifest: EvaluationManifest
  readonly given: Given
  readonly loaded: LoadedMarket
}

export async function walkForward(
  context: Context,
  asked: Given,
  operands: readonly string[],
): Promise<void> {
  if (asked.executor?.kind === 'command')
    throw usage('--executor command: evaluate trains here', {
      hint: '--plan writes the tasks, jules sweep run submits them, and evaluate --resume goes on with what is done',
    })
  const begun =
    asked.resume === undefined ? await begin(context, asked, operands) : await goOn(context, asked, operands)
  const { folder, given, loaded, manifest } = begun
  const windows = windowsOf(loaded.market, given, loaded.name)
  const bars = await barsOf(context, manifest.operands, given.symbol)
  const planned = await windowTasks(context, {
    where: loaded.name,
    fixed: fixedOf(manifest),
    bars,
    market: loaded.market,
    windows,
    flags: given,
  })
  const each = tasksOf(
    planned.map(({ configuration }) => configuration),
    { version: ownVersion() },
  )
  // Windows that train on the same sessions share a task.
  const tasks = [...new Set(each)]
  const plan = join(folder, NAMES.plan)
  await writeWhole(plan, Buffer.from(tasks.map(taskLine).join('')), context)
  const again = `jules evaluate --resume ${shellWord(folder)}`
  context.ui.note(
    `${counted(windows.length, 'window')} of ${loaded.market.sessions.length} sessions, ${counted(tasks.length, 'training')} in ${folder}`,
    { windows: windows.length, trainings: tasks.length, path: folder },
  )
  const left =
    loaded.market.sessions.length - Math.max(...windows.flatMap(({ tests }) => tests.map(({ to }) => to)))
  const which = left === 1 ? 'the last session fills' : `the last ${left} sessions fill`
  if (left > 0) context.ui.note(`${which} no test: left over`, { left })
  if (given.plan) {
    context.ui.note(`to train them: jules sweep run ${shellWord(plan)}; then: ${again}`)
    return
  }
  const sweep = sweepOf(context, tasks, { out: folder })
  const ends = new Endings(tasks)
  const cores = availableParallelism()
  const parallel = given.executor?.kind === 'local' ? (given.executor.parallel ?? cores) : cores
  const threads = given.threads ?? Math.max(1, Math.floor(cores / parallel))
  const running = runHere(context, sweep, {
    parallel,
    threads,
    only: null,
    ended: async (seen) => ends.set(seen),
  })
  running.then(
    () => ends.finish(),
    (error) => ends.fail(error),
  )
  // Tasks that ended before are not run again.
  for (const task of tasks) {
    const seen = await sweep.look(task)
    if (seen.state === 'done' || seen.state === 'failed') ends.set(seen)
  }
  const byWindow = new Map<Window, { readonly seed: number; readonly task: Task }[]>()
  for (const [i, { window, seed }] of planned.entries()) {
    const own = byWindow.get(window) ?? []
    own.push({ seed, task: each[i]! })
    byWindow.set(window, own)
  }
  const trainings: CollectedRun[] = []
  const models: ModelOf = async (window) => {
    const found = []
    for (const { seed, task } of byWindow.get(window)!) {
      const seen = await ends.of(task)
      const own = sweep.folder(task)
      context.signal.throwIfAborted()
      refuseFailed(seen, window, own)
      // Believed where collect would: a model of other options or other bytes is none of this window.
      const run = seen.state === 'done' ? (await collected(own, seen)).run : await runOf(own, seen)
      if (run !== null) trainings.push(run)
      found.push({ seed, path: seen.state === 'done' ? own.model : null })
    }
    return found
  }
  try {
    await tellResults(context, {
      given,
      loaded,
      run: manifest.run,
      windows,
      models,
      name: 'retrained in each window',
      folder,
      trials: 'registry',
      // Those that another machine trained are trials as well.
      enter: () => registerMissing(registryFile(context.paths.data), trainings, sweep.asked.lock),
    })
  } catch (error) {
    if (context.signal.aborted) context.ui.note(`to go on: ${again}`)
    throw error
  } finally {
    await running.catch(() => {})
  }
}

/** A training that diverged came to nothing, which is a result; any other failure is none. */
function refuseFailed({ state, status }: Seen, { number }: Window, folder: TaskFolder): void {
  if (state === 'done' || (state === 'failed' && status?.exit === 1)) return
  const words = folder.lastWords()
  const how = state === 'failed' ? `failed with ${status?.exit}` : `is ${state}`
  throw new Failure(
    'unavailable',
    `a training of window ${number} ${how}${words === null ? '' : `: ${words}`}`,
    {
      where: folder.path,
      hint: `jules sweep retry ${shellWord(join(dirname(folder.path), NAMES.plan))} --failed tries it again`,
    },
  )
}

/** How the trainings end, for whoever waits for one. */
class Endings {
  readonly #waiting = new Map<
    string,
    {
      readonly promise: Promise<Seen>
      readonly resolve: (seen: Seen) => void
      readonly reject: (error: unknown) => void
    }
  >()

  constructor(tasks: readonly Task[]) {
    for (const { id } of tasks) {
      const { promise, resolve, reject } = withResolvers<Seen>()
      // Heard by whoever waits, if anybody does.
      promise.catch(() => {})
      this.#waiting.set(id, { promise, resolve, reject })
    }
  }

  set(seen: Seen): void {
    this.#waiting.get(seen.task.id)?.resolve(seen)
  }

  of(task: Task): Promise<Seen> {
    return this.#waiting.get(task.id)!.promise
  }

  fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error)
  }

  /** All that could run has run: who still waits, waits for what was stopped. */
  finish(): void {
    this.fail(
      new Failure('unavailable', 'a training was stopped before its end', {
        hint: 'jules sweep status says which; sweep retry tries it again',
      }),
    )
  }
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { promise, resolve, reject }
}

async function begin(context: Context, given: Given, operands: readonly string[]): Promise<Begun> {
  await refuseSurroundings(context, [])
  // Refused as what it is here, an option, and not as a part of a task.
  settingsOf({ ...given, env: undefined, curriculum: undefined }, given.features)
  const startedMs = context.clock()
  const read = await marketInput(context, given, operands)
  const run = given.run ?? nameOf(given, startedMs)
  const folder = resolve(context.cwd, given.output ?? join(context.paths.data, 'evaluations', run))
  // A task reads its bars again, so that it may run anywhere: what cannot be read twice is kept.
  const isKept = read.operands.length === 0 || read.operands.includes('-')
  const isNew = await newFolder(folder)
  try {
    const loaded = isKept
      ? await loadAndKeep(context, given, read, join(folder, NAMES.bars))
      : await loadMarket(context, given, read, { single: true })
    const names = Object.keys(evaluateOptions).filter((name) => !FREE.includes(name) && name !== 'output')
    const texts = textsOf(context, names)
    for (const name of isKept ? [...OF_INPUT, ...OF_STORE] : OF_STORE) delete texts[name]
    const manifest: EvaluationManifest = {
      format: EVALUATION_FORMAT,
      run,
      version: ownVersion(),
      started: formatTime(startedMs),
      options: texts,
      operands: isKept
        ? [join(folder, NAMES.bars)]
        : await Promise.all(read.operands.map((one) => placeOf(context, one))),
      input: loaded.name,
      data_sha256: loaded.sha256,
    }
    // Refused before anything is trained.
    windowsOf(loaded.market, given, loaded.name)
    await writeManifest(context, folder, manifest)
    return { folder, manifest, given, loaded }
  } catch (error) {
    // Nothing was begun: the same folder may be named again.
    await emptied(folder, isNew)
    throw error
  }
}

async function goOn(context: Context, asked: Given, operands: readonly string[]): Promise<Begun> {
  if (operands.length > 0) throw usage('--resume: the evaluation has its bars already')
  const folder = resolve(context.cwd, asked.resume!)
  const manifest = await readManifest(context, folder)
  if (manifest.version !== ownVersion())
    throw usage(`the evaluation was begun by ${manifest.version}, and this is ${ownVersion()}`, {
      hint: 'start a new one',
    })
  const values = valuesOf(context, evaluateOptions, manifest.options, FREE) as unknown as Given
  const given = { ...values, resume: asked.resume }
  const read: MarketInput = { operands: manifest.operands, stdin: null }
  const loaded = await loadMarket(context, given, read, { single: true })
  if (loaded.sha256 !== manifest.data_sha256) {
    throw badData('the bars are not those that the evaluation began with', {
      where: manifest.input,
      hint: 'start a new one',
    })
  }
  return { folder, manifest, given, loaded: { ...loaded, name: manifest.input } }
}

/** The options of every task. */
const fixedOf = ({ options }: EvaluationManifest): (readonly [string, string])[] =>
  Object.entries(options).filter(
    ([name]) => TRAINING.includes(name) && !['from', 'to', 'seed', ...OF_STORE].includes(name),
  )

function nameOf({ symbols }: Given, startedMs: number): string {
  const stamp = formatTime(startedMs).replace(/[-:]|\.\d+/g, '')
  return [...(symbols ?? ['nvda', 'msft']), stamp].join('-').toLowerCase()
}

/** Reads bars, and keeps them in a file. */
async function loadAndKeep(
  context: Context,
  given: Given,
  read: MarketInput,
  path: string,
): Promise<LoadedMarket> {
  const sink = await fileSink(path, context)
  try {
    const writer = await recordWriter(sink, 'ndjson')
    const loaded = await loadMarket(context, given, read, {
      single: true,
      tee: (batch) => writer.bars(batch),
    })
    await writer.finish()
    await sink.close()
    return loaded
  } catch (error) {
    await sink.abort()
    throw error
  }
}
