/**
 * What the codes of the gateway's messages mean, and what is done about each: a table, so that no code is judged in two places.
 * Sources: TWS API message codes, and what clients have met. Where the text of a message decides, the rule stands in the row.
 */

/** What is done about a message. Nothing else is ever done about one. */
export const ACTS = {
  none: 'nothing: all is well',
  note: 'it is told, and changes nothing',
  lives: 'it is told: the order lives',
  'back-off': 'sending stops for a while, and it is counted',
  wait: 'the same request is made again after 10 s',
  empty: 'an answer: there is no such data',
  reject: 'the order or request is refused, and never repeated unchanged',
  'stop-symbol': 'the order is refused, and its symbol trades no more',
  'unknown-contract': 'a run does not start',
  cancelled: 'the order has ended; what was executed of it stays',
  expired: 'the order has ended by its time; what was executed of it stays',
  settle: 'open orders and executions are asked for, and say what became of the order',
  'new-id': 'an alarm: the order is looked up by its reference before another id is taken',
  halt: 'an alarm, and no more orders until a person says so',
  alarm: 'an alarm, and no new orders on this connection',
  'same-id': 'the same client id is tried again for minutes, and no other',
  'read-only': 'a run does not start: the gateway takes no orders',
  'data-guard': 'no orders on this data',
  'farm-broken': 'no new orders until the farm is back',
  'subscribe-again': 'the stream is cancelled and asked for again, and the gap is named',
  'farm-fine': 'orders again; streams that stay silent are asked for again',
  reconnect: 'the connection is made anew',
  'link-lost': 'no new orders until the link is back',
  'link-back': 'open orders, executions and positions are asked for',
  'link-back-empty': 'streams are asked for again, then open orders, executions and positions',
} as const
export type Act = keyof typeof ACTS

interface Reading {
  readonly meaning: string
  readonly act: Act
}

interface Row extends Reading {
  readonly codes: readonly number[]
  /** The first whose words are in the text counts; the row itself where none are. */
  readonly when?: readonly (Reading & { readonly text: RegExp })[]
}

const ROWS: readonly Row[] = [
  { codes: [100], meaning: 'more than 50 messages a second', act: 'back-off' },
  { codes: [103], meaning: 'the order id is in use', act: 'new-id' },
  { codes: [105], meaning: 'an order was changed in what cannot be changed', act: 'halt' },
  { codes: [110], meaning: 'the price is not on the price grid', act: 'reject' },
  {
    codes: [109, 451, 10311],
    meaning: 'a precautionary limit of the gateway, under Presets in its settings',
    act: 'reject',
  },
  { codes: [161], meaning: 'the order is in no state to be cancelled', act: 'settle' },
  {
    codes: [162],
    meaning: 'history is not given',
    act: 'reject',
    when: [
      { text: /pacing/i, meaning: 'history is asked for too often', act: 'wait' },
      { text: /no data|no historical data/i, meaning: 'there is no such history', act: 'empty' },
      { text: /cancel/i, meaning: 'the request for history was cancelled', act: 'note' },
      { text: /subscri|permission/i, meaning: 'no right to this history', act: 'data-guard' },
    ],
  },
  { codes: [200], meaning: 'no such contract', act: 'unknown-contract' },
  { codes: [201], meaning: 'the order is rejected', act: 'stop-symbol' },
  {
    codes: [202],
    meaning: 'the order is cancelled',
    act: 'cancelled',
    when: [{ text: /expired/i, meaning: 'the order has expired', act: 'expired' }],
  },
  { codes: [300, 366], meaning: 'a request that ended before', act: 'none' },
  {
    codes: [320],
    meaning: 'an id is not a number that the gateway takes, such as one above 2147483647',
    act: 'alarm',
  },
  {
    codes: [321],
    meaning: 'the request is not valid',
    act: 'reject',
    when: [{ text: /read-?only/i, meaning: 'the gateway is in read-only mode', act: 'read-only' }],
  },
  { codes: [326], meaning: 'the client id is in use', act: 'same-id' },
  {
    codes: [354, 10089, 10090, 10167, 10168, 10186],
    meaning: 'the data is not subscribed to, in part, or delayed',
    act: 'data-guard',
    when: [
      {
        text: /competing|another (session|ip|address)|different ip/i,
        meaning: 'a live login elsewhere holds the data',
        act: 'data-guard',
      },
    ],
  },
  { codes: [387], meaning: 'the exchange does not take this type of order', act: 'reject' },
  { codes: [399, 404, 2109, 10349], meaning: 'a warning about an order', act: 'lives' },
  {
    codes: [420],
    meaning: 'the stream of bars is refused',
    act: 'data-guard',
    when: [{ text: /pacing/i, meaning: 'streams are asked for too often', act: 'subscribe-again' }],
  },
  { codes: [434], meaning: 'the size of the order is zero', act: 'reject' },
  { codes: [501], meaning: 'already connected', act: 'none' },
  { codes: [502], meaning: 'the connection failed', act: 'reconnect' },
  {
    codes: [503, 506],
    meaning: 'the gateway speaks a version of the protocol that is not known here',
    act: 'reconnect',
  },
  { codes: [504], meaning: 'not connected', act: 'reconnect' },
  { codes: [505], meaning: 'a message of the gateway cannot be read', act: 'alarm' },
  { codes: [507, 508], meaning: 'the bytes on the connection make no messages', act: 'reconnect' },
  { codes: [1100, 2110], meaning: 'the link between the gateway and the broker is lost', act: 'link-lost' },
  { codes: [1101], meaning: 'the link is back, streams are lost', act: 'link-back-empty' },
  { codes: [1102], meaning: 'the link is back, streams are kept', act: 'link-back' },
  { codes: [2103, 2105], meaning: 'a data farm is broken', act: 'farm-broken' },
  { codes: [2104, 2106, 2107, 2108], meaning: 'a data farm is fine, or idle', act: 'farm-fine' },
  { codes: [2119, 2158], meaning: 'a data farm is being connected to, or has no part in this', act: 'none' },
  { codes: [2174], meaning: 'a time without a zone; it will be refused one day', act: 'note' },
  { codes: [10147, 10148], meaning: 'the order to cancel is not there, or is filled', act: 'settle' },
  { codes: [10182, 10225], meaning: 'a stream has ended though all looks alive', act: 'subscribe-again' },
  { codes: [10197], meaning: 'a live login elsewhere holds the data', act: 'data-guard' },
  { codes: [10243], meaning: 'fractions of a share are not taken', act: 'reject' },
  { codes: [10314], meaning: 'a time without a zone is refused', act: 'reject' },
]

/**
 * A code that has no row says nothing about an order that jules may rely on, so the broker is asked; where it names neither an
 * order nor a request it is told.
 */
const UNKNOWN: Reading = { meaning: 'a code that is not known', act: 'settle' }

/** Every code with a row. */
export const CODES: ReadonlyMap<number, Row> = new Map(
  ROWS.flatMap((row) => row.codes.map((code) => [code, row] as const)),
)

/** What a message means and what is done about it. */
export function judge(code: number, text: string): Reading {
  const row = CODES.get(code)
  if (row === undefined) return UNKNOWN
  return row.when?.find((rule) => rule.text.test(text)) ?? row
}

const ANSWERS_NOTHING: ReadonlySet<Act> = new Set<Act>(['none', 'note', 'lives', 'farm-fine'])

/** Whether a message with this act about a request means that it gets no answer. */
export const refuses = (act: Act): boolean => !ANSWERS_NOTHING.has(act)
