/** Who is told that a run lives, or that something is wrong with it: a file, and addresses on the network. */
import { randomBytes } from 'node:crypto'
import { disk } from '../../base/disk.js'
import { messageOf, systemFailure } from '../../base/errors.js'
import { writeState } from '../../base/state-file.js'
import { formatTime, MINUTE, SECOND } from '../../base/time.js'
import type { GatewayState } from '../../broker/gateway.js'
import type { Context } from '../../cli/context.js'
import type { Alarm } from '../../trading/paper/options.js'
import { call } from '../wiring/addresses.js'

const PING_EVERY_MS = MINUTE
const BEAT_EVERY_MS = 5 * SECOND

export interface WatchOptions {
  readonly run: string
  /** Replaced by rename every few seconds, so that its age says whether the run lives. */
  readonly heartbeat: string
  readonly webhook: string | undefined
  readonly healthcheck: string | undefined
  /** How long an address is waited for. */
  readonly patienceMs?: number
}

/** The watch over one run. */
export class Watch {
  readonly #context: Pick<Context, 'clock' | 'ui'>
  readonly #options: WatchOptions
  #beatMs = Number.NEGATIVE_INFINITY
  #pingMs = Number.NEGATIVE_INFINITY
  #isUnwritten = false
  readonly #open = new Set<Promise<void>>()

  constructor(context: Pick<Context, 'clock' | 'ui'>, options: WatchOptions) {
    this.#context = context
    this.#options = options
  }

  /** The run lives, whether bars come or not: to be called more often than the file is renewed. Null before the first bar. */
  beat(connection: GatewayState, barMs: number | null): void {
    const nowMs = this.#context.clock()
    if (nowMs - this.#beatMs >= BEAT_EVERY_MS) {
      this.#beatMs = nowMs
      const { run } = this.#options
      this.#renew({ at: nowMs, run, time: barMs === null ? null : formatTime(barMs), connection })
    }
    const { healthcheck } = this.#options
    if (healthcheck === undefined || connection !== 'ready' || nowMs - this.#pingMs < PING_EVERY_MS) return
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

  /** A file that cannot be written is told once: its age says the rest, and trading goes on. */
  #renew(state: Readonly<Record<string, unknown>>): void {
    const { heartbeat } = this.#options
    try {
      writeState({ disk, token: () => randomBytes(8).toString('hex') }, heartbeat, state)
      this.#isUnwritten = false
    } catch (error) {
      if (!this.#isUnwritten) this.#context.ui.warn(messageOf(systemFailure(error, heartbeat, true)))
      this.#isUnwritten = true
    }
  }

  #call(url: string, init: Pick<RequestInit, 'method' | 'headers' | 'body'>): void {
    const { patienceMs } = this.#options
    const done = call(url, { ...init, patienceMs, ui: this.#context.ui }).then(() => {
      this.#open.delete(done)
    })
    this.#open.add(done)
  }
}
