/** What the folder of a kept run looks like, for those who only read it. */

export const KEPT_FORMAT = 'jules-backtest/1'

/** Names of its files. */
export const KEPT = { manifest: 'manifest.json', records: 'records.ndjson' } as const
