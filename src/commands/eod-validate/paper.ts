/** Runs on paper for the checks of a day: from records in files or in the store, and from journals. */
import { open } from 'node:fs/promises'
import { badData, Failure, systemFailure } from '../../base/errors.js'
import { parseTime } from '../../base/stamp.js'
import { type JournalEvent, readJournal } from '../../broker/journal.js'
import type { Context } from '../../cli/context.js'
import { INTERVALS, type Interval } from '../../market/bar.js'
import { readRecords } from '../../market/records.js'
import { isObject, type JsonObject } from '../../stream/json.js'
import { retold } from '../../trading/paper/retold.js'
import { RecordWriter } from '../../trading/records.js'
import type { EquityMark, Fill, PaperRun, RunState } from '../../validate/paper.js'
import { openInput } from '../wiring/input.js'

/** What a run is put together from. */
interface Parts {
  readonly fills: Map<string, Fill>
  readonly equity: EquityMark[]
  readonly states: RunState[]
  interval: Interval
  isPaper: boolean
  isEnded: boolean
  journalled: Fill[] | null
}

/** Gathers the records of runs; runs that are none on paper are left out. */
export class PaperRuns {
  readonly #runs = new Map<string, Parts>()

  /** Takes in a record of any type; those that say nothing of a run are passed over. */
  add(type: string, object: JsonObject): void {
    const { run } = object
    if (typeof run !== 'string') return
    switch (type) {
      case 'fill': {
        const fill = fillOf(object)
        // What the broker corrects takes the place of what it said before.
        if (fill !== null) this.#of(run).fills.set(`${fill.symbol} ${fill.exec || fill.timeMs}`, fill)
        return
      }
      case 'equity': {
        const mark = equityOf(object)
        if (mark !== null) this.#of(run).equity.push(mark)
        return
      }
      case 'state': {
        const parts = this.#of(run)
        const timeMs = timeOf(object.time)
        parts.isPaper = true
        const { connection, data_age_ms: age } = object
        if (timeMs !== null)
          parts.states.push({
            timeMs,
            isReady: connection === 'ready',
            dataAgeMs: typeof age === 'number' ? age : null,
          })
        return
      }
      case 'summary': {
        if (object.command !== 'paper') return
        const parts = this.#of(run)
        parts.isPaper = true
        parts.isEnded = true
        const interval = INTERVALS.find((one) => one === object.interval)
        if (interval !== undefined) parts.interval = interval
        return
      }
      default:
    }
  }

  /** Takes in a journal: its fills to hold those of records against, or all of it where there are no records of the run. */
  addJournal(events: readonly JournalEvent[], name: string): void {
    const lines: string[] = []
    const types = new Set(['fill', 'equity'] as const)
    const { run, settings } = retold(
      events,
      name,
      (known) => new RecordWriter({ ...known, types, write: (line) => lines.push(line) }),
    )
    const records = lines.map((line) => JSON.parse(line) as JsonObject)
    const parts = this.#of(run)
    parts.isPaper = true
    parts.interval = settings.interval
    parts.journalled = records.flatMap((object) => (object.type === 'fill' ? (fillOf(object) ?? []) : []))
    if (parts.fills.size > 0 || parts.equity.length > 0) return
    for (const object of records) this.add(String(object.type), object)
  }

  get runs(): PaperRun[] {
    const inTime = <T extends { readonly timeMs: number }>(list: Iterable<T>): T[] =>
      [...list].sort((a, b) => a.timeMs - b.timeMs)
    return [...this.#runs].flatMap(([run, parts]) => {
      if (!parts.isPaper) return []
      const states = inTime(parts.states)
      return [
        {
          ...{ run, interval: parts.interval, states, journalled: parts.journalled },
          fills: inTime(parts.fills.values()),
          equity: inTime(parts.equity),
          endedMs: parts.isEnded ? (states.at(-1)?.timeMs ?? null) : null,
        },
      ]
    })
  }

  #of(run: string): Parts {
    let parts = this.#runs.get(run)
    if (parts === undefined) {
      parts = {
        ...{ fills: new Map(), equity: [], states: [], interval: '1m' },
        ...{ isPaper: false, isEnded: false, journalled: null },
      }
      this.#runs.set(run, parts)
    }
    return parts
  }
}

/** Reads a file of records, or a journal. Throws 66 and 65. */
export async function readPaper(context: Context, paths: readonly string[], into: PaperRuns): Promise<void> {
  const journals: string[] = []
  for (const path of paths) {
    if (path !== '-' && (await isJournal(path))) {
      journals.push(path)
      continue
    }
    const source = await openInput(context, path)
    let seen = 0
    for await (const block of readRecords(source)) {
      context.signal.throwIfAborted()
      if (block.kind !== 'other') continue
      for (const { type, object } of block.records) {
        into.add(type, object)
        seen++
      }
    }
    await source.close()
    if (seen === 0) throw badData('holds no records of a run', { where: path })
  }
  // Once the records are there that they are held against.
  for (const path of journals) {
    const { events } = await readJournal(path)
    if (events.length === 0) throw new Failure('noInput', 'no journal', { where: path })
    into.addJournal(events, path)
  }
}

/** Whether a file begins as a journal does. */
async function isJournal(path: string): Promise<boolean> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
      return buffer.toString('latin1', 0, bytesRead).startsWith('{"n":1,"event":"start"')
    } finally {
      await file.close()
    }
  } catch (error) {
    throw systemFailure(error, path)
  }
}

const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null

/** Of a stamp with its offset, or null. */
function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null
  const parsed = parseTime(value, null)
  return 'epochMs' in parsed ? parsed.epochMs : null
}

function fillOf({ time, symbol, side, qty, price, commission, exec }: JsonObject): Fill | null {
  const timeMs = timeOf(time)
  const [shares, paid] = [number(qty), number(price)]
  if (timeMs === null || shares === null || paid === null || typeof symbol !== 'string') return null
  return {
    ...{ timeMs, symbol, price: paid, commission: number(commission) ?? 0 },
    shares: side === 'sell' ? -shares : shares,
    exec: typeof exec === 'string' ? exec : '',
  }
}

function equityOf({ time, cash, equity, pnl_day: pnlDay, positions, marks }: JsonObject): EquityMark | null {
  const timeMs = timeOf(time)
  const [own, worth, day] = [number(cash), number(equity), number(pnlDay)]
  if (timeMs === null || own === null || worth === null || day === null) return null
  return {
    ...{ timeMs, cash: own, equity: worth, pnlDay: day },
    positions: numbersOf(positions),
    marks: numbersOf(marks),
  }
}

const numbersOf = (value: unknown): Record<string, number> =>
  isObject(value)
    ? Object.fromEntries(
        Object.entries(value).flatMap(([key, one]) => (typeof one === 'number' ? [[key, one]] : [])),
      )
    : {}
