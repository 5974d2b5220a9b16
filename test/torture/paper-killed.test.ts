/** Paper trading that dies at any moment, and is started again. */
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { stream } from '../../src/base/rng.js'
import { randomPolicy } from '../../src/trading/policies.js'
import { type Bomb, heldAt, type Play, play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { moments, rounds, tried } from '../support/torture.js'
import { Workdir } from '../support/workdir.js'

const WARMUP = 50
const thirty: Play = {
  market: randomMarket({ sessions: 1, seed: 5, bps: 25 }).slice(0, WARMUP + 31),
  policy: () => randomPolicy(stream(4, 'killed')),
  warmup: WARMUP,
}

/** Records but for what a broker numbers. */
const bare = (lines: readonly string[]) => lines.map((line) => line.replace(/"exec":"[^"]*"/, '"exec":""'))

test(
  'killed at any write and any message, and started again: no order twice, no fill lost, the same records',
  async () => {
    const dir = new Workdir()
    const first = await simFor(thirty)
    const whole = await play(thirty, first, join(dir.path, 'whole.ndjson'))
    await first.close()
    expect(whole.ending).toBe('data')
    const expected = await told(join(dir.path, 'whole.ndjson'))
    expect(bare(expected.lines)).toEqual(bare(whole.lines))
    expect(whole.lines.filter((line) => line.includes('"fill"')).length).toBeGreaterThan(20)
    const count = rounds({ short: 20, full: whole.effects })
    const points = moments('paper killed', { count, from: 1, to: whole.effects + 1 })
    let broken = 0
    const different: string[] = []
    for (const [i, point] of points.entries()) {
      const bomb: Bomb = { at: Math.floor(point), when: (['before', 'torn', 'after'] as const)[i % 3]! }
      const path = join(dir.path, `${i}.ndjson`)
      const sim = await simFor(thirty)
      const words = `${bomb.when} effect ${bomb.at}`
      const died = await play(thirty, sim, path, { bomb })
      if (died.ending === 'crash') broken++
      const again = died.ending === 'crash' ? await play(thirty, sim, path) : died
      const found = await told(path)
      const { positions, cash } = heldAt(sim, thirty)
      const isSame =
        again.ending === 'data' &&
        isDeepStrictEqual(bare(found.lines), bare(expected.lines)) &&
        isDeepStrictEqual(positions, found.positions) &&
        Math.abs(cash - found.cash) < 1e-6 &&
        sim.violations.size === 0
      if (!isSame) different.push(`${words}: ${again.ending}, ${[...sim.violations]}`)
      await sim.close()
    }
    tried(`${broken} of ${points.length} runs that died`)
    expect(different).toEqual([])
    expect(broken).toBeGreaterThan(0)
  },
  rounds({ short: 120_000, full: 1_200_000 }),
)
