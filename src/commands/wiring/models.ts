/** `model:PATH` as a policy: a run folder (its best model, else its last) or one policy file. */
import { decodeModel, lastMet, type Model, seenSpans } from '../../agent/model/model.js'
import { layoutOf } from '../../agent/network/network.js'
import { policyFile } from '../../agent/run/initial.js'
import { registered, registryFile, trialsOn } from '../../agent/run/registry.js'
import { badData, Failure } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import type { Options } from '../../cli/options.js'
import { featureSet } from '../../env/features.js'
import type { Market } from '../../market/market.js'
import type { Policy } from '../../trading/policy.js'
import type { storedRules } from '../../trading/rules.js'
import { type StrategyFlags, strategyOptions } from './strategy.js'

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
  /** Whether the value of each decision is asked for. */
  readonly values?: boolean
}

/** The model as a policy on these bars; refuses (65) what it was not trained for. */
export const policyOf = async (loaded: LoadedModel, options: ModelPolicyOptions): Promise<Policy> =>
  (await heldPolicy(loaded, options)).policy

/** The same for one of many: its engine is let go by `dispose`. */
export async function heldPolicy(
  { path, model }: LoadedModel,
  options: ModelPolicyOptions,
): Promise<{ readonly policy: Policy; readonly dispose: () => void }> {
  const { modelPolicy } = await import('../../agent/model/policy.js')
  const { market, features, mask, values = false } = options
  const surroundings = {
    name: path,
    features: featureSet(features)!,
    interval: market.interval,
    mask,
    single: market.isSingle,
    values,
  }
  const { cpuEngine } = await import('../../agent/engines/cpu/engine.js')
  const engine = await cpuEngine(layoutOf(model.shape))
  return { policy: modelPolicy(model, engine, surroundings), dispose: () => engine.dispose() }
}

type Followed = StrategyFlags & { readonly features: string; readonly 'long-only': boolean }

/**
 * The options of a run with what the model was trained by in the place of defaults: capital, sizes, fills, costs, limits, features,
 * long-only. What was set otherwise, by a flag, the environment or the configuration, stays, and is told in `notes`. Throws 65
 * where the model holds what no option would take: its file may come from anywhere.
 */
export function followModel<F extends Followed>(
  context: Context,
  given: F,
  loaded: LoadedModel | null,
): { readonly given: F; readonly notes: readonly string[] } {
  const own = loaded === null ? null : optionsOf(loaded)
  if (own === null) return { given, notes: [] }
  const isSet = (name: string) => (context.settings.get(name)?.origin ?? 'default') !== 'default'
  // A size or a limit that is set goes before the model's word on all of them.
  if (isSet('max-position')) own.shares = undefined
  if (['max-day-loss', 'max-loss'].some(isSet)) own['no-limits'] = false
  const merged = { ...(given as object) } as Record<string, unknown>
  const notes: string[] = []
  for (const [name, value] of Object.entries(own)) {
    if (!isSet(name)) merged[name] = value
    else if (merged[name] !== value) {
      notes.push(`--${name} is ${merged[name] ?? 'unset'}; the model was trained with ${value ?? 'none'}`)
    }
  }
  return { given: merged as F, notes }
}

type StoredRules = ReturnType<typeof storedRules>

type Own = { -readonly [K in keyof Followed]?: Followed[K] | undefined }

/** What the model was trained by, as the options say it; rules only where its file has them. */
function optionsOf({ path, model }: LoadedModel): Own {
  const own = toldBy(model)
  for (const [name, value] of Object.entries(own ?? { rules: null })) {
    const problem = problemOf(strategyOptions[name as keyof Own], value)
    if (problem !== null)
      throw badData(`what it was trained by is damaged: ${name}: ${problem}`, { where: path })
  }
  return own ?? {}
}

/** Why an option would not take a value, or null; undefined is what an option without a default may be. */
function problemOf(option: Options[string] | undefined, value: unknown): string | null {
  if (value === undefined && option !== undefined && option.fallback === undefined) return null
  try {
    return option?.parse(String(value)) === value ? null : `got ${quote(value)}`
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
}

/** Null where the rules are not as they were written. */
function toldBy({ spec, settings }: Model): Own | null {
  const rules = settings.rules as StoredRules | null | undefined
  const seen = {
    ...(spec.features === null ? {} : { features: spec.features.set }),
    // A model without shorts has actions that none of its targets is below 0.
    'long-only':
      spec.actions?.every((targets, i) => (spec.mask[i] === 1) === targets.every((one) => one >= 0)) ?? false,
  }
  if (rules === undefined) return seen
  const { costs, limits } = rules ?? {}
  if (rules === null || !costs || !limits) return null
  // JSON has no infinity: a limit that is lifted is null.
  const lifted = limits.maxDayLoss === null
  return {
    ...seen,
    capital: rules.capital,
    'max-position': rules.maxPosition,
    shares: rules.shares ?? undefined,
    fractional: rules.fractional,
    fill: rules.fill,
    commission: costs.commission,
    'cost-bps': costs.costBps,
    'trade-penalty-bps': costs.tradePenaltyBps,
    'half-spread-bps': costs.halfSpreadBps,
    'impact-bps': costs.impactBps,
    participation: costs.participation ?? undefined,
    'no-limits': lifted,
    overnight: !lifted && limits.flatBeforeCloseMs === null,
    ...(lifted ? {} : { 'max-day-loss': limits.maxDayLoss, 'max-loss': limits.maxDrawdown }),
    'max-drawdown': rules.maxDrawdownFraction ?? undefined,
    'max-leverage': limits.maxLeverage ?? undefined,
  }
}

/** The model as the summary names it, with the sessions it has seen in training or validation. */
export function modelRecord({ path, sha256, model }: LoadedModel) {
  const { data, steps } = model
  const seen =
    data === null ? null : { train: data.train, validation: data.validation, before: data.before ?? [] }
  return { path, sha256, steps, seen }
}

/** Trainings that a model may be the best of, as far as the registry in the data directory knows: itself at the least. */
export async function trialsOf(context: Context, { model }: LoadedModel): Promise<number> {
  const { data, spec } = model
  if (data === null) return 1
  const runs = await registered(registryFile(context.paths.data))
  const { symbols, train, validation } = data
  return Math.max(1, trialsOn(runs, { symbols, interval: spec.interval, from: train[0], to: validation[1] }))
}

/** Said where a run from one date to another goes over sessions that the model has seen. */
export function seenNotes(model: LoadedModel, from: string, to: string): string[] {
  const last = seenTo(model, from, to)
  const unknown = model.model.data?.before?.includes(null)
  return [
    ...(last === null
      ? []
      : [`the model has seen sessions up to ${last}: only a result on later ones counts`]),
    ...(unknown ? ['the model it started from does not say which sessions it has seen'] : []),
  ]
}

/**
 * The last session that a model has seen in training or validation, itself or as one that it started from, where a run from one
 * date to another goes over such sessions; or null.
 */
export const seenTo = ({ model: { data } }: LoadedModel, from: string, to: string): string | null =>
  data === null ? null : lastMet(seenSpans(data), from, to)
