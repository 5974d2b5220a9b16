/**
 * Requests that wait for their answers. A request that gets no answer is unknown, which is no empty answer: a position that is
 * not known to be there is not known to be flat.
 */
import { Failure } from '../base/errors.js'
import type { Act } from './codes.js'
import { deadline, type Timers } from './timers.js'

/** What became of a request is not known: no answer came in time, or the connection went. */
export class UnknownAnswer extends Failure {
  constructor(what: string, why: string) {
    super('unavailable', `${what}: no answer of the gateway, ${why}`)
  }
}

/** The gateway answered that it does not do it. */
export class Refused extends Failure {
  readonly broker: number
  readonly act: Act

  constructor(
    what: string,
    { code, act, meaning, text }: { code: number; act: Act; meaning: string; text: string },
  ) {
    const kind =
      act === 'read-only' ? 'config' : act === 'wait' || act === 'same-id' ? 'tryAgain' : 'unavailable'
    super(
      kind,
      `${what}: ${meaning} (${code}: ${text})`,
      act === 'same-id' ? { hint: 'end the other client, or pass another --client-id' } : {},
    )
    this.broker = code
    this.act = act
  }
}

interface Waiting {
  readonly what: string
  readonly resolve: () => void
  readonly reject: (error: Failure) => void
  readonly callOff: () => void
}

/** Requests whose answers carry no id, and so go one at a time. */
export const KINDS = ['open orders', 'completed orders', 'positions'] as const
export type Kind = (typeof KINDS)[number]

export interface Request {
  readonly what: string
  readonly send: () => void
  /** Milliseconds. */
  readonly within: number
}

export class Requests {
  readonly #timers: Timers
  /** The same question has stayed without an answer twice. */
  readonly #silent: (what: string) => void
  readonly #byId = new Map<number, Waiting>()
  readonly #byKind = new Map<Kind, Waiting>()
  readonly #queues = new Map<Kind, Promise<void>>()
  /** Answers still owed to requests that were given up: they are no answers to later ones. */
  readonly #owed = new Map<Kind, number>()
  /** Requests in a row that were given up. */
  readonly #missed = new Map<Kind, number>()

  constructor(timers: Timers, silent: (what: string) => void) {
    this.#timers = timers
    this.#silent = silent
  }

  has(id: number): boolean {
    return this.#byId.has(id)
  }

  /** Resolves at the end of the answer. */
  ask(id: number, request: Request): Promise<void> {
    return this.#wait(this.#byId, id, request)
  }

  /** As `ask`, after earlier requests of the kind have ended. `begin` is told when its own turn has come. */
  askKind(kind: Kind, request: Request, begin: () => void): Promise<void> {
    const turn = (this.#queues.get(kind) ?? Promise.resolve()).then(() => {
      begin()
      return this.#wait(this.#byKind, kind, request)
    })
    this.#queues.set(
      kind,
      turn.catch(() => {}),
    )
    return turn
  }

  end(id: number): void {
    this.#take(this.#byId, id)?.resolve()
  }

  endKind(kind: Kind): void {
    const owed = this.#owed.get(kind) ?? 0
    if (owed > 0) {
      this.#owed.set(kind, owed - 1)
      return
    }
    this.#missed.delete(kind)
    this.#take(this.#byKind, kind)?.resolve()
  }

  refuse(id: number, failure: (what: string) => Failure): void {
    const waiting = this.#take(this.#byId, id)
    waiting?.reject(failure(waiting.what))
  }

  refuseKind(kind: Kind, failure: (what: string) => Failure): void {
    const waiting = this.#take(this.#byKind, kind)
    waiting?.reject(failure(waiting.what))
  }

  /** The connection is gone: nothing of it is owed any more. */
  lose(why: string): void {
    this.#owed.clear()
    this.#missed.clear()
    const all = [...this.#byId.values(), ...this.#byKind.values()]
    this.#byId.clear()
    this.#byKind.clear()
    for (const { callOff, reject, what } of all) {
      callOff()
      reject(new UnknownAnswer(what, why))
    }
  }

  #wait<K extends number | Kind>(
    waiting: Map<K, Waiting>,
    key: K,
    { what, send, within }: Request,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const callOff = deadline(this.#timers, within, () => {
        waiting.delete(key)
        reject(new UnknownAnswer(what, `none in ${within / 1000} s`))
        if (typeof key === 'string') this.#miss(key, what)
      })
      waiting.set(key, { what, resolve, reject, callOff })
      try {
        send()
      } catch (error) {
        this.#take(waiting, key)
        reject(error)
      }
    })
  }

  /** If one answer was lost for good, every later one would be taken for the one before: a new connection owes nothing. */
  #miss(kind: Kind, what: string): void {
    this.#owed.set(kind, (this.#owed.get(kind) ?? 0) + 1)
    const missed = (this.#missed.get(kind) ?? 0) + 1
    this.#missed.set(kind, missed)
    if (missed > 1) this.#silent(what)
  }

  #take<K extends number | Kind>(waiting: Map<K, Waiting>, key: K): Waiting | undefined {
    const found = waiting.get(key)
    waiting.delete(key)
    found?.callOff()
    return found
  }
}
