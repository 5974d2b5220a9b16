/** A load that is killed, and run again. */
import { expect, test } from 'vitest'
import { FINGERPRINT, lines, noTrace } from '../support/store.js'
import { moments, rounds } from '../support/torture.js'
import { BIN, finished, freshDatabase, Workdir } from '../support/workdir.js'

test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  '%s at any moment, run again: the undisturbed rows',
  async (signal) => {
    const dir = new Workdir()
    const undisturbed = await freshDatabase()
    const input = dir.write('bars.ndjson', lines)
    await dir.jules(['load', '--dsn', undisturbed.dsn, input])
    const disturbed = await freshDatabase()
    const statuses = new Set<string>()
    const count = rounds({ short: 2, full: 20 })
    for (const delay of moments(`load ${signal}`, {
      count,
      from: 60,
      to: rounds({ short: 600, full: 1500 }),
    })) {
      const child = dir.start(BIN, ['load', '--dsn', disturbed.dsn, input])
      const ended = finished(child)
      setTimeout(() => child.kill(signal), delay)
      const { status, signal: by, stderr } = await ended
      // A signal before the program has begun ends it in the system's own way, which shells report as the same number.
      statuses.add(String(status ?? (by === 'SIGTERM' ? 143 : by === 'SIGINT' ? 130 : by)))
      noTrace(stderr)
      const [{ n } = { n: -1 }] = await disturbed
        .query('SELECT count(*)::int AS n FROM market_data')
        .catch(() => [{ n: 0 }])
      // Whole batches or nothing.
      expect(Number(n) % 50_000, `${signal} after ${delay} ms`).toBe(0)
    }
    const expected = { SIGKILL: 'SIGKILL', SIGTERM: '143', SIGINT: '130' }[signal]
    // The last ones may have found the command done, the first ones interrupted it.
    expect([...statuses].filter((status) => status !== '0')).toEqual([expected])
    expect((await dir.jules(['load', '--dsn', disturbed.dsn, input])).status).toBe(0)
    expect(await disturbed.query(FINGERPRINT)).toEqual(await undisturbed.query(FINGERPRINT))
  },
)
