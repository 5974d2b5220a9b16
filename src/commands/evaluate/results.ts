/** What came of an evaluation, told as it comes: each window when its models are there, and at the end one summary of all of them. */

import { setImmediate } from 'node:timers/promises'
import { lastMet } from '../../agent/model/model.js'
import { registryFile } from '../../agent/run/registry.js'
import { trialsOver } from '../../agent/run/trials.js'
import { formatDate } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { painter } from '../../cli/ui.js'
import { actionMask } from '../../env/actions.js'
import { FeatureTable } from '../../env/features.js'
import { rivalsOver, type Tested, type Testing, testOn } from '../../evaluate/tested.js'
import type { KnownTrials } from '../../evaluate/trial-evidence.js'
import type { Span } from '../../evaluate/windows.js'
import { BlockWriter } from '../../stream/sink.js'
import { flat } from '../../trading/policies.js'
import type { Policy } from '../../trading/policy.js'
import { gateOf, judge } from '../wiring/gate.js'
import { heldPolicy, loadModel } from '../wiring/models.js'
import { isTable } from '../wiring/output.js'
import { featuresOf, rulesOf } from '../wiring/strategy.js'
import { type Results, summaryRecord, type WindowModel, type WindowResult, windowRecord } from './record.js'
import { evaluationTable, windowLine, windowsHead } from './table.js'

/** Writes the window records and the summary, or lines; with a gate its verdict, and 1 where it is not met. */
export async function tellResults(context: Context, results: Results): Promise<void> {
  const { given, loaded, windows } = results
  const gate = gateOf(given)
  const { market } = loaded
  const rules = rulesOf(given, market.interval)
  const set = featuresOf(given.features)
  const testing: Testing = {
    market,
    features: (part) => new FeatureTable(part, set),
    rules,
    longOnly: given['long-only'],
    warmup: given.warmup,
    pause: async () => {
      await setImmediate()
      context.signal.throwIfAborted()
    },
  }
  const table = isTable(context, given.format)
  const paint = await painter(context.color)
  const out = new BlockWriter(context.stdout())
  const say = async (text: string) => {
    await out.text(text)
    await out.drain()
  }
  const tell = (record: object) => say(`${JSON.stringify(record)}\n`)
  if (table) await say(windowsHead(paint))
  const told: WindowResult[] = []
  const met = new Set(results.seen)
  const rivals: Record<string, number> = {}
  for (const window of windows) {
    const models = (await results.models?.(window)) ?? [{ seed: given.seed, path: null }]
    const tests: { model: WindowModel; from: number; tested: Tested }[] = []
    for (const model of models) {
      const { policyFor, seen, dispose } = await decider(results, model, testing)
      for (const span of window.tests) {
        context.signal.throwIfAborted()
        tests.push({ model, from: span.from, tested: await testOn(testing, span, await policyFor()) })
        for (const words of seen(span)) met.add(words)
        await setImmediate()
      }
      dispose()
    }
    for (const span of window.tests) {
      for (const [name, dollars] of Object.entries(rivalsOver(testing, span)))
        rivals[name] = (rivals[name] ?? 0) + dollars
    }
    const record = windowRecord(results, window, tests)
    const result = { window, parts: tests.map(({ from, tested }) => ({ from, tested })), record }
    told.push(result)
    if (table) await say(windowLine(record, paint))
    else await tell(record)
  }
  const decisions = told.flatMap(({ parts }) => parts).reduce((sum, { tested }) => sum + tested.decisions, 0)
  results.ended?.(decisions)
  await results.enter?.()
  const known = await trialsOf(context, results)
  const summary = summaryRecord(results, { testing, told, rivals, known, seen: [...met] })
  if (table) await say(evaluationTable(summary, paint))
  else await tell(summary)
  if (gate !== null) await say(judge(context, gate, summary, table ? paint : null))
}

/** Who decides in the tests of a window. */
interface Decider {
  /** Remembers nothing of the test before. */
  readonly policyFor: () => Promise<Policy>
  /** What the models that it started from have seen of a test: no result on that is believed. */
  readonly seen: (span: Span) => readonly string[]
  readonly dispose: () => void
}

async function decider(
  { models, policy: given, given: { features } }: Results,
  { path }: WindowModel,
  { market, longOnly }: Testing,
): Promise<Decider> {
  const simple = { seen: () => [], dispose: () => {} }
  if (models === null) return { ...simple, policyFor: given! }
  if (path === null) return { ...simple, policyFor: async () => flat }
  const loaded = await loadModel(path)
  const mask = actionMask(longOnly, market.isSingle)
  // A model forgets at the first decision of a run.
  const { policy, dispose } = await heldPolicy(loaded, { market, features, mask })
  const before = loaded.model.data?.before ?? []
  const date = (session: number) => formatDate(market.sessions[session]!.day)
  return {
    policyFor: async () => policy,
    seen: ({ from, to }) => {
      if (before.includes(null)) return ['the model to start from does not say which sessions it has seen']
      const last = lastMet(before, date(from), date(to - 1))
      return last === null
        ? []
        : [`the model to start from has seen sessions up to ${last}, some of them tested here`]
    },
    dispose,
  }
}

/** Those that the registry knows on these bars, for a model or for trainings. */
async function trialsOf(
  context: Context,
  { trials, loaded: { market } }: Results,
): Promise<KnownTrials | null> {
  if (trials !== 'registry') return trials
  const [first, last] = [market.sessions[0]!, market.sessions.at(-1)!].map(({ day }) => formatDate(day))
  const known = await trialsOver(registryFile(context.paths.data), {
    symbols: market.traded,
    interval: market.interval,
    from: first!,
    to: last!,
  })
  return { ...known, count: Math.max(1, known.count) }
}
