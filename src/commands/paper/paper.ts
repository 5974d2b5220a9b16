import { join } from 'node:path'
import { sha256 } from '../../base/digest.js'
import { ensureDirectory, remove } from '../../base/disk.js'
import { badData } from '../../base/errors.js'
import { takeLock } from '../../base/lock.js'
import { formatTime } from '../../base/time.js'
import { Journal } from '../../broker/journal.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { actionMask } from '../../env/actions.js'
import { FeatureTable } from '../../env/features.js'
import { Market } from '../../market/market.js'
import { BlockWriter, ReaderGone } from '../../stream/sink.js'
import type { LiveRun } from '../../trading/live.js'
import type { BarState, Ending } from '../../trading/paper/paper.js'
import { playedOf, startPaper } from '../../trading/paper/start.js'
import { RECORD_TYPES, type RecordType, RecordWriter } from '../../trading/records.js'
import { storedRules } from '../../trading/rules.js'
import { lockWorld } from '../wiring/lock.js'
import { type LoadedMarket, loadMarket } from '../wiring/market.js'
import { followModel, loadModel, policyOf } from '../wiring/models.js'
import { openOutput } from '../wiring/output.js'
import { preparedPolicy } from '../wiring/policies.js'
import { modelPath } from '../wiring/runs.js'
import { featuresOf } from '../wiring/strategy.js'
import { gatewayAt, Relay, simulated } from './gateway.js'
import { options } from './options.js'
import { checkFlags, type Flags, liveRules } from './settings.js'
import { summaryOf } from './summary.js'

const TICK_MS = 250

