/**
 * Who is told how a run went, for runs that nobody looks at: an address that is pinged, one that is told of changes, and a file of
 * metrics. None of them changes the exit status, and of a run that finds another one at work nobody hears.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { sha256 } from '../../base/digest.js'
import { disk } from '../../base/disk.js'
import { EXIT, Failure, fileFailure, messageOf, systemFailure } from '../../base/errors.js'
import { readState, writeState } from '../../base/state-file.js'
import { formatTime, SECOND } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { painter } from '../../cli/ui.js'
import { isObject } from '../../stream/json.js'
import { ReaderGone } from '../../stream/sink.js'
import { countsOf, type Report, spanOf, summaryOf } from '../../validate/report.js'
import { call } from '../wiring/addresses.js'
import { lockWorld } from '../wiring/lock.js'
import { stateDirectory } from './lock.js'
import type { Given } from './options.js'
import { writeMetrics } from './output.js'
import { isNotOver } from './period.js'
import { tableOf } from './table.js'

const TRIES = 3
/** After a signal somebody waits for the end. */
const HURRY_MS = SECOND
/** What the protocol of the pings takes. */
const BODY_BYTES = 10_000

/** What a run lets those know who watch it. */
export class Watch {
  /** What is judged, as it is remembered from one run to the next. */
  subject = ''
  report: Report | null = null
  #isSilent = false
  #started: Promise<unknown> | null = null
  readonly #haste = new AbortController()
  readonly #context: Context
  readonly #given: Given
  readonly #rid = randomUUID()

  constructor(context: Context, given: Given) {
    this.#context = context
    this.#given = given
  }

  /** The run has begun. */
  begin(): void {
    if (this.#isSilent || this.#given.healthcheck === undefined) return
    this.#started ??= this.#ping('start', { method: 'GET' })
  }

  /** Another run is at work, which tells for both. */
  silence(): void {
    this.#isSilent = true
  }

  /** The run is over: `error` is what it threw. Throws where metrics of a run that went well cannot be written. */
  async end(status: number, error: unknown): Promise<void> {
    if (this.#isSilent) return
    this.begin()
    const unwritten = await this.#metrics(status, error)
    const [told, why] = unwritten === null ? [status, error] : [statusOf(unwritten), unwritten]
    const isStopped = this.#context.signal.aborted
    if (isStopped) this.#haste.abort()
    await this.#started
    await Promise.all([this.#finish(told, why, isStopped), isStopped ? null : this.#change(told, why)])
    if (unwritten !== null) throw unwritten
  }

  /** What kept metrics from being written; null too where it failed before, and this is no more than a warning. */
  async #metrics(status: number, error: unknown): Promise<unknown> {
    const { prom } = this.#given
    if (prom === undefined) return null
    try {
      await writeMetrics(this.#context, prom, { status, report: this.report })
    } catch (failed) {
      if (error === null) return failed
      this.#context.ui.warn(messageOf(failed))
    }
    return null
  }

  async #finish(status: number, error: unknown, isStopped: boolean): Promise<void> {
    if (this.#given.healthcheck === undefined) return
    const body = cut(await this.#words(error))
    const hurry = isStopped ? { tries: 1, patienceMs: HURRY_MS } : {}
    await this.#ping(String(status), { method: 'POST', body, ...hurry })
  }

  async #ping(
    word: string,
    init: {
      readonly method: string
      readonly body?: string
      readonly tries?: number
      readonly patienceMs?: number
    },
  ): Promise<void> {
    const url = new URL(this.#given.healthcheck!)
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${word}`
    url.searchParams.set('rid', this.#rid)
    const signal = word === 'start' ? { signal: this.#haste.signal } : {}
    await call(url.href, { ui: this.#context.ui, tries: TRIES, ...init, ...signal })
  }

  async #words(error: unknown): Promise<string> {
    const lines = this.report === null ? [] : tableOf(this.report, await painter(false))
    if (lines.length === 0 && this.report !== null && error === null) lines.push(summaryOf(this.report))
    return [...(error === null ? [] : [wordsOf(error)]), ...lines].join('\n')
  }

  /** Clean, with findings, or not judged: where that is not as the last time, it is told. */
  async #change(status: number, error: unknown): Promise<void> {
    const { webhook } = this.#given
    if (webhook === undefined || isNotOver(error) || (error === null && this.report?.closed !== null)) return
    const state = status === EXIT.ok ? 'clean' : status === EXIT.no ? 'findings' : 'error'
    const path = join(stateDirectory(this.#context), `${sha256(this.subject).slice(0, 16)}.json`)
    try {
      const known = readState(disk, path)
      const was = isObject(known) && typeof known.state === 'string' ? known.state : 'clean'
      if (was === state) return
      const words = error === null ? summaryOf(this.report!) : wordsOf(error)
      const body = JSON.stringify({
        ...{ type: 'alarm', alarm: state, was, status, time: formatTime(this.#context.clock()) },
        ...(this.report === null
          ? {}
          : { symbols: this.report.symbols, dates: spanOf(this.report), ...countsOf(this.report.findings) }),
        message: words,
        text: `jules eod-validate: ${words}`,
      })
      const headers = { 'content-type': 'application/json' }
      const isTold = await call(webhook, {
        ui: this.#context.ui,
        tries: TRIES,
        method: 'POST',
        headers,
        body,
      })
      // What has not arrived is told the next time.
      if (isTold) writeState(lockWorld(this.#context), path, { state, status })
    } catch (failed) {
      this.#context.ui.warn(messageOf(systemFailure(failed, path, true)))
    }
  }
}

/** Runs `work` within the time for it, and tells those who watch how it ended. */
export async function watched(
  context: Context,
  given: Given,
  work: (context: Context, watch: Watch) => Promise<void>,
): Promise<void> {
  const limit = new AbortController()
  const late = new Failure('tryAgain', `not done within ${given.timeout} s`, {
    hint: 'give it more time with --timeout',
  })
  const timer =
    given.timeout === undefined ? undefined : setTimeout(() => limit.abort(late), given.timeout * SECOND)
  let status: number = EXIT.ok
  const inner: Context = {
    ...context,
    signal: AbortSignal.any([context.signal, limit.signal]),
    exitWith: (code) => {
      status = code
      context.exitWith(code)
    },
  }
  const watch = new Watch(context, given)
  let thrown: unknown = null
  try {
    await work(inner, watch)
  } catch (error) {
    // Whatever fails once it is told to stop fails for that reason.
    thrown = limit.signal.aborted && !context.signal.aborted ? late : fileFailure(error)
    status = statusOf(thrown)
  } finally {
    clearTimeout(timer)
  }
  if (context.signal.aborted) status = statusOf(context.signal.reason)
  await watch.end(status, thrown)
  if (thrown !== null) throw thrown
}

/** The exit status that comes of what was thrown: of a signal its own. */
function statusOf(error: unknown): number {
  if (error instanceof ReaderGone) return EXIT.ok
  const code = isObject(error) ? error.code : undefined
  return error instanceof Failure || typeof code === 'number' ? Number(code) : EXIT.bug
}

const wordsOf = (error: unknown): string =>
  error instanceof Failure && error.where !== undefined
    ? `${error.where}: ${error.message}`
    : messageOf(error)

/** At most so many bytes, in whole characters. */
const cut = (text: string): string =>
  new TextDecoder().decode(Buffer.from(text).subarray(0, BODY_BYTES)).replace(/\ufffd+$/, '')
