/** Hours of `jules dash`, faster: a run that is written all the time, readers that come and go, pages that are asked for. */
import { appendFileSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { Dashboard } from '../../src/dash/dashboard.js'
import { startServer } from '../../src/dash/server.js'
import { lockWorldOf } from '../support/lock-world.js'
import { rounds, tried } from '../support/torture.js'
import { Workdir } from '../support/workdir.js'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Megabytes of the heap and of buffers, once all that can go has gone. */
function megabytes(): number {
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1e6
}

test('memory does not grow with the length of a run, of events, or of the day', async () => {
  const dir = new Workdir('jules-soak-')
  const path = dir.write('r.ndjson', '')
  const dashboard = new Dashboard({
    ...{ places: [dir.path], registry: null, world: lockWorldOf(1), clock: Date.now, boot: 'b0' },
    later: () => () => {},
    failed: (error) => {
      throw error
    },
  })
  await dashboard.open()
  const server = await startServer({
    ...{ dashboard, stored: () => null, address: '127.0.0.1', port: 0, token: null, hosts: [] },
    memory: () => 0,
  })
  onTestFinished(async () => {
    await server.close()
    await dashboard.close()
  })
  // A round is ten minutes of seconds, with a fill a second and a reader that comes, reads and goes.
  const hours = rounds({ short: 1, full: 24 })
  const measured: number[] = []
  let second = 0
  for (let round = 0; round < 6 * hours; round++) {
    for (let look = 0; look < 20; look++) {
      let lines = ''
      for (let n = 0; n < 30; n++, second++) {
        const time = new Date(Date.UTC(2025, 0, 1) + 1000 * second).toISOString().replace('.000', '')
        const value = 5000 + 50 * Math.sin(second / 700)
        lines += `{"type":"equity","time":"${time}","run":"r","cash":${value},"positions":{"NVDA":2},"marks":{"NVDA":180},"equity":${value},"pnl_day":1,"pnl_total":1,"drawdown":0.001}\n`
        lines += `{"type":"fill","time":"${time}","run":"r","symbol":"NVDA","side":"buy","qty":1,"price":180,"commission":0.35}\n`
      }
      appendFileSync(path, lines)
      await dashboard.look()
    }
    const reader = await fetch(`${server.url}events?after=b0-0`)
    await reader.body!.cancel()
    await (await fetch(server.url)).text()
    // Once in a while the file is begun anew, as by a rotation that copies it.
    if (round % 5 === 4) writeFileSync(path, '')
    if (round >= 2) measured.push(megabytes())
  }
  const [first, last] = [measured[0]!, measured.at(-1)!]
  tried(
    `${hours} hours of dash, ${second} points: ${first.toFixed(1)} MB, ${last.toFixed(1)} MB at the end, ${Math.max(...measured).toFixed(1)} MB at most`,
  )
  expect(Math.max(...measured) - first).toBeLessThan(6)
  // A reader that has left is noticed when its connection closes.
  while (server.clients() > 0) await new Promise(setImmediate)
})
