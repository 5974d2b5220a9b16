/** The command on the wire, killed twenty times in one day. */
import { expect, test } from 'vitest'
import { stream } from '../../src/base/rng.js'
import { smaCross } from '../../src/trading/policies.js'
import { heldAt, play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { moments, tried } from '../support/torture.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

const day = {
  market: randomMarket({ sessions: 1, seed: 11, bps: 20 }),
  policy: smaCross,
  warmup: 50,
}
const KILLS = 20

const bare = (lines: readonly string[]) =>
  lines.map((line) => line.replace(/"exec":"[^"]*"|"run":"[^"]*"/g, ''))

test('SIGKILL twenty times in a day, and started again: the records of a day without', async () => {
  const dir = new Workdir()
  const quiet = await simFor(day)
  await play(day, quiet, dir.file('whole.ndjson'))
  await quiet.close()
  const expected = await told(dir.file('whole.ndjson'))
  const sim = await simFor(day)
  const journal = dir.file('j.ndjson')
  const args = [
    ...['paper', '--gateway', `${sim.host}:${sim.port}`, '--max-messages-per-sec', '1000000'],
    ...['--journal', journal, '--policy', 'sma-cross'],
  ]
  const waits = moments('paper on the wire', { count: KILLS, from: 500, to: 1100 })
  const order = stream(3, 'order of waits')
  let killed = 0
  let stderr = ''
  for (const wait of waits.sort(() => order.uniform() - 0.5)) {
    const child = dir.start(BIN, [...args, '--run', 'r'])
    const ended = finished(child)
    const timer = setTimeout(() => child.kill('SIGKILL'), wait)
    const { signal } = await ended
    clearTimeout(timer)
    if (signal !== 'SIGKILL') break
    killed++
  }
  const last = await dir.jules([...args, '--run', 'r'])
  stderr = last.stderr
  tried(`${killed} kills`)
  expect(last.status).toBe(0)
  expect(stderr).toMatch(/^jules paper: warning: the clock of this host is [^\n]* ahead of the broker's\n$/)
  const found = await told(journal)
  expect(bare(found.lines)).toEqual(bare(expected.lines))
  const { positions, cash } = heldAt(sim, day)
  expect(positions).toEqual(found.positions)
  expect(cash).toBeCloseTo(found.cash, 6)
  expect(sim.violations).toEqual(new Map())
  await sim.close()
  expect(killed).toBeGreaterThan(5)
}, 120_000)
