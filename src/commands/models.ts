/** `model:PATH` as a policy: a run folder (its best model, else its last) or one policy file. */
import { decodeModel, type Model } from '../agent/model.js'
import { layoutOf } from '../agent/network.js'
import type { Policy } from '../engine/policies.js'
import { featureSet } from '../env/features.js'
import type { Market } from '../market/align.js'
import { policyFile } from './transfer.js'

export interface LoadedModel {
  readonly path: string
  readonly model: Model
}

export async function loadModel(path: string): Promise<LoadedModel> {
  const file = await policyFile(path)
  return { path: file.path, model: decodeModel(file.bytes, file.path) }
}

export interface ModelPolicyOptions {
  readonly market: Market
  /** Name of the feature set that the bars are seen through. */
  readonly features: string
  readonly mask: Uint8Array
}

/** The model as a policy on these bars; refuses (65) what it was not trained for. */
export async function policyOf({ path, model }: LoadedModel, options: ModelPolicyOptions): Promise<Policy> {
  const { checkModel, modelPolicy } = await import('../agent/model-policy.js')
  const { market, features, mask } = options
  const surroundings = { name: path, features: featureSet(features)!, interval: market.interval, mask }
  checkModel(model, surroundings)
  const { cpuEngine } = await import('../agent/cpu/engine.js')
  return modelPolicy(model, await cpuEngine(layoutOf(model.shape)), surroundings)
}

/** Sessions that the model has seen in training or validation, as a record; null where it names none. */
export const seenBy = ({ model }: LoadedModel) =>
  model.data === null ? null : { train: model.data.train, validation: model.data.validation }
