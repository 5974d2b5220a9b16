import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { follow } from './client.js'
import { EventLog } from './events.js'

/** A connection that takes nothing until it is told to. */
function connection() {
  const taken: string[] = []
  let isOpen = false
  let go: (() => void) | null = null
  const socket = new Writable({
    decodeStrings: false,
    write: (piece: string, _, done) => {
      taken.push(piece)
      if (isOpen) done()
      else go = done
    },
  })
  return {
    response: socket as unknown as ServerResponse,
    /** Bytes that wait for it. */
    waiting: () => socket.writableLength,
    open: async () => {
      isOpen = true
      go?.()
      // Two turns: what waited, and what that made room for.
      for (let n = 0; n < 3; n++) await new Promise((done) => setImmediate(done))
    },
    /** The numbers of the events that came, and `anew` where it is told to begin anew. */
    came: () =>
      taken.flatMap((text) =>
        [...text.matchAll(/^id: b0-(\d+)\nevent: (\w+)/gm)].map(([, id, event]) =>
          event === 'page' ? `anew ${id}` : Number(id),
        ),
      ),
  }
}

const added = (events: EventLog, count: number) => {
  for (let n = 0; n < count; n++) events.add('texts', 'x'.repeat(1000))
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

test('nothing is queued for a reader that does not read, beyond what its socket holds', () => {
  const events = new EventLog({ boot: 'b0' })
  const { response, waiting } = connection()
  follow(response, events, null)
  added(events, 20_000)
  expect(waiting()).toBeGreaterThan(1 << 18)
  expect(waiting()).toBeLessThan((1 << 18) + 2000)
})

test('one that reads again within what is kept has all; one that comes too late is told to begin anew, and goes on from there', async () => {
  const events = new EventLog({ boot: 'b0' })
  const quick = connection()
  follow(quick.response, events, null)
  added(events, 600)
  await quick.open()
  expect(quick.came()).toEqual(numbers(1, 600))

  const slow = connection()
  const stop = follow(slow.response, events, 'b0-600')
  added(events, 4000)
  await slow.open()
  const came = slow.came()
  const last = came.indexOf('anew 4600')
  // What the socket held, without a gap, then the word, and no event twice.
  expect(last).toBeGreaterThan(100)
  expect(came).toEqual([...numbers(601, 600 + last), 'anew 4600'])
  added(events, 2)
  expect(slow.came().slice(last + 1)).toEqual([4601, 4602])
  stop()
  added(events, 1)
  expect(slow.came().at(-1)).toBe(4602)

  // Cut off, and back with the last that it has: the word, or what it lacks.
  const back = connection()
  follow(back.response, events, `b0-${600 + last}`)
  await back.open()
  expect(back.came()).toEqual(['anew 4603'])
  const soon = connection()
  follow(soon.response, events, 'b0-4601')
  await soon.open()
  expect(soon.came()).toEqual([4602, 4603])
})
