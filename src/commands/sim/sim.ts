import { systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { formatTime } from '../../base/time.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import type { Values } from '../../cli/options.js'
import { openControl } from '../../sim/control.js'
import { VIOLATIONS } from '../../sim/log.js'
import { faultLines, readScenario } from '../../sim/scenario.js'
import { NO_ORDER_LIMITS, SIM_HOST, type Sim, startSim } from '../../sim/server.js'
import { BlockWriter } from '../../stream/sink.js'
import { refuseLate, simTimers } from '../wiring/gateway.js'
import { untilStopped } from '../wiring/stop.js'
import { storeExits } from '../wiring/store.js'
import { costsOf } from '../wiring/strategy.js'
import { openSimLog, readStateFile, stateKeeper } from './files.js'
import { simOptions } from './options.js'
import { recordSession } from './record.js'
import { loadTape } from './tape.js'

type Given = Values<typeof simOptions>

/** Of a scenario. */
const MOST_SCENARIO = 1 << 24

export const sim = defineCommand({
  name: 'sim',
  summary: "simulate the broker's gateway, with faults",
  description: [
    "Speaks the text protocol of the broker's gateway on 127.0.0.1, versions 176 to 193: contracts, quotes, 5-second and historical bars, market, limit, stop and on-close orders, open and completed orders, executions, commissions, positions, account values and P&L. Clients that were written for the gateway work with it: @stoqey/ib, ib_async, the official one for Python. It is no gateway: nothing that it does reaches a broker.",
    'Prices come from --bars, generated with --mock, or from the store. Only bars of the regular session count. 5-second bars are cut from them, and add up to them again to the bit; history is the bars themselves. The clock is virtual: it begins at --now and goes at --speed. At max it waits for each client that asks the time to ask it twice for every instant at which it was sent real-time bars: the first answer says that all of them have come, the second question that they are dealt with. Time stands while nobody follows anything.',
    'A market order is filled by the model of backtest at the open of the first 5-second bar that begins when the order is there, or later; a limit or stop where a bar reaches it; MOC at the last price of the session. What finds no bar within two minutes, or one bar, expires.',
    '--log has each message of a client by name, connections, faults, and each violation: what a client that is trusted does not do, with its count. The same seed and the same messages give the same bytes. --state keeps orders, executions, accounts, order ids and the clock, before anybody is told of them: after kill -9 the same command goes on.',
    'What is counted as a violation:',
    Object.entries(VIOLATIONS)
      .map(([rule, words]) => `  ${rule.padEnd(20)} ${words}`)
      .join('\n'),
    '--scenario names faults that are to happen: a JSON object a line, or an array of them. "on" ties one to the nth order, fill or connect, to the nth message of a name, to a symbol, or to a time, as 10:15:00 in New York; without it the fault happens at once, or at the first event of its kind; "with" has its parameters; "times" is how often.',
    '  {"fault":"reject","on":{"order":3,"symbol":"NVDA"}}',
    '  {"fault":"link-lost","on":{"time":"10:15:00"},"with":{"seconds":30}}',
    '--control takes the same objects at a Unix socket while it runs, and {"ask":"status"}. --list-faults explains every fault.',
    '--record HOST:PORT passes clients through to a gateway and writes bars.ndjson, the 5-second bars that it sent, and scenario.ndjson, what went wrong, when, and for how long; jules sim --bars bars.ndjson --interval 5s --scenario scenario.ndjson plays them. A gateway that manages an account that is no paper account is refused before anything of a client goes through.',
    'The first record on standard output says where it listens; at the end, which a signal brings, one for each account says what it holds.',
  ],
  options: simOptions,
  examples: [
    { text: 'A generated day as fast as the client goes', shell: 'jules sim --mock --speed max --port 0' },
    { text: 'What can go wrong', shell: 'jules sim --list-faults | head -3' },
  ],
  exits: {
    65: 'bad bars, a bad scenario, or a damaged state',
    66: 'no such file, or no bars match',
    ...storeExits,
    69: 'the port is taken, or the store or the gateway of --record is not available',
    77: 'the gateway of --record manages a live account, or the database refuses',
    73: 'a file cannot be created',
    74: 'reading or writing failed',
  },
  seeAlso: ['fetch', 'backtest'],
  run: async (context, given) => {
    const out = new BlockWriter(context.stdout())
    if (given['list-faults']) {
      await out.text(`${faultLines().join('\n')}\n`)
      return out.drain()
    }
    if (given.record !== undefined) return recordSession(context, { ...given, record: given.record })
    const scenario = given.scenario === undefined ? [] : await scenarioOf(given.scenario)
    const restored = given.state === undefined ? undefined : await readStateFile(given.state)
    const tape = await loadTape(context, given)
    refuseLate(given.now, tape.endMs)
    const { stopped, fail } = untilStopped(context)
    if (restored !== undefined) {
      const { nowMs, exchange } = restored
      context.ui.note(
        `${given.state}: goes on at ${formatTime(nowMs)}, with ${exchange.orders.length} orders of the day; --now and --capital say nothing`,
      )
    }
    const log = given.log === undefined ? null : openSimLog(given.log, fail)
    const keep = given.state === undefined ? undefined : stateKeeper(given.state, fail)
    const gateway = await startSim({
      ...{
        tape,
        port: given.port,
        speed: given.speed === 'max' ? 'max' : Number(given.speed),
        nowMs: given.now,
      },
      ...{ serverVersion: given['server-version'], accounts: given.account, cash: given.capital },
      terms: {
        ...{ costs: costsOf(given), fills: given.fills },
        ...{ fractional: given.fractional, overnight: given.overnight },
      },
      limits: {
        notional: given['max-notional'] ?? NO_ORDER_LIMITS.notional,
        quantity: given['max-shares'] ?? NO_ORDER_LIMITS.quantity,
      },
      ...{
        timers: simTimers,
        scenario,
        restored,
        log: log?.write ?? null,
        note: (words: string) => context.ui.note(words),
      },
      keep,
    })
    context.onEnd(async () => {
      await gateway.close()
      log?.close()
      keep?.close()
    })
    if (given.control !== undefined) context.onEnd(await openControl(given.control, gateway))
    await serve(context, given, { gateway, out, stopped })
  },
})

async function scenarioOf(path: string) {
  const bytes = await readAtMost(path, { most: MOST_SCENARIO }).catch((error) => {
    throw systemFailure(error, path)
  })
  return readScenario(bytes.toString(), path)
}

/** Says where it listens, and at the end what the accounts hold. */
async function serve(
  context: Context,
  given: Given,
  {
    gateway,
    out,
    stopped,
  }: { readonly gateway: Sim; readonly out: BlockWriter; readonly stopped: Promise<void> },
): Promise<void> {
  const { signal, ui } = context
  const { port } = gateway
  await out.text(
    `${JSON.stringify({ type: 'gateway', host: SIM_HOST, port, version: given['server-version'], accounts: given.account, time: formatTime(gateway.now()) })}\n`,
  )
  await out.drain()
  void gateway.ended.then(() =>
    ui.note('the bars have ended: the clock stands, and clients are answered until a signal comes'),
  )
  await stopped
  const violations = Object.fromEntries(gateway.violations)
  for (const one of gateway.statement())
    await out.text(`${JSON.stringify({ type: 'statement', ...one, violations })}\n`)
  await out.drain()
  signal.throwIfAborted()
}
