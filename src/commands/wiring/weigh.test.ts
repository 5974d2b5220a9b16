import { expect, test } from 'vitest'
import { BUILT, TINY } from '../../../test/support/engines.js'
import { cpuEngine } from '../../agent/engines/cpu/engine.js'
import { TRADING } from '../../agent/ppo/settings.js'
import { Failure } from '../../base/errors.js'
import { weigh } from './weigh.js'

const settings = { ...TRADING, steps: 2e5, envs: 2, rolloutSteps: 8, bptt: 4, batch: 8 }
const { signal } = new AbortController()

/** What is said where each call of the first engine takes `own` milliseconds, and of the other `other`. */
async function said(own: number, other: number, stop = signal): Promise<string[]> {
  let now = 0
  const slow = async (name: string, ms: number) => {
    const engine = await cpuEngine(TINY, BUILT)
    const { gradient, policyStep } = engine
    return Object.assign(engine, {
      name,
      gradient: (...args: Parameters<typeof gradient>) => {
        now += ms
        gradient.apply(engine, args)
      },
      policyStep: (...args: Parameters<typeof policyStep>) => {
        now += ms
        policyStep.apply(engine, args)
      },
    })
  }
  const words: string[] = []
  const engine = await slow('tfjs node-gpu', own)
  const ui = { note: (line: string) => void words.push(line) }
  await weigh(
    { signal: stop, ui },
    engine,
    { settings, phases: null },
    () => slow('cpu', other),
    () => now,
  )
  // Adam has taken no step that the run would see.
  const { first, steps } = engine.readMoments()
  expect([steps, first.every((value) => value === 0)]).toEqual([0, true])
  engine.dispose()
  return words
}

test('one line says what the run costs on each engine, and which is the faster one', async () => {
  // 12,500 rollouts of 8 steps and 5 epochs of 2 minibatches.
  expect(await said(1, 0.1)).toEqual([
    'the arithmetic of 200,000 steps takes about 3.8 min on tfjs node-gpu, 23 s on cpu, by ten minibatches of each: without --gpu it is faster',
  ])
  expect(await said(1, 100)).toEqual([
    'the arithmetic of 200,000 steps takes about 3.8 min on tfjs node-gpu, 6.3 h on cpu, by ten minibatches of each: tfjs node-gpu is the faster one',
  ])
})

test('a minibatch that only the GPU has memory for is no reason to stop', async () => {
  const engine = await cpuEngine(TINY, BUILT)
  const words: string[] = []
  const rival = Object.assign(await cpuEngine(TINY, BUILT), {
    gradient: () => {
      throw new Failure('usage', 'this network and minibatch need more than 1 GiB of memory')
    },
  })
  const ui = { note: (line: string) => void words.push(line) }
  await weigh({ signal, ui }, engine, { settings, phases: null }, async () => rival)
  expect(words).toEqual([])
})
