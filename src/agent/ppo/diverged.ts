/** The run has left the realm of numbers. */
import { Failure } from '../../base/errors.js'
import type { Engine } from '../engines/engine.js'

/** Exit 1: the last checkpoint stands. */
export class Diverged extends Failure {
  constructor(what: string, step: number) {
    super('no', `diverged at step ${step}: ${what}`, {
      hint: 'try a smaller --lr or --max-grad-norm',
      fields: { step },
    })
  }
}

/** Names the first tensor of the network that holds something else than numbers; else it is the loss. */
export function diverged(engine: Engine, step: number): Diverged {
  const parameters = engine.readParameters()
  for (const { name, offset, size } of engine.layout.tensors) {
    if (!parameters.subarray(offset, offset + size).every(Number.isFinite))
      return new Diverged(`${name} is not finite`, step)
  }
  return new Diverged('the loss is not finite', step)
}
