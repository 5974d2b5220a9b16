/** A contract's liquid hours, and whether they are those of jules' own calendar. */
import { DAY, daysFromCivil, formatDate, HOUR, MINUTE, newYork, zoneNamed } from '../base/time.js'
import { FIRST_DAY, LAST_DAY, sessionOn } from '../market/calendar.js'

/** A day of a contract: from the first opening to the last close; null where it is closed. */
export interface ContractDay {
  /** Days since 1970-01-01. */
  readonly day: number
  readonly hours: { readonly openMs: number; readonly closeMs: number } | null
}

const PART = /^(\d{4})(\d\d)(\d\d):(\d\d)(\d\d)-(?:(\d{4})(\d\d)(\d\d):)?(\d\d)(\d\d)$/

/** `20241129:0930-20241129:1300;20241130:CLOSED` in the zone of the contract; null where they cannot be read. */
export function parseHours(text: string, zoneId: string): ContractDay[] | null {
  const zone = /^EST\b/.test(zoneId) ? newYork : zoneNamed(zoneId)
  if (zone === null) return null
  const days = new Map<number, ContractDay>()
  for (const part of text.split(';').filter((piece) => piece !== '')) {
    const closed = /^(\d{4})(\d\d)(\d\d):CLOSED$/.exec(part)
    if (closed !== null) {
      const day = daysFromCivil(Number(closed[1]), Number(closed[2]), Number(closed[3]))
      if (!days.has(day)) days.set(day, { day, hours: null })
      continue
    }
    // Several openings of a day: `20241129:0930-1200,1300-1600`.
    const [date] = part.split(':')
    for (const piece of part
      .split(',')
      .map((words, i) => (i === 0 || words.length > 9 ? words : `${date}:${words}`))) {
      const match = PART.exec(piece)
      if (match === null) return null
      const number = (i: number): number => Number(match[i])
      const day = daysFromCivil(number(1), number(2), number(3))
      const last = match[6] === undefined ? day : daysFromCivil(number(6), number(7), number(8))
      const openMs = zone.toInstant(day * DAY + number(4) * HOUR + number(5) * MINUTE)
      const closeMs = zone.toInstant(last * DAY + number(9) * HOUR + number(10) * MINUTE)
      if (openMs === null || closeMs === null || closeMs <= openMs) return null
      const known = days.get(day)?.hours
      const hours = {
        openMs: Math.min(openMs, known?.openMs ?? openMs),
        closeMs: Math.max(closeMs, known?.closeMs ?? closeMs),
      }
      days.set(day, { day, hours })
    }
  }
  return [...days.values()].sort((a, b) => a.day - b.day)
}

/** What differs between a contract's hours and the calendar, in words; empty where nothing does. */
export function hourDifferences(days: readonly ContractDay[]): string[] {
  const clock = (ms: number): string => {
    const local = (((ms + newYork.offsetAt(ms)) % DAY) + DAY) % DAY
    const minutes = Math.floor(local / MINUTE)
    return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  }
  const words = (hours: { readonly openMs: number; readonly closeMs: number } | null): string =>
    hours === null ? 'closed' : `${clock(hours.openMs)} to ${clock(hours.closeMs)}`
  return days
    .filter(({ day }) => day >= FIRST_DAY && day <= LAST_DAY)
    .flatMap(({ day, hours }) => {
      const ours = sessionOn(day)
      const same =
        ours === null ? hours === null : ours.openMs === hours?.openMs && ours.closeMs === hours.closeMs
      return same
        ? []
        : [`${formatDate(day)}: the broker has ${words(hours)}, the calendar of jules ${words(ours)}`]
    })
}
