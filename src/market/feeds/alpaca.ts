/**
 * History from Alpaca (docs.alpaca.markets, "Historical bars"): consolidated bars, pre-market and after hours included, by the
 * start of the bar; bars of an hour begin at the full hour, those of a day at midnight in New York. The feed is left to the
 * vendor, which takes all exchanges for what is older than 15 minutes: naming one would take that one alone.
 */
import { formatTime, MINUTE, newYorkMidnight, SECOND } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { JsonObject } from '../../stream/json.js'
import { type ClientWorld, feedClient, keyRefused } from './client.js'
import { FeedFailure, type HistorySource } from './history.js'
import { nextPage, otherSymbol } from './paging.js'
import { piecewise } from './pieces.js'
import type { Limit } from './quota.js'

const NAME = 'alpaca'

/** What accounts without a subscription may see, and a minute. */
const DELAY_MS = 16 * MINUTE
const RECENT = /recent sip data|too late for subscription/i

const lengths = { '1m': '1Min', '5m': '5Min', '15m': '15Min', '30m': '30Min', '1h': '1Hour', '1d': '1Day' }

type Page = { readonly recent: string } | { readonly body: JsonObject | null; readonly next: string | null }

/** The history of Alpaca. */
export function alpaca(world: ClientWorld, base: URL, limits: readonly Limit[]): HistorySource {
  const client = feedClient(world, {
    name: NAME,
    limits,
    sign: (_url, [id, secret]) => ({ 'APCA-API-KEY-ID': id!, 'APCA-API-SECRET-KEY': secret! }),
  })
  /** The account may not see the last minutes: known from the first refusal on. */
  let isDelayed = false
  return piecewise({
    name: NAME,
    adjusted: 'splits',
    lengths,
    cut: true,
    ask: async ({ symbol, length, fromDay, toDay }, feed, pages) => {
      const startMs = newYorkMidnight(fromDay)
      const lastMs = newYorkMidnight(toDay + 1) - SECOND
      const follow = nextPage(NAME)
      for (let token: string | null = null; ; ) {
        const endMs = isDelayed ? Math.min(lastMs, feed.clock() - DELAY_MS) : lastMs
        if (endMs < startMs) return
        if (endMs < lastMs) pages.wholeUntil(endMs)
        const url = new URL(`v2/stocks/${encodeURIComponent(symbol)}/bars`, base)
        const query = { timeframe: length, start: formatTime(startMs), end: formatTime(whole(endMs)) }
        const more = { adjustment: 'split', limit: '10000', sort: 'asc' }
        url.search = String(
          new URLSearchParams({ ...query, ...more, ...(token === null ? {} : { page_token: token }) }),
        )
        const page: Page = await client.ask<Page>(
          {
            url,
            lastDay: toDay,
            read: (body) => {
              const { bars, symbol: named, next_page_token: next } = body
              if (named !== symbol) throw otherSymbol(NAME, symbol, named)
              // Nothing traded.
              const isEmpty = bars === null || bars === undefined
              if (!isEmpty && !Array.isArray(bars)) throw odd(`bars: expected a list, got ${quote(bars)}`)
              if (typeof next !== 'string' && next !== null && next !== undefined)
                throw odd(`next_page_token: expected a text, got ${quote(next)}`)
              // What leads nowhere is no answer to keep.
              return { body: isEmpty ? null : body, next: next ? follow(next) : null }
            },
            refused: (_status, said) => (RECENT.test(said) ? { recent: said } : undefined),
          },
          feed,
        )
        if ('recent' in page) {
          if (isDelayed) throw keyRefused(NAME, `refuses bars older than 15 minutes: ${quote(page.recent)}`)
          isDelayed = true
          feed.note(
            `${NAME}: the last 15 minutes are not part of the plan of this key: asked up to 16 minutes ago`,
          )
          continue
        }
        if (page.body !== null) pages.add(page.body)
        if (page.next === null) return
        token = page.next
      }
    },
  })
}

const whole = (ms: number): number => Math.floor(ms / SECOND) * SECOND
const odd = (words: string) => new FeedFailure('data', words, { where: NAME })
