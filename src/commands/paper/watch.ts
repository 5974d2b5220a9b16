/** Who is told that a run lives, or that something is wrong with it: a file, and addresses on the network. */
import { randomBytes } from 'node:crypto'
import { disk } from '../../base/disk.js'
import { writeState } from '../../base/state-file.js'
import { MINUTE, SECOND } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import type { Alarm } from '../../trading/paper/options.js'

const PATIENCE_MS = 5 * SECOND
const PING_EVERY_MS = MINUTE
const BEAT_EVERY_MS = 5 * SECOND

export interface WatchOptions {
  readonly run: string
  /** Replaced by rename every few seconds, so that its age says whether the run lives. */
  readonly heartbeat: string
  readonly webhook: string | undefined
  readonly healthcheck: string | undefined
}

/** The watch over one run. */
export class Watch {
  readonly #context: Context
  readonly #options: WatchOptions
  #beatMs = Number.NEGATIVE_INFINITY
  #pingMs = Number.NEGATIVE_INFINITY
  readonly #open = new Set<Promise<void>>()

  constructor(context: Context, options: WatchOptions) {
    this.#context = context
    this.#options = options
  }

  /** All is well, with what there is to say of it. */
  beat(state: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#context.clock()
    if (nowMs - this.#beatMs >= BEAT_EVERY_MS) {
      this.#beatMs = nowMs
      const { heartbeat } = this.#options
      writeState({ disk, token: () => randomBytes(8).toString('hex') }, heartbeat, { at: nowMs, ...state })
    }
    const { healthcheck } = this.#options
    if (healthcheck === undefined || nowMs - this.#pingMs < PING_EVERY_MS) return
    this.#pingMs = nowMs
    this.#call(healthcheck, { method: 'GET' })
  }

  /** Something that nobody should have to find out. */
  alarm(kind: Alarm, words: string): void {
    this.#context.ui.warn(words, { alarm: kind })
    const { webhook, run } = this.#options
    if (webhook === undefined) return
    this.#call(webhook, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        type: 'alarm',
        alarm: kind,
        run,
        message: words,
        text: `jules paper ${run}: ${words}`,
      }),
    })
  }

  /** What was sent has arrived, or failed and was told. */
  async end(): Promise<void> {
    await Promise.all(this.#open)
  }

  #call(url: string, init: RequestInit): void {
    const { hostname } = new URL(url)
    const done = fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS), redirect: 'error' })
      .then(async (answer) => {
        await answer.body?.cancel()
        if (!answer.ok) this.#context.ui.warn(`${hostname} answered ${answer.status}`)
      })
      // The address may hold a secret: its host says enough.
      .catch(() => this.#context.ui.warn(`${hostname} was not reached`))
      .finally(() => this.#open.delete(done))
    this.#open.add(done)
  }
}
