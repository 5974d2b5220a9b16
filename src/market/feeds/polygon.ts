/**
 * History from Polygon, which is called Massive since October 2025 (massive.com/docs, "Custom bars"): consolidated bars,
 * pre-market and after hours included, by the start of the bar. Bars snap to the clock: those of an hour begin at the full hour
 * (knowledge base, "hourly bars"), those of a day at midnight in New York. Where nothing traded there is no bar.
 */
import { formatDate, MINUTE } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { type ClientWorld, feedClient, LIMITED } from './client.js'
import { FeedFailure, type HistorySource } from './history.js'
import { nextPage, otherSymbol } from './paging.js'
import { piecewise } from './pieces.js'
import type { Limit } from './quota.js'

const NAME = 'polygon'

/** One vendor's: pages of the one may be named by the other. */
const HOSTS = ['api.massive.com', 'api.polygon.io']
/** Of accounts that see the day, but late. */
const DELAY_MS = 16 * MINUTE

const lengths = {
  '1m': '1/minute',
  '5m': '5/minute',
  '15m': '15/minute',
  '30m': '30/minute',
  '1h': '1/hour',
  '1d': '1/day',
}

/** The history of Polygon. */
export function polygon(world: ClientWorld, base: URL, limits: readonly Limit[]): HistorySource {
  const client = feedClient(world, {
    name: NAME,
    limits,
    sign: (_url, [key]) => ({ authorization: `Bearer ${key}` }),
  })
  /** The next page, to be asked where the first one was: no key goes anywhere else. */
  const next = (address: string): string => {
    const refused = (words: string) => new FeedFailure('data', words, { where: NAME })
    let url: URL
    try {
      url = new URL(address)
    } catch {
      throw refused('next_url: expected a URL')
    }
    const isSame = url.host === base.host || (HOSTS.includes(url.host) && HOSTS.includes(base.host))
    if (!isSame) throw refused(`next_url leads to ${quote(url.host)}: no key goes there`)
    if (url.protocol !== base.protocol)
      throw refused(
        `next_url leads to ${url.protocol.slice(0, -1)}, not ${base.protocol.slice(0, -1)}: no key goes there`,
      )
    url.searchParams.delete('apiKey')
    return new URL(`${url.pathname}${url.search}`, base).href
  }
  return piecewise({
    name: NAME,
    adjusted: 'splits',
    lengths,
    cut: true,
    ask: async ({ symbol, length, fromDay, toDay }, feed, pages) => {
      const range = `${length}/${formatDate(fromDay)}/${formatDate(toDay)}`
      const first = new URL(`v2/aggs/ticker/${encodeURIComponent(symbol)}/range/${range}`, base)
      // A limit of 50,000 minutes is the most there is.
      first.search = 'adjusted=true&sort=asc&limit=50000'
      const follow = nextPage(NAME)
      for (let url = first; ; ) {
        const now = feed.clock()
        const { body, following, late } = await client.ask(
          {
            url,
            lastDay: toDay,
            read: (body) => {
              const {
                status,
                ticker,
                adjusted,
                results,
                resultsCount,
                next_url: nextUrl,
                error,
                message,
              } = body
              if (status !== 'OK' && status !== 'DELAYED') {
                const said = String(error ?? message ?? '')
                if (/maximum requests|rate limit/i.test(said)) return LIMITED
                throw odd(`status: expected "OK" or "DELAYED", got ${quote(status)} ${quote(said)}`)
              }
              if (ticker !== symbol) throw otherSymbol(NAME, symbol, ticker)
              if (adjusted !== true) throw odd(`adjusted: asked for true, got ${quote(adjusted)}`)
              const isEmpty = results === undefined || results === null
              if (isEmpty && resultsCount !== 0 && resultsCount !== undefined)
                throw odd(`results: expected ${quote(resultsCount)} bars, got none`)
              if (!isEmpty && !Array.isArray(results))
                throw odd(`results: expected a list, got ${quote(results)}`)
              if (nextUrl !== undefined && nextUrl !== null && typeof nextUrl !== 'string')
                throw odd(`next_url: expected a text, got ${quote(nextUrl)}`)
              return {
                body: isEmpty ? null : body,
                // What leads nowhere is no answer to keep.
                following: nextUrl ? follow(next(nextUrl)) : null,
                late: status === 'DELAYED',
              }
            },
          },
          feed,
        )
        if (late) pages.wholeUntil(now - DELAY_MS)
        if (body !== null) pages.add(body)
        if (following === null) return
        url = new URL(following)
      }
    },
  })
}

const odd = (words: string) => new FeedFailure('data', words, { where: NAME })
