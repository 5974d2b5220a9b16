/** `model:PATH` as a policy: a run folder (its best model, else its last) or one policy file. */
import { decodeModel, type Model } from '../../agent/model/model.js'
import { layoutOf } from '../../agent/network/network.js'
import { policyFile } from '../../agent/run/initial.js'
import type { Context } from '../../cli/context.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { featureSet } from '../../env/features.js'
import type { Market } from '../../market/market.js'
import type { Policy } from '../../trading/policy.js'
import { featuresOf } from './strategy.js'

export interface LoadedModel {
  readonly path: string
  readonly sha256: string
  readonly model: Model
}

/** The model that PATH names. Throws 66 where there is none, 65 where it is damaged. */
export async function loadModel(path: string): Promise<LoadedModel> {
  const { path: file, bytes, sha256 } = await policyFile(path)
  return { path: file, sha256, model: decodeModel(bytes, file) }
}

export interface ModelPolicyOptions {
  readonly market: Market
  /** Name of the feature set that the bars are seen through. */
  readonly features: string
  readonly mask: Uint8Array
}

/** The model as a policy on these bars; refuses (65) what it was not trained for. */
export async function policyOf({ path, model }: LoadedModel, options: ModelPolicyOptions): Promise<Policy> {
  const { modelPolicy } = await import('../../agent/model/policy.js')
  const { market, features, mask } = options
  const surroundings = { name: path, features: featureSet(features)!, interval: market.interval, mask }
  const { cpuEngine } = await import('../../agent/engines/cpu/engine.js')
  return modelPolicy(model, await cpuEngine(layoutOf(model.shape)), surroundings)
}

/** The features of a run: a model brings its own, and `checkModel` refuses others that are named. */
export function featuresFor(context: Context, given: string, model: LoadedModel | null): FeatureSet {
  const own =
    context.settings.get('features')?.origin === 'default' ? model?.model.spec.features?.set : undefined
  return featuresOf(own ?? given)
}

/** The model as the summary names it, with the sessions it has seen in training or validation. */
export function modelRecord({ path, sha256, model }: LoadedModel) {
  const { data, steps } = model
  const seen = data === null ? null : { train: data.train, validation: data.validation }
  return { path, sha256, steps, seen }
}

/** Said where a run from one date to another goes over sessions that the model has seen. */
export function seenNotes({ model }: LoadedModel, from: string, to: string): string[] {
  const { data } = model
  if (data === null || from > data.validation[1] || to < data.train[0]) return []
  return [`the model has seen sessions up to ${data.validation[1]}: only a result on later ones counts`]
}
