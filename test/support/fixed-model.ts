/** A recurrent model of fixed weights that trades now and then: nothing is trained. */

import { cpuEngine } from '../../src/agent/engines/cpu/engine.js'
import { Actor, type ActorOptions } from '../../src/agent/model/actor.js'
import { ACTION_TARGETS, modelPolicy } from '../../src/agent/model/policy.js'
import { layoutOf, type NetworkShape } from '../../src/agent/network/network.js'
import { stream } from '../../src/base/rng.js'
import { actionMask } from '../../src/env/actions.js'
import { featureSet } from '../../src/env/features.js'
import { OBSERVATION_SIZE } from '../../src/env/observation.js'
import type { Policy } from '../../src/trading/policy.js'
import { BUILT } from './engines.js'

const shape: NetworkShape = {
  inputs: OBSERVATION_SIZE,
  hidden: 8,
  actions: 9,
  lstm: 'separate',
  layers: 1,
  net: [],
  activation: 'tanh',
}

/** The model as a policy, and as an actor of its own memory; `end` gives the engine back. */
export async function fixedModel(holdPrior = 0.3) {
  const features = featureSet('intraday')!
  const layout = layoutOf(shape)
  const rng = stream(4, 'parameters')
  const mask = actionMask(false)
  const parameters = Float32Array.from({ length: layout.size }, () => rng.normal())
  const model = {
    spec: {
      task: 'trading',
      features: { set: features.name, columns: features.columns },
      interval: '1m',
      actions: ACTION_TARGETS,
      mask: [...mask],
      holdPrior,
    },
    shape,
    parameters,
    normaliser: null,
    settings: {},
    steps: 1,
    data: null,
  }
  const engine = await cpuEngine(layout, BUILT)
  const options: ActorOptions = { normaliser: null, mask, holdPrior }
  return {
    policy: (): Policy => modelPolicy(model, engine, { name: 'm', features, interval: '1m', mask }),
    actor: (): Actor => {
      engine.writeParameters(parameters)
      return new Actor(engine, options)
    },
    end: () => engine.dispose(),
  }
}
