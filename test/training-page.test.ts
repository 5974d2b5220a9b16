/** The defaults in jules-training(7) and in the help of train are those of the code. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TRADING } from '../src/agent/ppo/settings.js'
import { learningOptions } from '../src/commands/train/options.js'

/** Default of each option, as help and manual write it. */
const DEFAULTS: Record<string, string> = {
  steps: String(TRADING.steps),
  envs: String(TRADING.envs),
  'n-steps': String(TRADING.rolloutSteps),
  'batch-size': String(TRADING.batch),
  epochs: String(TRADING.epochs),
  bptt: String(TRADING.bptt),
  gamma: String(TRADING.gamma),
  'gae-lambda': String(TRADING.lambda),
  clip: String(TRADING.clip[0]),
  'vf-coef': String(TRADING.valueCoefficient),
  'max-grad-norm': String(TRADING.maxNorm),
  lr: String(TRADING.rate[0]),
  'lr-end': String(TRADING.rate[1]),
  'ent-coef': String(TRADING.entropy[0]),
  'hold-prior': String(TRADING.holdPrior),
  hidden: String(TRADING.hidden),
  layers: String(TRADING.layers),
  net: TRADING.net.join() || 'none',
  lstm: TRADING.lstm,
  alone: String(TRADING.alone),
}

test('jules-training(7) gives the defaults of the code, each once', () => {
  const page = readFileSync('man/jules-training.7', 'utf8')
  const section = page.split(/^\.Sh /m).find((part) => part.startsWith('DEFAULTS'))!
  const items = [...section.matchAll(/^\.It Li (.*)$/gm)].flatMap((match) =>
    match[1]!.replaceAll('\\-', '-').split(', '),
  )
  expect(Object.fromEntries(items.map((item) => item.split(' ')))).toEqual(DEFAULTS)
})

test('the help of train gives the same', () => {
  const words = { 'lr-end': 'a tenth of --lr', 'norm-obs': 'on for --features classic' } as Record<
    string,
    string
  >
  expect([TRADING.normaliseObservations, TRADING.normaliseRewards]).toEqual([false, true])
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const { defaultText } = learningOptions[name as keyof typeof learningOptions]
    expect(defaultText?.split(/[, ]/)[0], name).toBe((words[name] ?? value).split(/[, ]/)[0])
  }
})
