/** Wires the sources of history over HTTP to the world: their addresses, keys, quotas and the cache. */
import { join } from 'node:path'
import { usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { flag, list, text } from '../../cli/options.js'
import { alpaca } from '../../market/feeds/alpaca.js'
import { alphaVantage } from '../../market/feeds/alpha-vantage.js'
import { bodyCache } from '../../market/feeds/cache.js'
import type { ClientWorld } from '../../market/feeds/client.js'
import type { HistorySource } from '../../market/feeds/history.js'
import { withHours } from '../../market/feeds/hours.js'
import type { HttpSource } from '../../market/feeds/keys.js'
import { polygon } from '../../market/feeds/polygon.js'
import { limitsOf, parseLimit, QuotaFile } from '../../market/feeds/quota.js'
import { vendorUrl } from '../../market/feeds/web.js'
import { lockWorld } from './lock.js'
import { secretFor } from './secrets.js'

export const feedOptions = {
  'alpaca-url': text('URL', 'where Alpaca is asked', { fallback: 'https://data.alpaca.markets' }),
  'alphavantage-url': text('URL', 'where Alpha Vantage is asked', {
    fallback: 'https://www.alphavantage.co',
  }),
  'polygon-url': text('URL', 'where Polygon (Massive) is asked', { fallback: 'https://api.massive.com' }),
  quota: list('LIST', 'calls that the keys may make, such as alphavantage=75/minute,polygon=none', {
    defaultText: 'what free accounts have',
    each: (word) => {
      parseLimit(word)
      return word
    },
  }),
  'no-cache': flag('neither use nor keep answers of vendors'),
  refresh: flag('ask vendors anew, and keep what they answer'),
}

export interface FeedChoice {
  readonly 'alpaca-url': string
  readonly 'alphavantage-url': string
  readonly 'polygon-url': string
  readonly quota: readonly string[] | undefined
  readonly 'no-cache': boolean
  readonly refresh: boolean
}

const SOURCES = { alpaca, alphavantage: alphaVantage, polygon } as const

/**
 * The sources that are asked over HTTP; they share the counts, the cache and the keys, of which each is asked for once, before
 * the first request that is really sent. Throws 64 and 78 for options; nothing is read or asked yet.
 */
export function historySources(
  context: Context,
  chosen: FeedChoice,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): (name: HttpSource) => HistorySource {
  if (chosen['no-cache'] && chosen.refresh) throw usage('--no-cache and --refresh exclude each other')
  const use = chosen['no-cache'] ? 'off' : chosen.refresh ? 'refresh' : 'use'
  const limits = limitsOf(chosen.quota ?? [])
  const own = lockWorld(context)
  const world: ClientWorld = {
    fetch,
    secret: (name) => secretFor(context, name),
    cache: bodyCache(own, join(context.paths.cache, 'feeds'), use),
    quota: new QuotaFile(own, join(context.paths.state, 'feed-quotas.json')),
  }
  return (name) => {
    const option = `${name}-url` as const
    return withHours(SOURCES[name](world, vendorUrl(chosen[option], option), limits[name]))
  }
}
