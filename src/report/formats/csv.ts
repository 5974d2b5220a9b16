/** All trades of the runs as CSV (RFC 4180), for a spreadsheet that must not take a text for a formula. */
import { formatTime } from '../../base/time.js'
import type { Report, Trade } from '../model.js'

const COLUMNS = [
  'run',
  'money',
  'symbol',
  'side',
  'qty',
  'entry_time',
  'entry_price',
  'exit_time',
  'exit_price',
  'pnl',
  'costs',
] as const

/** A header, and a line a trade; each run says what its dollars are. */
export function* csvOf({ runs }: Report): Generator<string> {
  yield `${COLUMNS.join(',')}\r\n`
  for (const { name, money, trades } of runs) {
    for (const trade of trades) yield `${[textCell(name), textCell(money), ...cells(trade)].join(',')}\r\n`
  }
}

const cells = (trade: Trade): string[] => [
  textCell(trade.symbol),
  trade.side,
  String(trade.shares),
  formatTime(trade.entryMs),
  String(trade.entryPrice),
  trade.exitMs === null ? '' : formatTime(trade.exitMs),
  trade.exitPrice === null ? '' : String(trade.exitPrice),
  Number.isFinite(trade.pnl) ? String(trade.pnl) : '',
  String(trade.costs),
]

/**
 * A text that no spreadsheet works out: behind an apostrophe where it begins as a formula does (OWASP, CSV Injection), blanks
 * before that included, and quoted where it needs that.
 */
export function textCell(text: string): string {
  const clean = text.replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    '',
  )
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(clean) ? `'${clean}` : clean
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
