/**
 * One vendor over HTTP, question by question: from the cache, or with a key, within the quota, asked again where a connection
 * failed or a limit passed. Only here is a key known; what leaves is without it.
 */
import { sha256 } from '../../base/digest.js'
import { Failure, messageOf } from '../../base/errors.js'
import { DAY, newYorkDay, SECOND } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { isTooDeep, type JsonObject, parseObject } from '../../stream/json.js'
import { webPage } from '../reading.js'
import type { BodyCache } from './cache.js'
import { FeedFailure, type HistoryWorld } from './history.js'
import { FEED_KEYS, type HttpSource } from './keys.js'
import type { Limit, QuotaFile } from './quota.js'
import { getText, hideKeys, Unanswered, WEB_LIMITS, type WebAnswer, type WebLimits } from './web.js'

/** What all vendors share. */
export interface ClientWorld {
  readonly fetch: typeof globalThis.fetch
  /** A key by its name; asked once, and only before a request that is really sent. */
  readonly secret: (name: string) => Promise<string>
  readonly cache: BodyCache
  readonly quota: QuotaFile
  /** The longest wait for one call; default 2 minutes. */
  readonly patienceMs?: number
  readonly web?: WebLimits
}

export interface ClientPlace {
  readonly name: HttpSource
  readonly limits: readonly Limit[]
  /** Puts the keys into a request. */
  readonly sign: (url: URL, keys: readonly string[]) => Readonly<Record<string, string>>
}

/** The answer says that a limit is reached. */
export const LIMITED = Symbol('limited')

export interface Question<T> {
  /** Without the key. */
  readonly url: URL
  /** The last date that is asked for: what is long past does not change. */
  readonly lastDay: number
  /** What a good answer says. Throws `FeedFailure`. */
  readonly read: (body: JsonObject) => T | typeof LIMITED
  /** What an answer says that is none by its status, where that is not a failure. */
  readonly refused?: (status: number, said: string) => T | undefined
}

export interface Client {
  readonly name: HttpSource
  ask<T>(question: Question<T>, world: HistoryWorld): Promise<T>
}

/** The last date whose bars do not change any more: corrections and late prints are in by then. */
export const settledDay = ({ clock }: HistoryWorld): number => newYorkDay(clock()) - 3

const TRIES = 3
const PATIENCE_MS = 120_000
const FIRST_WAIT_MS = SECOND

/** A vendor to ask. */
export function feedClient(world: ClientWorld, { name, limits, sign }: ClientPlace): Client {
  const { fetch, cache, quota, web = WEB_LIMITS, patienceMs = PATIENCE_MS } = world
  let known: Promise<Keys> | null = null

  const send = async (url: URL, { keys, hide }: Keys, signal: AbortSignal): Promise<WebAnswer> => {
    const signed = new URL(url)
    const headers = { accept: 'application/json', ...sign(signed, keys) }
    return getText(fetch, { name, option: `${name}-url`, url: signed, headers, hide, signal }, web)
  }

  return {
    name,
    ask: async ({ url, lastDay, read, refused }, feed) => {
      const place = { source: name, request: url.href }
      const settled = lastDay <= settledDay(feed)
      const kept = settled ? cache.read(place, feed) : null
      if (kept !== null) {
        try {
          const answer = read(documentIn(kept, name))
          if (answer !== LIMITED) return answer
        } catch (error) {
          if (!(error instanceof Failure)) throw error
        }
        feed.detail(`${name}: an answer in the cache is damaged: asked anew`)
      }
      known ??= keysOf(world, name)
      const keys = await known
      const seat = { source: name, account: keys.account, limits, patienceMs }
      let failures = 0
      let refusals = 0
      const again = async (words: string) => {
        failures++
        if (failures === TRIES)
          throw new FeedFailure('unavailable', `${words}, ${TRIES} times`, { where: name })
        const waitMs = Math.round(FIRST_WAIT_MS * 2 ** (failures - 1) * (0.5 + feed.random()))
        feed.detail(`${name}: ${words}: asked again in ${waitMs} ms`)
        await feed.wait(waitMs)
      }
      for (;;) {
        const left = await quota.take(seat, feed)
        if (left !== null) {
          feed.detail(`${name}: ${left} calls left today`)
          feed.status?.(`${name}: ${left} calls left`)
        }
        let got: WebAnswer
        try {
          got = await send(url, keys, feed.signal)
        } catch (error) {
          if (!(error instanceof Unanswered)) throw error
          await again(error.message)
          continue
        }
        if (got.status >= 500) {
          await again(`status ${got.status}`)
          continue
        }
        const answer = got.status === 429 ? LIMITED : readAnswer(got)
        if (answer === LIMITED) {
          refusals++
          await quota.refused(seat, feed, { time: refusals, afterMs: waitIn(got.retryAfter, feed.clock()) })
          // The next call waits for as long as that takes, or gives up where it takes too long.
          if (refusals < TRIES) continue
          const untilMs = await quota.freeAt(seat, feed)
          throw new FeedFailure('tryAgain', `refuses calls for a limit, ${TRIES} times in a row`, {
            where: name,
            untilMs,
            hint: `--quota ${name}=N/minute says what the key may do`,
          })
        }
        if (settled && got.status === 200 && !got.echoed) cache.write(place, got.text, feed)
        return answer
      }

      function readAnswer({ status, text }: WebAnswer) {
        if (status === 200) return read(documentIn(text, name))
        const said = saidIn(text)
        return refused?.(status, said) ?? refuse(status, said)
      }
    },
  }

  function refuse(status: number, said: string): never {
    const words = said === '' ? '' : `: ${quote(said)}`
    const where = name
    if (status === 401) throw keyRefused(name, `refuses the key (status 401)${words}`)
    if (status === 403)
      throw keyRefused(name, `refuses the key, or what it is asked for with this one (status 403)${words}`)
    throw new FeedFailure('data', `refuses the request (status ${status})${words}`, { where })
  }
}

