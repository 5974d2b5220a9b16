/** The names of the checks. */

/** Every check there is, in the order in which the findings of a day are told. */
export const CHECK_IDS = [
  'schema',
  'unknown-symbol',
  'absent',
  'first-bar',
  'last-bar',
  'missing',
  'coverage',
  'off-grid',
  'overlap',
  'out-of-order',
  'duplicate',
  'conflict',
  'drift',
  'outside-session',
  'holiday',
  'label',
  'ohlc',
  'price',
  'negative-volume',
  'zero-volume',
  'spike',
  'split',
  'return-outlier',
  'stale',
  'volume-outlier',
  'session-total',
  'correlation',
  'freshness',
] as const
export type CheckId = (typeof CHECK_IDS)[number]
