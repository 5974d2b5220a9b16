import { join } from 'node:path'
import { sha256 } from '../../base/digest.js'
import { ensureDirectory, remove } from '../../base/disk.js'
import { badData, Failure, messageOf } from '../../base/errors.js'
import { takeLock } from '../../base/lock.js'
import { formatTime } from '../../base/time.js'
import { shellWord } from '../../base/words.js'
import { heartbeatOf, Journal, type JournalEvent, readJournal } from '../../broker/journal.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { actionMask } from '../../env/actions.js'
import { FeatureTable } from '../../env/features.js'
import { type Interval, intervalMs } from '../../market/bar.js'
import { Market } from '../../market/market.js'
import { ReaderGone } from '../../stream/sink.js'
import type { LiveRun } from '../../trading/live.js'
import type { BarState, Ending, Venue } from '../../trading/paper/options.js'
import type { Paper } from '../../trading/paper/paper.js'
import { playedOf, startPaper } from '../../trading/paper/start.js'
import { paperSummary } from '../../trading/paper/summary.js'
import { RECORD_TYPES, type RecordType, RecordWriter } from '../../trading/records.js'
import { storedRules } from '../../trading/rules.js'
import type { GatewayPlace } from '../wiring/gateway.js'
import { lockWorld } from '../wiring/lock.js'
import { type LoadedMarket, loadMarket, symbolPair } from '../wiring/market.js'
import { followModel, loadModel, policyOf } from '../wiring/models.js'
import { openOutput } from '../wiring/output.js'
import { livePatience, preparedPolicy } from '../wiring/policies.js'
import { modelPath } from '../wiring/runs.js'
import { featuresOf } from '../wiring/strategy.js'
import { gatewayAt, lockAccount, Relay, simulated } from './gateway.js'
import { latch, latched, paperFolder, release, switchFile } from './halt.js'
import { options } from './options.js'
import { Records } from './records.js'
import { checkFlags, type Flags, liveRules } from './settings.js'
import { showJournal } from './show.js'
import { summaryTable } from './summary.js'
import { Watch } from './watch.js'

const TICK_MS = 250

export const paper = defineCommand({
  name: 'paper',
  summary: "trade on paper through the broker's gateway",
  description: [
    "Trades two symbols on a paper account: 5-second bars from the gateway are made into bars of the model's interval, each bar is decided on by the policy as in backtest, and what the guard lets through is sent as market orders. The transition and the guard are those of training and backtest: the same day gives the same order, fill and equity records.",
    'The gateway is a simulated one in this process, which plays the bars of --replay, or of the store, over the same wire (jules-sim(1) is that one alone); or with --gateway HOST:PORT that of the broker. There is no way from the one to the other but this option.',
    'Only paper accounts: where the gateway manages an account that is none (they begin with DU or DF), nothing is sent, and the status is 77. No option changes that.',
    'Everything is written ahead to a journal: what was seen and decided, and each order before it is sent. A run that was killed goes on with the same command: it asks the broker what became of its orders, takes missed bars from history, and has the policy where it was, its memory included. Shares that no execution in the journal explains are refused (65): --adopt takes them over, --flatten closes them.',
    'The first decision is at the end of the first bar after the start; bars before it come from history. No new position is opened on old, delayed or halted prices, without a connection, or on one where orders and positions were not held against those of the broker.',
    'A run ends with the session (0), with the bars that are played (0), at a loss limit once all is closed (1), or by the kill switch (1): --halt latches it for all runs, or with --journal for one; SIGUSR1 for the run that gets it. It stays latched until --reset-halt. SIGTERM and SIGINT cancel open orders and keep positions; --flatten-on-stop closes them. So does what else stops it: a program of exec:CMD that ends or is late (69), records that nobody reads any more (0).',
    'No entries on data that does not deserve it, by symbol: delayed or frozen, halted at the exchange, of a broken farm, of a stream that is silent or brings other prices than history; each is told when it begins and when it ends. Bars that the stream did not bring come from history, and where that does not know them either, nothing is entered until nobody looks back on the hole. An order that has worked for two minutes, or an interval where that is longer, is cancelled.',
    'A state record a bar says how old the data was, how long the decision took, and how much of the limits is used. Beside the journal a heartbeat file is renewed while the run lives, with bars or without. --webhook is posted, as JSON, what somebody has to know: the kill switch (halt), a loss limit (limit), no connection for a minute or no bars before the close (disconnect), a difference to the broker (reconcile), an answer of the gateway that cannot be (gateway), shares held over the close (held), a failure that ends the run (failed); --healthcheck is pinged every minute in which orders could be sent.',
    "At the end what the day has earned is held against the broker's cash to the cent, and the summary has the part of the bars at which all was well (uptime), and slippage as it was and as the model expects it.",
    '--show prints a journal, as a table or with -f ndjson as the records that it stands for. --dry-run does everything but send.',
  ],
  options,
  examples: [
    {
      text: 'A generated day through the simulated gateway',
      shell: 'jules fetch --mock --days 1 > day.ndjson && jules paper --replay day.ndjson',
    },
    {
      text: 'A model on the paper account of a gateway',
      shell: 'jules paper --gateway 127.0.0.1:4002 --policy model:latest',
    },
    {
      text: 'Stop every run, and let them start again',
      shell: 'jules paper --halt && jules paper --reset-halt',
    },
  ],
  exits: {
    1: 'a loss limit or the kill switch ended the run, or not all was closed',
    65: 'bad bars, a damaged journal or that of another run, or shares that it does not explain',
    66: 'no such file, or too few bars before the first decision',
    69: 'the gateway, the store, or the program that decides is not available',
    73: 'the output or the journal cannot be created',
    74: 'reading or writing failed',
    75: 'the journal, the account or the client id is in use, or no session is open today',
    77: 'an account that is no paper account, or the kill switch is on',
    78: 'the gateway takes no orders, or has other hours than the calendar',
  },
  files: {
    '$XDG_DATA_HOME/jules/paper/':
      'journals, JOURNAL.heartbeat, and HALT and JOURNAL.halt, the kill switches',
  },
  seeAlso: ['sim', 'backtest', 'doctor', 'metrics.7'],
  run: async (context, asked) => {
    checkFlags(context, asked)
    if (asked.show !== undefined) return showJournal(context, asked, asked.show)
    if (asked.halt) {
      const path = switchFile(context, asked.journal ?? null)
      latch(context, path, 'jules paper --halt')
      return context.ui.note(`the kill switch is on: ${path}`)
    }
    if (asked['reset-halt']) return resetHalt(context, asked)
    await trade(context, asked)
  },
})

