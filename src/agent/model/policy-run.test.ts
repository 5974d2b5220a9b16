/** A recurrent policy at work, stopped before every bar of a day: its memory goes on with the run. */
import { expect, test } from 'vitest'
import { BUILT } from '../../../test/support/engines.js'
import { day, stoppedAtEveryBar } from '../../../test/support/live-run.js'
import { stream } from '../../base/rng.js'
import { actionMask } from '../../env/actions.js'
import { featureSet } from '../../env/features.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import { cpuEngine } from '../engines/cpu/engine.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { ACTION_TARGETS, modelPolicy } from './policy.js'

const shape: NetworkShape = {
  inputs: OBSERVATION_SIZE,
  hidden: 8,
  actions: 9,
  lstm: 'separate',
  layers: 1,
  net: [],
  activation: 'tanh',
}

test('a model stopped at every bar and taken up from its text writes the same bytes', async () => {
  const features = featureSet('intraday')!
  const layout = layoutOf(shape)
  const rng = stream(4, 'parameters')
  const mask = actionMask(false)
  const model = {
    spec: {
      task: 'trading',
      features: { set: features.name, columns: features.columns },
      interval: '1m',
      actions: ACTION_TARGETS,
      mask: [...mask],
      holdPrior: 0.3,
    },
    shape,
    parameters: Float32Array.from({ length: layout.size }, () => rng.normal()),
    normaliser: null,
    settings: {},
    steps: 1,
    data: null,
  }
  const engine = await cpuEngine(layout, BUILT)
  const make = () => modelPolicy(model, engine, { name: 'm', features, interval: '1m', mask })
  expect(stoppedAtEveryBar(make, 'intraday')).toBeGreaterThan(day.length)
  // Without its memory it is another run.
  const forgetful = () => {
    const { restore: _restore, ...rest } = make()
    return rest
  }
  expect(() => stoppedAtEveryBar(forgetful, 'intraday')).toThrow('differs')
  await engine.dispose()
})
