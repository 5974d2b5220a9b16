/** Contracts of the simulator: every symbol of the bars is a stock of NASDAQ in dollars. */
import { civilFromDays, DAY, HOUR, MINUTE, newYork, newYorkDay } from '../base/time.js'
import { FIRST_DAY, LAST_DAY, sessionOn } from '../market/calendar.js'
import type { Message } from './layout.js'

/** Contract ids that the broker itself gives these. */
const KNOWN: Readonly<Record<string, number>> = { NVDA: 4815747, MSFT: 272093, AAPL: 265598, SPY: 756733 }

export interface Contract {
  readonly symbol: string
  readonly conId: number
}

/** The contract of a symbol; its number is the same in every run. */
export function contractOf(symbol: string): Contract {
  let hash = 0
  for (const letter of symbol) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0
  return { symbol, conId: KNOWN[symbol] ?? 500_000_000 + (hash % 400_000_000) }
}

/** The contract that a client's message names: by number, or by symbol; null where there is none such. */
export function contractNamed(contracts: readonly Contract[], message: Message): Contract | null {
  const { conId, symbol, secType, currency } = message
  if (typeof secType === 'string' && secType !== '' && secType !== 'STK') return null
  if (typeof currency === 'string' && currency !== '' && currency !== 'USD') return null
  const byId = Number(conId)
  if (byId > 0) return contracts.find((one) => one.conId === byId) ?? null
  return contracts.find((one) => one.symbol === symbol) ?? null
}

const DAYS_SHOWN = 7
const two = (value: number): string => String(value).padStart(2, '0')

/** `20250801` of a New York date. */
export function dateStamp(day: number): string {
  const { year, month, day: date } = civilFromDays(day)
  return `${year}${two(month)}${two(date)}`
}

/** `20250801 09:30:00` in New York. */
export function localStamp(timeMs: number, between = ' '): string {
  const local = timeMs + newYork.offsetAt(timeMs)
  const rest = local - Math.floor(local / DAY) * DAY
  const clock = [
    Math.floor(rest / HOUR),
    Math.floor((rest % HOUR) / MINUTE),
    Math.floor((rest % MINUTE) / 1000),
  ]
  return `${dateStamp(Math.floor(local / DAY))}${between}${clock.map(two).join(':')}`
}

/** `0930` in New York. */
const clockStamp = (timeMs: number): string => localStamp(timeMs).slice(9, 14).replace(':', '')

/** Hours of trading from the date of an instant on, as the broker writes them: `20250801:0930-20250801:1600;20250802:CLOSED`. */
export function hoursFrom(timeMs: number, regular: boolean): string {
  const first = newYorkDay(timeMs)
  const parts: string[] = []
  for (let day = first; day < first + DAYS_SHOWN && day >= FIRST_DAY && day <= LAST_DAY; day++) {
    const session = sessionOn(day)
    const date = dateStamp(day)
    if (session === null) parts.push(`${date}:CLOSED`)
    else if (regular)
      parts.push(`${date}:${clockStamp(session.openMs)}-${date}:${clockStamp(session.closeMs)}`)
    else parts.push(`${date}:0400-${date}:2000`)
  }
  return parts.join(';')
}
