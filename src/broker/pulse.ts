/**
 * Whether the gateway lives. A socket that stays open and says nothing looks alive to the library for ever, so the time is asked
 * for whenever nothing has come for a while; two questions in a row without an answer end the connection.
 */
import { SECOND } from '../base/time.js'
import { UnknownAnswer } from './requests.js'
import { deadline, type Timers } from './timers.js'

const MISSES = 2

export interface PulseOptions {
  readonly timers: Timers
  readonly everyMs: number
  /** Asks the gateway for its time. */
  readonly ask: () => void
  /** The gateway's clock minus this one, in milliseconds. */
  readonly offset: (ms: number) => void
  readonly dead: (reason: string) => void
}

interface Question {
  readonly askedMs: number
  readonly resolve: (epochMs: number) => void
  readonly reject: (error: UnknownAnswer) => void
  callOff: () => void
}

/** The heart beat of one connection. */
export class Pulse {
  readonly #options: PulseOptions
  #questions: Question[] = []
  #heardMs: number
  #misses = 0
  #timer: unknown
  #stopped = false

  constructor(options: PulseOptions) {
    this.#options = options
    this.#heardMs = options.timers.now()
    this.#watch(options.everyMs)
  }

  /** The gateway's time in epoch milliseconds; whole seconds. Each call asks. */
  time(): Promise<number> {
    const { timers, everyMs, ask } = this.#options
    return new Promise((resolve, reject) => {
      const question: Question = { askedMs: timers.now(), resolve, reject, callOff: () => {} }
      question.callOff = deadline(timers, everyMs, () => this.#missed(question))
      this.#questions.push(question)
      ask()
    })
  }

  heard(): void {
    this.#heardMs = this.#options.timers.now()
  }

  answered(epochMs: number): void {
    this.#misses = 0
    const question = this.#questions.shift()
    if (question === undefined) return
    const { timers, offset } = this.#options
    question.callOff()
    // The answer has whole seconds: the middle of the second is nearest to the truth, and so is the middle of the way.
    offset(epochMs + SECOND / 2 - (question.askedMs + timers.now()) / 2)
    question.resolve(epochMs)
  }

  stop(why: string): void {
    this.#stopped = true
    this.#options.timers.clearTimeout(this.#timer)
    const questions = this.#questions
    this.#questions = []
    for (const { callOff, reject } of questions) {
      callOff()
      reject(new UnknownAnswer('the time', why))
    }
  }

  #watch(ms: number): void {
    this.#timer = this.#options.timers.setTimeout(() => {
      const { timers, everyMs } = this.#options
      const silentMs = timers.now() - this.#heardMs
      if (silentMs >= everyMs && this.#questions.length === 0) {
        this.time().catch(() => {})
        if (!this.#stopped) this.#watch(everyMs)
      } else this.#watch(Math.max(1, everyMs - Math.max(0, silentMs)))
    }, ms)
  }

  #missed(question: Question): void {
    this.#questions = this.#questions.filter((other) => other !== question)
    question.reject(new UnknownAnswer('the time', `none in ${this.#options.everyMs / SECOND} s`))
    if (++this.#misses >= MISSES) this.#options.dead('it is silent')
  }
}