async function trade(context: Context, asked: Flags): Promise<void> {
  const chosen = asked.policy ?? { kind: 'flat' }
  // How long a program may take depends on the bars.
  const prepared = chosen.kind === 'exec' ? null : await preparedPolicy(context, chosen, asked, 'hold')
  const model = chosen.kind === 'model' ? await loadModel(await modelPath(context, chosen.path)) : null
  const { given, notes } = followModel(context, asked, model)
  for (const words of notes) context.ui.note(words)
  checkFlags(context, given)
  const loaded = given.gateway === 'sim' ? await played(context, given) : null
  const interval = loaded?.market.interval ?? given.interval ?? '1m'
  const rules = liveRules(given, interval)
  const market = new Market(loaded?.market.symbols ?? symbolPair(given.symbols, false), interval)
  const longOnly = given['long-only']
  const set = featuresOf(given.features)
  const policy =
    model !== null
      ? await policyOf(model, { market, features: set.name, mask: actionMask(longOnly) })
      : (prepared ?? (await preparedPolicy(context, chosen, patient(given, interval), 'hold'))!)
  const { warmup } = given
  const settings = {
    policy: policy.identity ?? policy.name,
    model: model?.sha256 ?? null,
    symbols: market.symbols,
    interval,
    rules: storedRules(rules),
    longOnly,
    warmup,
    features: set.name,
  }
  const name = given.run ?? runName(context, settings, loaded)
  const path = journalPath(context, given, name)
  const onEnd: (() => unknown)[] = []
  context.onEnd(async () => {
    for (const end of onEnd.reverse()) await end()
  })
  ensureDirectory(paperFolder(context), 0o700)
  const world = lockWorld(context)
  onEnd.push(await takeLock(world, path, { waitMs: 0 }))
  const reason = latched(context, path)
  if (reason !== null)
    throw new Failure('denied', `the kill switch is on: ${reason}`, { hint: 'jules paper --reset-halt' })
  // What is played on a market of this process alone cannot be gone on with.
  if (loaded !== null && given.journal === undefined) remove(world.disk, path)
  const { journal, events } = await Journal.open(path)
  onEnd.push(() => journal.close())
  if (loaded !== null && events.length > 0)
    throw badData('it is the journal of another run: bars that are played meet a new account each time', {
      where: path,
      hint: `begin another one with --journal FILE, or print this one with: jules paper --show ${shellWord(path)}`,
    })

  const sim = loaded === null ? null : await simulated(context, loaded.market, rules, given)
  if (sim !== null) onEnd.push(() => sim.close())
  const relay = new Relay()
  const place = sim ?? (given.gateway as GatewayPlace)
  const venue: Venue =
    loaded === null
      ? { gateway: `${place.host}:${place.port}`, sources: null }
      : { gateway: 'sim', sources: loaded.sources }
  const gateway = gatewayAt(context, place, given, relay.listener)
  onEnd.push(() => gateway.close())
  const leave = () => gateway.close()
  context.signal.addEventListener('abort', leave)
  await gateway.connect().catch((error) => {
    context.signal.throwIfAborted()
    throw error
  })
  if (sim === null && !given['dry-run'])
    onEnd.push(await lockAccount(context, { world, place, account: gateway.account }))

  const isTable =
    (given.format ?? (context.stdoutIsTTY && given.output === undefined ? 'table' : 'ndjson')) === 'table'
  const out = await openOutput(context, { format: 'ndjson', output: given.output })
  // What fails does not stop it where it stands: it ends as by a signal, and then says what it was.
  let failure: unknown = null
  let stop = (_words: string): void => {}
  let alarm = (_words: string): void => {}
  const failed = (error: unknown): void => {
    if (failure === null && !(error instanceof ReaderGone)) alarm(messageOf(error))
    failure ??= error
    stop(messageOf(error))
  }
  const timeWaits = sim !== null && given.speed === 'max'
  const records = new Records(out, timeWaits, failed)
  onEnd.push(() => records.abort())
  const { write } = records
  const kinds = new Set<string>(isTable ? [] : (given.records ?? [...RECORD_TYPES, 'state']))
  const types: ReadonlySet<RecordType> = new Set(RECORD_TYPES.filter((type) => kinds.has(type)))
  const [begun] = events
  const run = begun?.event === 'start' ? begun.run : name
  const watch = new Watch(context, {
    run,
    heartbeat: heartbeatOf(path),
    webhook: given.webhook,
    healthcheck: given.healthcheck,
  })
  onEnd.push(() => watch.end())
  let barMs: number | null = null
  const beats = setInterval(() => watch.beat(gateway.state, barMs), TICK_MS)
  onEnd.push(() => clearInterval(beats))
  const progress = context.ui.progress('bars')
  let bars = 0
  const { paper: trading, live } = await startPaper(
    {
      gateway,
      venue,
      journal,
      events,
      settings,
      run,
      market,
      features: policy.observes ? new FeatureTable(market, set) : null,
      rules,
      policy,
      longOnly,
      warmup,
      listener: new RecordWriter({ run, market, rules, types, write }),
      played: loaded === null ? null : playedOf(loaded.market),
      timeWaits,
      host: context.clock,
      later: (call, ms) => {
        const timer = setTimeout(call, ms)
        return () => clearTimeout(timer)
      },
      dryRun: given['dry-run'],
      adopt: given.adopt || given.flatten,
      flattens: given.flatten || given['flatten-on-stop'],
      flush: records.flush,
      tell: {
        bar: (state, now) => {
          if (kinds.has('state')) write(stateLine(run, now, state))
          barMs = state.timeMs
          progress.update(++bars, undefined, statusWords(now, state))
        },
        note: (words) => context.ui.note(words),
        warn: (words) => context.ui.warn(words),
        alarm: (kind, words) => watch.alarm(kind, words),
      },
    },
    (listener) => relay.attach(listener),
  )
  context.signal.removeEventListener('abort', leave)
  let status: number | null = null
  const stopped = (code: number, words: string) => {
    if (status !== null) {
      // Whatever holds it up: the second signal ends every command.
      release()
      return context.interrupt()
    }
    context.ui.note(`${words}, stopping`)
    status = code
    stop(words)
  }
  stop = (words) => trading.stop('stop', words)
  alarm = (words) => watch.alarm('failed', `${words}; held: ${heldWords(live)}`)
  if (context.signal.aborted) stop('a signal')
  if (failure !== null) stop(messageOf(failure))
  const release = context.passSignals((signal) => {
    if (signal === 'SIGUSR1') {
      trading.stop('halt', 'SIGUSR1')
      try {
        latch(context, switchFile(context, path), 'SIGUSR1')
      } catch (error) {
        failed(error)
      }
    } else if (signal === 'SIGINT') stopped(130, 'interrupted')
    else if (signal === 'SIGTERM' || signal === 'SIGHUP') stopped(143, 'terminated')
  })
  onEnd.push(release)
  const ticks = setInterval(() => {
    try {
      const why = latched(context, path)
      if (why !== null) trading.stop('halt', why)
    } catch (error) {
      failed(error)
    }
    trading.tick()
  }, TICK_MS)
  onEnd.push(() => clearInterval(ticks))
  sim?.ended.then(() => trading.over())
  if (given.flatten) stop('--flatten')
  const ending = await traded(trading, (error) => {
    failed(error)
    // Where time waits for its readers, the question that follows a bar was not asked.
    if (timeWaits) gateway.time().catch(() => {})
  })
  const { isDone, reckoning } = await trading.finish(ending).catch((error) => {
    throw failure ?? error
  })
  progress.end()
  // A reader that leaves is no failure.
  if (failure !== null && !(failure instanceof ReaderGone)) throw failure
  if (ending === 'limit') context.ui.note('a loss limit has ended the run')
  const { account, backOffs } = gateway
  const summary = paperSummary({ run, live, paper: trading, venue, ending, reckoning, account, backOffs })
  if (isTable) write(summaryTable(summary))
  else if (kinds.has('summary')) write(`${JSON.stringify(summary)}\n`)
  await records.end()
  if (status !== null) context.exitWith(status)
  else if (ending === 'limit' || ending === 'halt' || !isDone) context.exitWith(1)
}

