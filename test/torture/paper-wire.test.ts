/** The command on the wire, killed twenty times in one day. */
import { expect, test } from 'vitest'
import { stream } from '../../src/base/rng.js'
import { smaCross } from '../../src/trading/policies.js'
import { heldAt, play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { moments } from '../support/torture.js'
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
  // In the middle of what comes after a number of bars, a few milliseconds on.
  const points = moments('paper on the wire', { count: KILLS, from: 1, to: 15 })
  const order = stream(3, 'order of kills')
  for (const point of points.sort(() => order.uniform() - 0.5)) {
    const child = dir.start(BIN, [...args, '--run', 'r', '--records', 'equity'])
    const ended = finished(child)
    let lines = 0
    child.stdout!.on('data', (data: Buffer) => {
      lines += data.toString().split('\n').length - 1
      if (lines >= point) setTimeout(() => child.kill('SIGKILL'), 10 * (point % 1))
    })
    expect((await ended).signal).toBe('SIGKILL')
  }
  const last = await dir.jules([...args, '--run', 'r'])
  expect(last.status).toBe(0)
  expect(last.stderr).toMatch(
    /^jules paper: warning: the clock of this host is [^\n]* ahead of the broker's\n$/,
  )
  const found = await told(journal)
  expect(bare(found.lines)).toEqual(bare(expected.lines))
  const { positions, cash } = heldAt(sim, day)
  expect(positions).toEqual(found.positions)
  expect(cash).toBeCloseTo(found.cash, 6)
  expect(sim.violations).toEqual(new Map())
  await sim.close()
}, 120_000)