export const paper = defineCommand({
  name: 'paper',
  summary: "trade on paper through the broker's gateway",
  description: ['Trades.'],
  options,
  exits: {
    1: 'a loss limit or the kill switch ended the run',
    65: 'a damaged journal, one of another run, or shares that it does not explain',
    66: 'no such file, or too few bars before the first decision',
    69: 'the gateway cannot be reached',
    73: 'the output or the journal cannot be created',
    74: 'reading or writing failed',
    75: 'the client id or the journal is in use, or no session is open',
    77: 'an account that is no paper account',
  },
  run: async (context, asked) => {
    checkFlags(context, asked)
    const chosen = asked.policy ?? { kind: 'flat' as const }
    const prepared = await preparedPolicy(context, chosen, asked.seed)
    const model = chosen.kind === 'model' ? await loadModel(await modelPath(context, chosen.path)) : null
    const { given } = followModel(context, asked, model)
    const loaded = given.gateway === 'sim' ? await played(context, given) : null
    const interval = loaded?.market.interval ?? given.interval ?? '1m'
    const rules = liveRules(given, interval)
    const symbols = loaded?.market.symbols ?? pairOf(given)
    const market = new Market(symbols, interval)
    const longOnly = given['long-only']
    const set = featuresOf(given.features)
    const policy =
      prepared ?? (await policyOf(model!, { market, features: set.name, mask: actionMask(longOnly) }))
    const { warmup } = given
    const settings = {
      policy: policy.identity ?? policy.name,
      model: model?.sha256 ?? null,
      symbols,
      interval,
      rules: storedRules(rules),
      longOnly,
      warmup,
      features: set.name,
    }
    const cleanups: (() => unknown)[] = []
    context.onEnd(async () => {
      for (const cleanup of cleanups.reverse()) await cleanup()
    })
    const relay = new Relay()
    const sim =
      loaded === null
        ? null
        : await simulated(context, {
            market: loaded.market,
            rules,
            speed: given.speed,
            seed: given.seed,
            nowMs: given.now ?? loaded.market.time[warmup]!,
          })
    if (sim !== null) cleanups.push(() => sim.close())
    const address = sim ?? (given.gateway as { host: string; port: number })
    const gateway = gatewayAt(context, address, given, relay.listener)
    cleanups.push(() => gateway.close())
    await gateway.connect()

    const folder = join(context.paths.data, 'paper')
    const name = given.run ?? runName(context, settings, loaded)
    const path =
      given.journal ??
      join(folder, `${loaded === null ? `${gateway.account}-${given['client-id']}` : name}.ndjson`)
    ensureDirectory(folder, 0o700)
    const world = lockWorld(context)
    cleanups.push(await takeLock(world, path, { waitMs: 0 }))
    if (loaded !== null && given.journal === undefined) remove(world.disk, path)
    const { journal, events } = await Journal.open(path)
    cleanups.push(() => journal.close())

    const out = await openOutput(context, { format: 'ndjson', output: given.output })
    const writer = new BlockWriter(out.sink)
    let lines = ''
    const write = (line: string) => {
      lines += line
    }
    const kinds = new Set<string>(given.records ?? [...RECORD_TYPES, 'state'])
    const types: ReadonlySet<RecordType> = new Set(RECORD_TYPES.filter((type) => kinds.has(type)))
    const features = policy.observes ? new FeatureTable(market, set) : null
    const begun = events[0]
    const run = begun?.event === 'start' ? begun.run : name
    const { paper: trading, live } = await startPaper(
      {
        gateway,
        journal,
        events,
        settings,
        run,
        market,
        features,
        rules,
        policy,
        longOnly,
        warmup,
        listener: new RecordWriter({ run, market, rules, types, write }),
        played: loaded === null ? null : playedOf(loaded.market),
        timeWaits: sim !== null && given.speed === 'max',
        host: context.clock,
        later: (call, ms) => {
          const timer = setTimeout(call, ms)
          return () => clearTimeout(timer)
        },
        dryRun: given['dry-run'],
        adopt: given.adopt,
        flattens: given.flatten || given['flatten-on-stop'],
        flush: async () => {
          const text = lines
          lines = ''
          if (text === '') return
          await writer.text(text)
          await writer.flush()
        },
        tell: {
          bar: (state, now) => {
            if (kinds.has('state')) write(stateLine(run, now, state))
          },
          note: (words) => context.ui.note(words),
          warn: (words) => context.ui.warn(words),
          alarm: (_, words) => context.ui.warn(words),
        },
      },
      (listener) => relay.attach(listener),
    )
    let status: number | null = null
    cleanups.push(
      context.passSignals((signal) => {
        status = signal === 'SIGINT' ? 130 : 143
        trading.stop('stop', signal)
      }),
    )
    const ticks = setInterval(() => trading.tick(), TICK_MS)
    cleanups.push(() => clearInterval(ticks))
    sim?.ended.then(() => trading.over())
    if (given.flatten) trading.stop('stop', '--flatten')
    const ending: Ending = await trading.trade()
    await trading.finish(ending)
    if (kinds.has('summary')) write(`${JSON.stringify(summaryOf({ run, live, paper: trading, ending }))}\n`)
    await writer.text(lines)
    await writer.drain()
    await out.done()
    if (status !== null) context.exitWith(status)
    else if (ending === 'limit' || ending === 'halt') context.exitWith(1)
    void ReaderGone
  },
})

async function played(context: Context, given: Flags): Promise<LoadedMarket> {
  const operands = given.replay === undefined ? [] : [given.replay]
  const loaded = await loadMarket(context, { ...given, store: operands.length === 0 } as never, {
    operands,
    stdin: null,
  })
  if (loaded.market.length < given.warmup + 2)
    throw badData(
      `${loaded.market.length} bars of both symbols: too few for a warm-up of ${given.warmup} and one decision`,
      { where: loaded.name },
    )
  return loaded
}

function pairOf(given: Flags): readonly [string, string] {
  const [first = 'NVDA', second = 'MSFT'] = given.symbols ?? []
  return [first, second]
}

const runName = (context: Context, settings: unknown, loaded: LoadedMarket | null): string =>
  `paper-${sha256(JSON.stringify([settings, loaded?.sha256 ?? formatTime(context.clock())])).slice(0, 12)}`

function stateLine(run: string, live: LiveRun, { timeMs, connection, ageMs, latencyMs }: BarState): string {
  const { account, equity, dayStart, peak, tradesToday } = live.state
  const { symbols } = live.options.market
  return `${JSON.stringify({
    type: 'state',
    time: formatTime(timeMs),
    run,
    connection,
    data_age_ms: ageMs,
    clock_offset_ms: null,
    latency_ms: latencyMs,
    positions: Object.fromEntries(symbols.map((symbol, k) => [symbol, account.position[k]!])),
    limits_used: { day_loss: dayStart - equity, loss: peak - equity, trades: tradesToday },
  })}\n`
}
