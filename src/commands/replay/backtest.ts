/** A kept backtest made again: the same options on the same inputs, held against its hash and its records. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { badData, Failure } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import type { Setting } from '../../cli/options.js'
import { isObject, type JsonObject, parseObject } from '../../stream/json.js'
import { advance, Backtest } from '../../trading/backtest.js'
import { ledgerDigest } from '../../trading/ledger-digest.js'
import { RECORD_TYPES, RecordWriter } from '../../trading/records.js'
import { inputsOf, keptManifest } from '../backtest/kept.js'
import { KEPT } from '../backtest/kept-folder.js'
import { type Decisive, decisiveOptions, preparedRun } from '../backtest/prepared.js'
import { summaryRecord } from '../backtest/summary.js'
import { placeOf } from '../wiring/input.js'
import { store } from '../wiring/store.js'
import { barsOf, refuseChanged, refuseOtherVersion } from './inputs.js'
import { LineComparison } from './lines.js'
import type { Replayed } from './record.js'

/** Decisions between two looks at the signals. */
const TURN = 1024

/** Throws 64 for another jules, 65 for inputs that changed, 66 for those that are gone. */
export async function replayBacktest(
  context: Context,
  path: string,
  files: readonly string[],
): Promise<Replayed> {
  const manifest = await keptManifest(path)
  refuseOtherVersion(manifest.version)
  const bars = await barsOf(path, { given: files, operands: manifest.operands })
  const settings = settingsOf(context, join(path, KEPT.manifest), manifest.options)
  const values = Object.fromEntries([...settings].map(([name, { value }]) => [name, value]))
  // A program that decides starts where it did; what is named now, is named from here.
  const operands = await Promise.all(bars.operands.map((one) => placeOf(context, one)))
  const begun: Context = { ...context, settings, cwd: manifest.cwd }
  const prepared = await preparedRun(
    begun,
    { ...(values as Decisive), run: manifest.run },
    {
      bars: async () => ({ operands, stdin: null }),
    },
  )
  refuseChanged(manifest.inputs, inputsOf(begun, prepared, operands))
  const { run: name, given, market, rules, policy, features, set, longOnly } = prepared
  const kept = await LineComparison.open(join(path, KEPT.records))
  try {
    let text = ''
    const write = (line: string) => {
      text += line
    }
    const types = new Set(RECORD_TYPES)
    const listener = kept === null ? null : new RecordWriter({ run: name, market, rules, types, write })
    const run = new Backtest({ market, features, rules, policy, longOnly, warmup: given.warmup, listener })
    const progress = context.ui.progress('decisions')
    const pause = async () => {
      progress.update(run.ledger.length, market.length - 1 - given.warmup)
      await kept?.take(text)
      text = ''
      await setImmediate()
      context.signal.throwIfAborted()
    }
    await advance(run, pause, { turn: TURN })
    progress.end()
    await kept?.take(text)
    await kept?.end((line) => summaryLine({ ...prepared, name, run, features: set.name }, line))
    const expected = manifest.ledger_sha256
    const found = ledgerDigest(run.ledger, market)
    const first = kept?.difference ?? null
    return {
      run: name,
      kind: 'backtest',
      what: 'ledger',
      same: expected === found && first === null,
      expected,
      found,
      detail: first && { kind: 'line', at: first.line, expected: first.expected, found: first.found },
    }
  } finally {
    await kept?.close()
  }
}

/**
 * The summary of the run with what the kept one says of where bars and model lay, and of how many trials were known: these are
 * of the machine, and of the day.
 */
function summaryLine(run: Parameters<typeof summaryRecord>[0], kept: string | null): string {
  const parsed = parseObject(kept ?? '')
  const { input, policy, model, trials }: JsonObject = 'error' in parsed ? {} : parsed.object
  const own = summaryRecord({ ...run, trials: Number.isSafeInteger(trials) ? Number(trials) : null })
  const path = isObject(model) ? model.path : undefined
  return JSON.stringify({
    ...own,
    input,
    // model:PATH and replay:PATH name a place; the manifest has their hashes.
    policy: /^(?:model|replay):/.test(own.policy) ? policy : own.policy,
    model: own.model === null ? null : { ...own.model, path },
  })
}

/** The options of the run as if they were flags: nothing else speaks, but of where the store is. */
function settingsOf(
  context: Context,
  where: string,
  texts: Readonly<Record<string, string>>,
): ReadonlyMap<string, Setting> {
  const stranger = Object.keys(texts).find((name) => !Object.hasOwn(decisiveOptions, name))
  if (stranger !== undefined) throw badData(`is damaged: no option is called ${stranger}`, { where })
  const settings = new Map<string, Setting>()
  for (const [name, { fallback, parse }] of Object.entries(decisiveOptions)) {
    const now = Object.hasOwn(store, name) ? context.settings.get(name) : undefined
    const raw = texts[name]
    if (now !== undefined && (now.origin === 'flag' || raw === undefined)) settings.set(name, now)
    else if (raw === undefined) settings.set(name, { value: fallback, origin: 'default', raw })
    else settings.set(name, { value: parsed(where, name, () => parse(raw)), origin: 'flag', raw })
  }
  return settings
}

function parsed(where: string, name: string, parse: () => unknown): unknown {
  try {
    return parse()
  } catch (error) {
    throw error instanceof Failure ? badData(`is damaged: --${name}: ${error.message}`, { where }) : error
  }
}