/** A key that is not taken, or not for this. */
export function keyRefused(name: HttpSource, words: string): FeedFailure {
  const keys = FEED_KEYS[name].join(' and ')
  return new FeedFailure('denied', words, {
    where: name,
    hint: `look at ${keys}, in the environment or the vault, and at what its plan holds`,
  })
}

interface Keys {
  readonly keys: readonly string[]
  /** Stands for the key where calls are counted. */
  readonly account: string
  readonly hide: ReturnType<typeof hideKeys>
}

async function keysOf({ secret }: ClientWorld, source: HttpSource): Promise<Keys> {
  const named = new Map<string, string>()
  for (const name of FEED_KEYS[source]) {
    const key = await given(secret, name, source)
    // A header with it would be refused, in words that repeat it.
    if (!/^[\x21-\x7e]+$/.test(key)) {
      throw new FeedFailure('denied', `${name} holds blanks, line ends or letters that no key has`, {
        where: source,
        hint: `jules vault set ${name}`,
      })
    }
    named.set(name, key)
  }
  const keys = [...named.values()]
  return { keys, account: sha256(keys[0]!).slice(0, 12), hide: hideKeys(named) }
}

/** That there is no key is this source's failure, and not one of all. */
async function given(secret: ClientWorld['secret'], name: string, source: string): Promise<string> {
  try {
    return await secret(name)
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'denied') throw error
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    throw new FeedFailure('denied', messageOf(error), { where: source, ...hint })
  }
}

function documentIn(text: string, where: string): JsonObject {
  const page = webPage(text)
  if (page !== null) throw new FeedFailure('data', 'expected JSON, got an HTML or XML page', { where })
  if (isTooDeep(text)) throw new FeedFailure('data', 'an answer that is nested too deep', { where })
  const parsed = parseObject(text)
  if ('object' in parsed) return parsed.object
  // Of what is cut the end is not shown: it may be the first half of a key.
  const words = parsed.rule === 'not-an-object' ? 'an answer that is cut, or no JSON object' : parsed.error
  throw new FeedFailure('data', words, { where })
}

/** What vendors say of a request that they refuse; empty where they say nothing. */
function saidIn(text: string): string {
  if (isTooDeep(text)) return ''
  const parsed = parseObject(text)
  if ('error' in parsed) return ''
  const { message, error } = parsed.object
  return [message, error].find((words) => typeof words === 'string' && words !== '')?.toString() ?? ''
}

/** The wait that a server asks for, in seconds or as a date; null where it names none. */
function waitIn(retryAfter: string | null, now: number): number | null {
  if (retryAfter === null) return null
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * SECOND
  // The only form of dates in HTTP that is still written: Fri, 25 Jul 2025 13:30:00 GMT.
  const at = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(retryAfter)
    ? Date.parse(retryAfter)
    : Number.NaN
  return Number.isNaN(at) ? null : Math.min(Math.max(at - now, 0), 10 * DAY)
}
