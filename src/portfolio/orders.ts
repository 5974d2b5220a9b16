/**
 * The life of an order: what each report of a broker, simulated or real, does to it. Positions move by executions alone, and
 * each execution counts once: a report that is repeated changes nothing, and a correction replaces what it corrects. Money is
 * real whatever the order was thought to be: an execution after a cancel is booked.
 */

export const ORDER_STATES = [
  'sent',
  'acknowledged',
  'partly-filled',
  'filled',
  'rejected',
  'cancelled',
  'expired',
  'unknown',
] as const
export type OrderState = (typeof ORDER_STATES)[number]

/**
 * `ack`: the broker has it. `fill`: an execution. `reject`, `cancel`, `expire`: no more of it will be executed. `correct`: an
 * execution was another one. `lose`: the connection died, and what became of the order is not known.
 */
export const REPORT_KINDS = ['ack', 'fill', 'reject', 'cancel', 'expire', 'correct', 'lose'] as const
export type ReportKind = (typeof REPORT_KINDS)[number]

/**
 * The state after a report. `part`: by what is executed now: acknowledged where nothing is, partly filled, or filled. `done`:
 * filled where all is executed, else as it was: the order is closed at the broker.
 */
const OPEN = {
  fill: 'part',
  correct: 'part',
  reject: 'rejected',
  cancel: 'cancelled',
  expire: 'expired',
  lose: 'unknown',
} as const

/** Late words about a closed order change nothing; late executions are booked. */
const closed = <S extends OrderState>(state: S) =>
  ({
    ack: state,
    fill: 'done',
    reject: state,
    cancel: state,
    expire: state,
    correct: 'done',
    lose: state,
  }) as const

const TABLE: Record<OrderState, Record<ReportKind, OrderState | 'part' | 'done'>> = {
  sent: { ack: 'acknowledged', ...OPEN },
  acknowledged: { ack: 'acknowledged', ...OPEN },
  'partly-filled': { ack: 'partly-filled', ...OPEN },
  unknown: { ack: 'part', ...OPEN },
  filled: closed('filled'),
  rejected: closed('rejected'),
  cancelled: closed('cancelled'),
  expired: closed('expired'),
}

const code = (state: OrderState): number => ORDER_STATES.indexOf(state)
const kindCode = (kind: ReportKind): number => REPORT_KINDS.indexOf(kind)

export const SENT = code('sent')
const ACKNOWLEDGED = code('acknowledged')
const PARTLY_FILLED = code('partly-filled')
const FILLED = code('filled')
export const REJECTED = code('rejected')
export const UNKNOWN = code('unknown')

export const ACK = kindCode('ack')
export const FILL = kindCode('fill')
export const REJECT = kindCode('reject')
export const CANCEL = kindCode('cancel')
export const EXPIRE = kindCode('expire')
export const CORRECT = kindCode('correct')
export const LOSE = kindCode('lose')

const PART = -1
const DONE = -2
/** TABLE as numbers, by state times kinds plus kind. */
const AFTER = Int8Array.from(
  ORDER_STATES.flatMap((state) => REPORT_KINDS.map((kind) => cellOf(TABLE[state][kind]))),
)

function cellOf(cell: OrderState | 'part' | 'done'): number {
  return cell === 'part' ? PART : cell === 'done' ? DONE : code(cell)
}

/** Whether more of an order in this state may still be executed. */
export const isOpen = (state: number): boolean => state <= PARTLY_FILLED || state === UNKNOWN

/** The state after a report, `filled` of `shares` being executed then (both signed alike). */
export function stateAfter(state: number, kind: number, filled: number, shares: number): number {
  const next = AFTER[state * REPORT_KINDS.length + kind]!
  if (next >= 0) return next
  if (Math.abs(filled) >= Math.abs(shares)) return FILLED
  if (next === DONE) return state
  return filled === 0 ? ACKNOWLEDGED : PARTLY_FILLED
}

/** What was executed of an order at one time. */
export interface Execution {
  /** A number of the simulated broker, or the broker's own id, without its revision. */
  execution: number | string
  /** Of this execution alone: signed shares, dollars a share, dollars of fees, dollars paid against the reference price. */
  shares: number
  price: number
  fees: number
  slippage: number
  /** When it happened, in account time: epoch milliseconds. */
  timeMs: number
}

/** What a broker says of an order; an execution with `fill` and `correct`. One object may serve for all: nothing keeps it. */
export interface Report extends Execution {
  /** Index into REPORT_KINDS. */
  kind: number
  /** Id of the order, as `OrderBook.send` gave it. */
  order: number
}

export const newReport = (): Report => ({
  kind: ACK,
  order: 0,
  execution: 0,
  shares: 0,
  price: 0,
  fees: 0,
  slippage: 0,
  timeMs: 0,
})
