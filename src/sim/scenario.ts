/**
 * Faults in their order: an entry names a fault, what it is tied to and its parameters. Entries come from a file, or one by one
 * while the gateway runs.
 *
 *   {"fault":"reject","on":{"order":3,"symbol":"NVDA"}}
 *   {"fault":"link-lost","on":{"time":"10:15:00"},"with":{"seconds":30}}
 *   {"fault":"no-answer","on":{"message":"reqExecutions","nth":2},"times":2}
 */
import { badData, messageOf } from '../base/errors.js'
import { nearest } from '../base/suggest.js'
import { HOUR, MINUTE, newYorkDay, newYorkMidnight, SECOND } from '../base/time.js'
import {
  FAULT_NAMES,
  type Fault,
  type FaultEvent,
  faultNamed,
  type Hit,
  type Params,
  type Stage,
} from './faults.js'
import { INCOMING } from './messages.js'

/** One fault of a scenario. */
export interface Entry {
  readonly name: string
  readonly fault: Fault
  readonly event: FaultEvent
  /** The nth event of its kind since the entry counts. */
  readonly nth: number
  readonly message: string | undefined
  readonly symbol: string | undefined
  /** It counts from then on, epoch milliseconds or time of the first day; null for the start. */
  readonly time: { readonly dayMs: number } | { readonly atMs: number } | null
  /** How many events in a row it strikes at. */
  readonly times: number
  readonly params: Params
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const KEYS = ['fault', 'on', 'with', 'times']
const ON_KEYS = ['order', 'fill', 'connect', 'message', 'nth', 'symbol', 'time']

/** The entries of a scenario: a line each, or an array. Throws badData with the entry and the key. */
export function readScenario(text: string, name: string): Entry[] {
  const trimmed = text.trim()
  if (trimmed.startsWith('[')) {
    const list = parsed(trimmed, name)
    return (list as unknown[]).map((value, i) => readEntry(value, `${name}: entry ${i + 1}`))
  }
  const entries: Entry[] = []
  for (const [i, line] of text.split('\n').entries())
    if (line.trim() !== '') entries.push(readEntry(parsed(line, `${name}:${i + 1}`), `${name}:${i + 1}`))
  return entries
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badData(`not JSON: ${messageOf(error)}`, { where })
  }
}

/** One entry. Throws badData with the key that is wrong. */
export function readEntry(value: unknown, where: string): Entry {
  const refuse = (words: string, hint?: string): never => {
    throw badData(words, { where, ...(hint === undefined ? {} : { hint }) })
  }
  const only = (object: Json, keys: readonly string[], of: string): void => {
    const stray = Object.keys(object).find((key) => !keys.includes(key))
    if (stray !== undefined) refuse(`${of}${stray}: unknown key`, `the keys are ${keys.join(', ') || 'none'}`)
  }
  if (!isObject(value)) return refuse('expected an object such as {"fault":"drop"}')
  only(value, KEYS, '')
  const { fault: faultName, on = {}, with: given = {}, times = 1 } = value
  if (typeof faultName !== 'string') return refuse('fault: expected the name of a fault')
  const fault = faultNamed(faultName)
  if (fault === undefined) {
    const near = nearest(faultName, FAULT_NAMES)
    return refuse(
      `fault: no fault ${JSON.stringify(faultName)}`,
      near === undefined ? 'jules sim --list-faults names them' : `did you mean ${near}?`,
    )
  }
  if (!isObject(on)) return refuse('on: expected an object such as {"order":3}')
  only(on, ON_KEYS, 'on.')
  if (!isObject(given)) return refuse('with: expected an object of parameters')
  only(given, Object.keys(fault.params), 'with.')
  const count = (key: string, number: unknown): number =>
    Number.isInteger(number) && Number(number) >= 1
      ? Number(number)
      : refuse(`${key}: expected a whole number from 1`)
  const named = (['order', 'fill', 'connect', 'message'] as const).filter((key) => on[key] !== undefined)
  if (named.length > 1) refuse(`on.${named[1]}: one event alone, beside ${named[0]}`)
  const [event = fault.on] = named
  const nth = event === 'message' || on[event] === undefined ? (on.nth ?? 1) : on[event]
  if (on.nth !== undefined && event !== 'message') refuse('on.nth: it goes with on.message')
  const message = on.message ?? fault.message
  const known = [...INCOMING.values()].map((one) => one.name)
  if (message !== undefined && !known.includes(String(message)))
    refuse(
      `on.message: no message ${JSON.stringify(message)}`,
      `did you mean ${nearest(String(message), known) ?? 'reqPositions'}?`,
    )
  if (fault.on !== 'now' && event !== fault.on && !(fault.on === 'message' && event === 'message'))
    refuse(
      `on.${event}: ${faultName} strikes at ${fault.on === 'message' ? 'a message' : `the event ${fault.on}`}`,
    )
  const { symbol } = on
  if (symbol !== undefined && typeof symbol !== 'string') refuse('on.symbol: expected a symbol')
  const params: Record<string, number | string | boolean> = { ...fault.params }
  for (const [key, one] of Object.entries(given)) {
    if (typeof one !== typeof params[key]) refuse(`with.${key}: expected a ${typeof params[key]}`)
    params[key] = one as number | string | boolean
  }
  return {
    ...{ name: faultName, fault, event, params },
    nth: count(event === 'message' ? 'on.nth' : `on.${event}`, nth),
    message: message === undefined ? undefined : String(message),
    symbol: symbol === undefined ? undefined : String(symbol),
    time:
      on.time === undefined
        ? null
        : timeOf(on.time, () => refuse('on.time: expected 10:15:00 in New York, or 2025-08-01T14:15:00Z')),
    times: count('times', times),
  }
}