/** The time that a program has follows the interval. */
const patient = (given: Flags, interval: Interval): Flags => ({
  ...given,
  'exec-timeout': livePatience(given['exec-timeout'], intervalMs(interval)),
})

/** Trades to the end; what fails, `failed` is told, which stops it. */
async function traded(trading: Paper, failed: (error: unknown) => void): Promise<Ending> {
  for (;;) {
    try {
      return await trading.trade()
    } catch (error) {
      failed(error)
    }
  }
}

/** Releases the switches, and what a journal has latched. */
async function resetHalt(context: Context, given: Flags): Promise<void> {
  // What is played has no journal that another run goes on with, unless it is named.
  const path = given.journal === undefined && given.gateway === 'sim' ? null : journalPath(context, given, '')
  const switches = [switchFile(context, null), ...(path === null ? [] : [switchFile(context, path)])]
  const released = switches.filter(release)
  if (path !== null && isHalted((await readJournal(path)).events)) {
    const unlock = await takeLock(lockWorld(context), path, { waitMs: 0 })
    try {
      const { journal } = await Journal.open(path)
      await journal.append([{ event: 'reset', at: context.clock() }], { sync: true })
      await journal.close()
      released.push(path)
    } finally {
      unlock()
    }
  }
  context.ui.note(released.length === 0 ? 'the kill switch was not on' : `released: ${released.join(', ')}`)
}

