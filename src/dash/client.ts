/**
 * A reader of events over one response. Nothing is queued for it but what the socket holds: while that is full it is not written to,
 * and then it goes on where it stood, or is told to begin anew where that is no longer known.
 */
import type { ServerResponse } from 'node:http'
import type { EventLog } from './events.js'

/** Bytes that wait in a socket at most, but for one event. */
const MOST_WAITING = 1 << 18

/** Follows the events from after `lastId` on, until the connection or `stop` ends it. */
export function follow(response: ServerResponse, events: EventLog, lastId: string | null): () => void {
  const place = events.place(lastId)
  let { after } = place
  response.write('retry: 1000\n\n')
  if (place.isLost) response.write(events.lostText())
  const pump = () => {
    while (!response.destroyed && response.writableLength < MOST_WAITING) {
      const event = events.after(after)
      if (event === null) return
      if (event === 'lost') {
        after = events.last
        response.write(events.lostText())
        return
      }
      after = event.number
      response.write(event.text)
    }
  }
  const forget = events.onEvent(pump)
  response.on('drain', pump)
  pump()
  return () => {
    forget()
    response.off('drain', pump)
  }
}
