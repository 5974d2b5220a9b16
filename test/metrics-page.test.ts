/** Every figure of the summary is defined, and nothing else is. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Workdir } from './support/workdir.js'

test('jules-metrics(7) defines each key of a summary, and no other', async () => {
  const { stdout } = await new Workdir().shell(
    'jules fetch --mock --days 2 | jules backtest --policy sma-cross --records summary -',
  )
  const page = readFileSync('man/jules-metrics.7', 'utf8')
  const defined = [...page.matchAll(/^\.It Li (.*)$/gm)].flatMap((match) => match[1]!.split(', '))
  const keys = Object.keys(JSON.parse(stdout)).filter((key) => key !== 'type')
  expect(defined.sort()).toEqual(keys.sort())
})