function timeOf(value: unknown, refuse: () => never): Entry['time'] {
  if (typeof value !== 'string') return refuse()
  const clock = /^(\d\d):(\d\d)(?::(\d\d))?$/.exec(value)
  if (clock !== null) {
    const [hour, minute, second] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)]
    if (hour > 23 || minute > 59 || second > 59) return refuse()
    return { dayMs: hour * HOUR + minute * MINUTE + second * SECOND }
  }
  const atMs = /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(atMs) ? refuse() : { atMs }
}

interface Armed {
  readonly entry: Entry
  readonly fromMs: number
  /** Events until it strikes, and strikes that are left. */
  until: number
  left: number
}

/** The faults of a run: which strike at what happens now. */
export class Scenario {
  readonly #stage: Stage
  readonly #armed: Armed[] = []
  readonly #onStrike: (entry: Entry) => void

  constructor(stage: Stage, onStrike: (entry: Entry) => void) {
    this.#stage = stage
    this.#onStrike = onStrike
  }

  /** Adds an entry; one that is tied to nothing strikes at once, or at its time. */
  add(entry: Entry, nowMs: number): void {
    const { time } = entry
    const fromMs =
      time === null
        ? Number.NEGATIVE_INFINITY
        : 'atMs' in time
          ? time.atMs
          : newYorkMidnight(newYorkDay(nowMs)) + time.dayMs
    this.#armed.push({ entry, fromMs, until: entry.nth, left: entry.times })
  }

  /** The first instant after this one at which a fault is due by time. */
  next(timeMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const { entry, fromMs, left } of this.#armed)
      if (left > 0 && entry.event === 'now' && fromMs > timeMs) next = Math.min(next, fromMs)
    return next
  }

  /** Strikes by time, and of what is tied to nothing. */
  tick(nowMs: number): void {
    this.hit('now', {}, nowMs)
  }

  /** Something has happened. True where a fault has dealt with it. */
  hit(event: FaultEvent, hit: Hit, nowMs: number): boolean {
    let isDone = false
    for (const armed of [...this.#armed]) {
      const { entry, fromMs } = armed
      if (armed.left <= 0 || entry.event !== event || nowMs < fromMs) continue
      if (entry.message !== undefined && event === 'message' && entry.message !== hit.name) continue
      if (entry.symbol !== undefined && event !== 'now' && entry.symbol !== hit.symbol) continue
      if (--armed.until > 0) continue
      armed.left--
      this.#onStrike(entry)
      const own = entry.symbol === undefined ? hit : { ...hit, symbol: entry.symbol }
      if (entry.fault.act(this.#stage, own, entry.params)) isDone = true
    }
    return isDone
  }

  /** Strikes left of each entry in the order they were added, for a state file. */
  save(): number[][] {
    return this.#armed.map(({ until, left }) => [until, left])
  }

  restore(saved: readonly (readonly number[])[]): void {
    for (const [i, [until, left]] of saved.entries()) {
      const armed = this.#armed[i]
      if (armed !== undefined) Object.assign(armed, { until, left })
    }
  }
}

/** The faults in words, a line each. */
export function faultLines(): string[] {
  return FAULT_NAMES.map((name) => {
    const { words, on, message, params } = faultNamed(name)!
    const given = Object.entries(params)
      .filter(([key]) => key !== 'text')
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    const event = on === 'now' ? 'time' : message === undefined ? on : `message ${message}`
    return `${name} [${event}${given.length === 0 ? '' : `; ${given.join(' ')}`}] ${words}`
  })
}
