/** From options and operands to the plan of a training; bars, models and curricula are read here. */
import type { TrainingSettings } from '../../agent/ppo/settings.js'
import { type Initial, initialFrom } from '../../agent/run/initial.js'
import { input } from '../../agent/run/manifest.js'
import type { PhasePlan, TrainingPlan } from '../../agent/run/plan.js'
import { type Parts, type Split, splitAt } from '../../agent/run/split.js'
import { SINGLE_INPUTS } from '../../agent/tasks/trading.js'
import { badData, usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import type { Interval } from '../../market/bar.js'
import { placeOf } from '../wiring/input.js'
import { type LoadedMarket, loadMarket, type MarketInput, marketDigest } from '../wiring/market.js'
import { featuresOf, rulesOf } from '../wiring/strategy.js'
import { type CurriculumPhase, readCurriculum, refuseSteps } from './curriculum.js'
import { absolute, type Given, isExcluded, settingsOf } from './options.js'

export interface Asked extends Pick<TrainingPlan, 'place' | 'startedMs'> {
  readonly given: Given
  readonly bars: MarketInput
  /** Texts of the options that were set. */
  readonly texts: Readonly<Record<string, string>>
}

/** Reads what the options name. Throws 64 for options that contradict each other, 65 and 66 for bars, models and curricula. */
export async function planOf(
  context: Context,
  { given, bars: read, texts, place, startedMs }: Asked,
): Promise<TrainingPlan> {
  const { operands } = read
  if (given.env !== undefined && operands.length > 0)
    throw usage(`--env ${given.env} reads no bars: got ${operands[0]}`)
  const curriculum =
    given.curriculum === undefined ? null : await readCurriculum(given.curriculum, context.signal)
  if (curriculum !== null) refuseSteps(given.steps)
  const features = featuresOf(given.features)
  const initial = given['transfer-from'] === undefined ? null : await initialFrom(given['transfer-from'])
  const shaped = shapedBy(given, initial)
  let settings = settingsOf(shaped, features.name)
  const parts = partsOf(given)
  const bars = given.env === undefined ? await loadBars(context, given, read) : null
  if (bars?.market.isSingle) {
    if (given.alone !== undefined && given.alone > 0)
      throw usage('--alone: one symbol is alone from the first step to the last')
    settings = { ...settings, alone: 0 }
  } else if (bars !== null && initial !== null && initial.shape.inputs === SINGLE_INPUTS)
    settings = settingsOf(twiceAsWide(given, shaped), features.name)
  const interval = bars?.market.interval ?? null
  const phase = phaseOf(shaped, { features: features.name, interval })
  const places = await Promise.all(operands.map((operand) => placeOf(context, operand)))
  const inputs = [
    bars && input('bars', places.length === 0 ? 'store' : places.join(' '), bars),
    initial && input('model', absolute(context, initial.path), initial),
    curriculum && input('curriculum', absolute(context, given.curriculum!), curriculum),
  ].filter((one) => one !== null)
  return {
    subject:
      bars === null
        ? { kind: 'benchmark', task: given.env! }
        : {
            kind: 'trading',
            bars,
            features,
            rules: rulesOf(given, bars.market.interval),
            ...(parts === null ? {} : { split: splitOf(bars, parts) }),
          },
    settings,
    longOnly: given['long-only'],
    warmup: given.warmup,
    phases: curriculum?.phases.map(phase) ?? null,
    evaluateEvery: given['eval-every'] ?? null,
    checkpointEvery: given['checkpoint-every'] ?? null,
    earlyStop: given['early-stop'] ?? null,
    initial,
    place,
    extensions: extensionsOf(place),
    startedMs,
    inputs,
    options: texts,
    operands: places,
  }
}

/** The bars of the input without the sessions that are to be left out. */
async function loadBars(context: Context, given: Given, read: MarketInput): Promise<LoadedMarket> {
  const loaded = await loadMarket(context, given, read, { single: true })
  if (given.exclude === undefined) return loaded
  const market = loaded.market.without(isExcluded(given.exclude))
  if (market.length === 0) throw usage('--exclude: no session is left')
  const left = loaded.market.sessions.length - market.sessions.length
  context.ui.note(`${left} of ${loaded.market.sessions.length} sessions are left out`, { excluded: left })
  return { ...loaded, market, sha256: marketDigest(market) }
}

/** Null where the parts are the usual ones. Throws 64 for parts of a task, which has no sessions. */
function partsOf({
  env,
  exclude,
  'validation-sessions': validation,
  'test-sessions': test,
}: Given): Parts | null {
  const named = { 'validation-sessions': validation, 'test-sessions': test, exclude }
  const first = Object.entries(named).find(([, value]) => value !== undefined)?.[0]
  if (env !== undefined && first !== undefined) throw usage(`--${first}: the task ${env} has no sessions`)
  if (validation === undefined && test === undefined) return null
  return { validation: validation ?? null, test: test ?? null }
}

function splitOf({ market, name }: LoadedMarket, parts: Parts): Split {
  const count = market.sessions.length
  const split = splitAt(count, parts)
  if (split !== null) return split
  throw badData(`${count} sessions leave none to train on, with those that validate and test`, {
    where: name,
  })
}

/** Those that the run has had, and the one that is asked for now. */
function extensionsOf(place: TrainingPlan['place']): number[] {
  if (place.kind === 'new') return []
  const past = (place.manifest.extensions ?? []).map(({ steps }) => steps)
  return place.extend === null ? past : [...past, place.extend]
}

/** A model of one symbol is best taken over twice, once for each: the widths that are not set are twice its own. */
const twiceAsWide = (given: Given, shaped: Given): Given => ({
  ...shaped,
  hidden: given.hidden ?? 2 * shaped.hidden!,
  net: given.net ?? shaped.net!.map((width) => 2 * width),
})

/** The network of a model to start from is the default of the new one. */
function shapedBy(given: Given, initial: Initial | null): Given {
  if (initial === null) return given
  const { hidden, lstm, layers, net, activation } = initial.shape
  return {
    ...given,
    hidden: given.hidden ?? hidden,
    lstm: given.lstm ?? lstm,
    layers: given.layers ?? layers,
    net: given.net ?? net,
    activation: given.activation ?? activation ?? undefined,
  }
}

/** A phase is the options of the run, with its own in their place. */
const phaseOf =
  (given: Given, { features, interval }: { readonly features: string; readonly interval: Interval | null }) =>
  ({ name, values }: CurriculumPhase): PhasePlan => {
    const own = { ...given, ...values } as Given
    const rules = interval === null ? null : rulesOf(own, interval)
    const settings: TrainingSettings = settingsOf(own, features)
    return { name, values, settings, rules }
  }
