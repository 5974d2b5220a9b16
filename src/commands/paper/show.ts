/** A journal for people, and as the records that it stands for. */

import { Failure } from '../../base/errors.js'
import { formatTime } from '../../base/time.js'
import { type JournalEvent, readJournal } from '../../broker/journal.js'
import type { Context } from '../../cli/context.js'
import { REPORT_KINDS } from '../../portfolio/orders.js'
import { TORN } from '../../stream/lines.js'
import { BlockWriter } from '../../stream/sink.js'
import { retold } from '../../trading/paper/retold.js'
import { RECORD_TYPES, type RecordType, RecordWriter } from '../../trading/records.js'
import { isTable } from '../wiring/output.js'
import type { Flags } from './settings.js'

/** Prints the journal at `path`. Throws 66 where there is none, 65 where it is damaged. */
export async function showJournal(context: Context, { format, records }: Flags, path: string): Promise<void> {
  const { events, isTorn } = await readJournal(path)
  if (events.length === 0 && !isTorn) throw new Failure('noInput', 'no journal', { where: path })
  const table = isTable(context, format)
  const writer = new BlockWriter(context.stdout())
  const lines = table
    ? events.map((event, i) => `${String(i + 1).padStart(6)}  ${eventWords(event)}\n`)
    : recordsOf(events, path, records)
  for (const line of lines) {
    context.signal.throwIfAborted()
    await writer.text(line)
  }
  await writer.drain()
  if (isTorn) context.ui.note(`${path}: ${TORN}`)
}

/** The records of the run, as they were written when it traded. */
function recordsOf(
  events: readonly JournalEvent[],
  path: string,
  wanted: readonly string[] | undefined,
): string[] {
  const lines: string[] = []
  const types: ReadonlySet<RecordType> = new Set(
    RECORD_TYPES.filter((type) => wanted === undefined || wanted.includes(type)),
  )
  retold(events, path, (known) => new RecordWriter({ ...known, types, write: (line) => lines.push(line) }))
  return lines
}

function eventWords(event: JournalEvent): string {
  switch (event.event) {
    case 'start':
      return `run ${event.run}`
    case 'open':
      return `${formatTime(event.at)} started on ${event.account}, order ids from ${event.floor}`
    case 'warm':
      return `${event.bars.length} bars of both symbols before the first decision, ${event.alone.length} of one alone`
    case 'bar':
      return `${formatTime(event.time)} bar, closes ${event.numbers[3]} and ${event.numbers[8]}`
    case 'alone':
      return `${formatTime(event.time)} bar of symbol ${event.symbol} alone, close ${event.numbers[3]}`
    case 'miss':
      return '  seen too late to decide on'
    case 'decide':
      return `  action ${event.action}, ${event.sha256.slice(0, 12)}`
    case 'intent':
      return `  order ${event.order} (${event.id}): ${event.shares} of symbol ${event.symbol}, ${event.ref}`
    case 'sent':
      return `  order ${event.order} (${event.id}) sent`
    case 'report': {
      const { kind, order, shares, price, fees } = event.report
      const words = shares === 0 ? '' : ` ${shares} at ${price}, fees ${fees}`
      const why = event.why === undefined ? '' : `: ${event.why}`
      return `  order ${order} ${REPORT_KINDS[kind]}${words}${why}`
    }
    case 'base':
      return `cash ${event.own}, at the broker ${event.broker}`
    case 'day':
      return `the day's cash ${event.own}, at the broker ${event.broker}`
    case 'adopt':
      return `${event.shares} of symbol ${event.symbol} taken over at ${event.price}`
    case 'flatten':
      return `${formatTime(event.time)} everything is to be closed`
    case 'halt':
      return `${formatTime(event.at)} halted: ${event.reason}`
    case 'reset':
      return `${formatTime(event.at)} released`
    case 'link':
      return `${formatTime(event.at)} connection ${event.state}${event.detail === '' ? '' : `: ${event.detail}`}`
    case 'end':
      return `${formatTime(event.at)} ended: ${event.ending}`
  }
}
