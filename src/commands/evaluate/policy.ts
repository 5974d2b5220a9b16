/** `--policy`: a policy that is there already, over sessions that it has not seen, in stretches. */
import { seenSpans } from '../../agent/model/model.js'
import { badData } from '../../base/errors.js'
import { formatDate } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { actionMask } from '../../env/actions.js'
import type { Window } from '../../evaluate/windows.js'
import type { Market } from '../../market/market.js'
import { loadMarket, marketInput } from '../wiring/market.js'
import { followModel, type LoadedModel, loadModel, policyOf } from '../wiring/models.js'
import { type PolicyChoice, preparedPolicy } from '../wiring/policies.js'
import { modelPath } from '../wiring/runs.js'
import type { Given } from './options.js'
import { tellResults } from './results.js'

export async function evaluatePolicy(
  context: Context,
  asked: Given & { readonly policy: PolicyChoice },
  operands: readonly string[],
): Promise<void> {
  const { policy: chosen } = asked
  const model = chosen.kind === 'model' ? await loadModel(await modelPath(context, chosen.path)) : null
  const { given, notes } = followModel(context, asked, model)
  const first = model === null ? await preparedPolicy(context, chosen, given) : null
  const loaded = await loadMarket(context, given, await marketInput(context, given, operands), {
    single: true,
  })
  const { market } = loaded
  const from = firstUnseen(market, model, given.warmup)
  if (from === null) {
    throw badData(
      model === null ? 'no session is left after the warm-up' : 'the model has seen all of these sessions',
      { where: loaded.name, hint: 'give more bars' },
    )
  }
  const windows = stretches(from, market.sessions.length, given['test-sessions'])
  const mask = actionMask(given['long-only'], market.isSingle)
  // One that does not fit these bars is refused before a line is written.
  if (model !== null) await policyOf(model, { market, features: given.features, mask })
  const unknown = model?.model.data?.before?.includes(null)
  await tellResults(context, {
    given,
    loaded,
    run: given.run ?? `ev-${loaded.sha256.slice(0, 12)}`,
    windows,
    models: null,
    policy: async () =>
      first === null
        ? policyOf(model!, { market, features: given.features, mask })
        : // A program goes on, and is told where a test begins.
          chosen.kind === 'exec'
          ? first
          : (await preparedPolicy(context, chosen, given))!,
    ended: (decisions) => first?.ended?.(decisions),
    name: model === null ? first!.name : `model:${model.path}`,
    folder: null,
    seen: unknown ? ['the model it started from does not say which sessions it has seen'] : [],
    notes,
    trials: model === null ? null : 'registry',
  })
}

/** The first session that the model has not seen and that has a decision after the warm-up. */
function firstUnseen(market: Market, loaded: LoadedModel | null, warmup: number): number | null {
  const data = loaded?.model.data ?? null
  const last =
    data === null
      ? ''
      : seenSpans(data).reduce((latest, span) => (span !== null && span[1] > latest ? span[1] : latest), '')
  const session = market.sessions.findIndex(
    ({ day }, i) => formatDate(day) > last && (market.sessions[i + 1]?.first ?? market.length) > warmup + 1,
  )
  return session < 0 ? null : session
}

/** Windows without a training, the last one perhaps shorter. */
function stretches(first: number, sessions: number, length: number): Window[] {
  const windows: Window[] = []
  for (let from = first; from < sessions; from += length) {
    windows.push({
      number: windows.length + 1,
      train: { from: 0, to: from },
      gaps: [],
      validation: 0,
      tests: [{ from, to: Math.min(sessions, from + length) }],
    })
  }
  return windows
}
