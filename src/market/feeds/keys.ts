/** The keys of vendors by the variable or the secret that holds them. No program that jules starts is given them. */
export const FEED_KEYS = {
  alpaca: ['ALPACA_API_KEY_ID', 'ALPACA_API_SECRET_KEY'],
  alphavantage: ['ALPHAVANTAGE_API_KEY'],
  polygon: ['POLYGON_API_KEY'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export const HTTP_SOURCES = ['alpaca', 'alphavantage', 'polygon'] as const
export type HttpSource = (typeof HTTP_SOURCES)[number]