const isHalted = (events: readonly JournalEvent[]): boolean =>
  events.findLast(({ event }) => event === 'halt' || event === 'reset')?.event === 'halt'

async function played(context: Context, given: Flags): Promise<LoadedMarket> {
  const operands = given.replay === undefined ? [] : [given.replay]
  const loaded = await loadMarket(
    context,
    { ...given, store: operands.length === 0 },
    { operands, stdin: null },
  )
  const { market, name } = loaded
  if (market.length < given.warmup + 2)
    throw badData(
      `${market.length} bars of both symbols: too few for a warm-up of ${given.warmup} and one decision`,
      { where: name, hint: 'give more bars, or a shorter --warmup' },
    )
  return loaded
}

/** A run on bars is those and its settings; one at a broker is unlike every other. */
const runName = (context: Context, settings: unknown, loaded: LoadedMarket | null): string =>
  `paper-${sha256(JSON.stringify([settings, loaded?.sha256 ?? formatTime(context.clock())])).slice(0, 12)}`

/** One journal for a client id at a gateway; what is played has one for each run. */
function journalPath(context: Context, given: Flags, name: string): string {
  if (given.journal !== undefined) return given.journal
  const { gateway } = given
  const place =
    gateway === 'sim'
      ? name
      : `${gateway.host}-${gateway.port}-${given['client-id']}`.replace(/[^\w.-]/g, '_')
  return join(paperFolder(context), `${place}${given['dry-run'] ? '-dry' : ''}.ndjson`)
}

function stateLine(
  run: string,
  live: LiveRun,
  { timeMs, connection, ageMs, latencyMs, offsetMs }: BarState,
): string {
  const { account, equity, dayStart, peak, tradesToday } = live.state
  const { symbols } = live.options.market
  return `${JSON.stringify({
    type: 'state',
    time: formatTime(timeMs),
    run,
    connection,
    data_age_ms: ageMs,
    clock_offset_ms: offsetMs,
    latency_ms: latencyMs,
    positions: Object.fromEntries(symbols.map((symbol, k) => [symbol, account.position[k]!])),
    limits_used: { day_loss: dayStart - equity, loss: peak - equity, trades: tradesToday },
  })}\n`
}

function statusWords(live: LiveRun, { connection }: BarState): string {
  const { equity } = live.state
  return `${connection}, ${heldWords(live)}, P&L ${(equity - live.options.rules.capital).toFixed(2)}`
}

const heldWords = ({ options, state }: LiveRun): string =>
  options.market.symbols.map((symbol, k) => `${symbol} ${state.account.position[k]!}`).join(', ')
