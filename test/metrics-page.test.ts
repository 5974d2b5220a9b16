/** Every figure of the summary is defined, and nothing else is. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Workdir } from './support/workdir.js'

/** Keys that a part of the page defines. */
const defined = (part: string): string[] =>
  [...part.matchAll(/^\.It Li (.*)$/gm)].flatMap((match) => match[1]!.split(', ')).sort()
const keysOf = (line: string): string[] =>
  Object.keys(JSON.parse(line))
    .filter((key) => key !== 'type')
    .sort()

test('jules-metrics(7) defines each key of a summary, and no other', async () => {
  const [ofRuns, ofSeries, ofEvaluations] = readFileSync('man/jules-metrics.7', 'utf8').split(
    /^\.Sh A(?: SERIES OF RETURNS|N EVALUATION)$/m,
  )
  const dir = new Workdir()
  const { stdout } = await dir.shell(
    'jules fetch --mock --days 2 | jules backtest --policy sma-cross --records summary -',
  )
  expect(defined(ofRuns!)).toEqual(keysOf(stdout))
  const series = await dir.called(['evaluate', '--returns', '-'], { input: '0.01\n' })
  expect(defined(ofSeries!)).toEqual(keysOf(series.stdout))
  const forward = await dir.shell('jules fetch --mock --days 2 | jules evaluate --policy sma-cross -')
  expect(defined(ofEvaluations!)).toEqual(keysOf(forward.stdout.trimEnd().split('\n').at(-1)!))
})
