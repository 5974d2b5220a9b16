/** A training by one call, without a command line, is the training of `jules train`. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Manifest } from '../../src/agent/run/manifest.js'
import { trainRun } from '../../src/agent/run/train-run.js'
import { formatTime } from '../../src/base/time.js'
import type { Market } from '../../src/market/market.js'
import { parse, SHORT } from '../support/training.js'
import { RANDOM_BARS, shortPlan, trainingWorld } from '../support/training-world.js'
import { Workdir } from '../support/workdir.js'

const ndjson = ({ symbols, interval, length, time, open, high, low, close, volume }: Market): string =>
  Array.from({ length }, (_, i) =>
    symbols.map((symbol, k) =>
      JSON.stringify({
        type: 'bar',
        symbol,
        interval,
        time: formatTime(time[i]!),
        open: open[k]![i],
        high: high[k]![i],
        low: low[k]![i],
        close: close[k]![i],
        volume: volume[k]![i],
        session: 'rth',
        source: 'random',
      }),
    ),
  )
    .flat()
    .map((line) => `${line}\n`)
    .join('')

test('the same bars and settings give the bytes of the command, and backtest opens the folder', async () => {
  const dir = new Workdir()
  const { bars } = RANDOM_BARS
  dir.write('bars.ndjson', ndjson(bars.market))
  // Without the prior so short a run trades.
  const command = await dir.jules(['train', ...SHORT, '--hold-prior', '0', '-o', 'command', 'bars.ndjson'])
  expect(command.status).toBe(0)
  const manifest = (run: string): Manifest => JSON.parse(dir.read(`${run}/manifest.json`))
  const { inputs, settings, identity } = manifest('command')
  const [{ sha256 } = { sha256: '' }] = inputs
  const plan = shortPlan(dir.file('call'), { subject: { ...RANDOM_BARS, bars: { ...bars, sha256 } }, inputs })
  const free = { ...plan.settings, holdPrior: 0, entropy: [0.01, 0.01] as const }
  await trainRun(trainingWorld(), { ...plan, settings: free })
  expect([manifest('call').settings, manifest('call').identity]).toEqual([settings, identity])
  for (const name of ['policy.safetensors', 'best.safetensors', 'checkpoint.safetensors']) {
    const [call, other] = ['call', 'command'].map((run) => readFileSync(dir.file(`${run}/${name}`)))
    expect(call!.equals(other!), name).toBe(true)
  }
  const backtest = async (run: string) => {
    const { status, stdout } = await dir.jules(['backtest', '--policy', `model:${run}`, 'bars.ndjson'])
    expect(status).toBe(0)
    const { model, equity, trades } = parse(stdout).at(-1)
    return { sha256: model.sha256, equity, trades }
  }
  const called = await backtest('call')
  expect(called.trades).toBeGreaterThan(0)
  expect(called).toEqual(await backtest('command'))
})
