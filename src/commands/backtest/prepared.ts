/** From options to a run that is ready to begin: the policy, the model, the bars, the rules, and the name that follows from them. */
import { sha256 } from '../../base/digest.js'
import { badData } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { integer, under, type Values } from '../../cli/options.js'
import { actionMask } from '../../env/actions.js'
import { FeatureTable } from '../../env/features.js'
import { storedRules } from '../../trading/rules.js'
import { type LoadedMarket, loadMarket, type MarketInput, marketOptions } from '../wiring/market.js'
import { followModel, loadModel, policyOf, trialsOf } from '../wiring/models.js'
import { execTimeout, policyOption, preparedPolicy } from '../wiring/policies.js'
import { modelPath } from '../wiring/runs.js'
import { featuresOf, rulesOf, strategyOptions } from '../wiring/strategy.js'

/** All that decides what happens in a run. */
export const decisiveOptions = {
  ...marketOptions,
  ...under('Policy', {
    policy: policyOption,
    'exec-timeout': execTimeout,
    seed: integer('N', 'seed of the policy random', { fallback: 1, min: 0, max: 4_294_967_295 }),
  }),
  ...strategyOptions,
}

export type Decisive = Values<typeof decisiveOptions>

export interface PreparedOptions<F> {
  /** Where the bars are; asked for once the policy is known to be one. */
  readonly bars: (given: F) => Promise<MarketInput>
  /** Whether the value of each decision is asked of a model. */
  readonly values?: boolean
}

export type PreparedRun = Awaited<
  ReturnType<typeof preparedRun<Decisive & { readonly run?: string | undefined }>>
>

/** Throws what its parts do: 64, 65 and 66 for policy, model and bars. */
export async function preparedRun<F extends Decisive & { readonly run?: string | undefined }>(
  context: Context,
  asked: F,
  { bars: input, values = false }: PreparedOptions<F>,
) {
  const chosen = asked.policy ?? { kind: 'flat' }
  const ready = await preparedPolicy(context, chosen, asked)
  const model = chosen.kind === 'model' ? await loadModel(await modelPath(context, chosen.path)) : null
  const { given, notes } = followModel(context, asked, model)
  const trials = model === null ? null : await trialsOf(context, model)
  const bars = await input(given)
  const loaded = await loadMarket(context, given, bars, { single: true })
  const { market } = loaded
  const rules = rulesOf(given, market.interval)
  const { warmup, 'long-only': longOnly } = given
  refuseFew(loaded, warmup)
  const set = featuresOf(given.features)
  const policy =
    ready ??
    (await policyOf(model!, {
      market,
      features: set.name,
      mask: actionMask(longOnly, market.isSingle),
      values,
    }))
  const features = policy.observes ? new FeatureTable(market, set) : null
  const settings = {
    // What decides, wherever it lies: a model is its bytes, a replay its actions.
    policy: policy.identity ?? policy.name,
    model: model?.sha256 ?? null,
    rules: storedRules(rules),
    longOnly,
    warmup,
    features: set.name,
  }
  const run = given.run ?? `bt-${digest(settings, loaded.sha256)}`
  return {
    run,
    given,
    chosen,
    notes,
    model,
    trials,
    bars,
    loaded,
    market,
    rules,
    longOnly,
    set,
    policy,
    features,
  }
}

function refuseFew({ market, name }: LoadedMarket, warmup: number): void {
  if (market.length >= warmup + 2) return
  const bars = `${market.length} bars of ${market.traded.join(' and ')}`
  throw badData(`${bars}: too few for a warm-up of ${warmup} and one decision`, {
    where: name,
    hint: 'give more bars, or a shorter --warmup',
  })
}

const digest = (...parts: unknown[]): string => sha256(JSON.stringify(parts)).slice(0, 12)
