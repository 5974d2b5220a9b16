/** Paper trading in this process: a simulated gateway, the client of it, and a journal; with a crash where a test wants one. */
import { appendFileSync } from 'node:fs'
import type { ContractInfo } from '../../src/broker/contracts.js'
import { Gateway } from '../../src/broker/gateway.js'
import { Journal, type JournalEvent, journalLine, readJournal } from '../../src/broker/journal.js'
import { playing, Relay } from '../../src/commands/paper/gateway.js'
import { simTimers } from '../../src/commands/wiring/gateway.js'
import { FeatureTable, featureSet } from '../../src/env/features.js'
import { Market } from '../../src/market/market.js'
import type { Speed } from '../../src/sim/clock.js'
import { readScenario } from '../../src/sim/scenario.js'
import { DEFAULT_CASH, type Sim } from '../../src/sim/server.js'
import type { LiveRun } from '../../src/trading/live.js'
import type { Alarm, Ending } from '../../src/trading/paper/options.js'
import type { Paper } from '../../src/trading/paper/paper.js'
import type { Uptime } from '../../src/trading/paper/replayed.js'
import { retold } from '../../src/trading/paper/retold.js'
import { playedOf, startPaper } from '../../src/trading/paper/start.js'
import type { Policy } from '../../src/trading/policy.js'
import { type RecordType, RecordWriter } from '../../src/trading/records.js'
import { DEFAULT_RULES, type Rules, storedRules } from '../../src/trading/rules.js'

export const TYPES: ReadonlySet<RecordType> = new Set<RecordType>(['order', 'fill', 'risk', 'equity'])

export interface Play {
  /** The bars that are played; the clock begins after the warm-up. */
  readonly market: Market
  readonly rules?: Rules
  readonly policy: () => Policy
  readonly warmup: number
}

/** A simulated gateway that plays the bars, by default as fast as its clients deal with them. */
export function simFor(
  { market, rules = DEFAULT_RULES, warmup }: Play,
  faults: readonly unknown[] = [],
  log: ((line: string) => void) | null = null,
  speed: Speed = 'max',
): Promise<Sim> {
  return playing(market, rules, {
    seed: 1,
    speed,
    nowMs: market.time[warmup]!,
    scenario: readScenario(faults.map((fault) => JSON.stringify(fault)).join('\n'), 'scenario'),
    log,
    note: () => {},
  })
}

/** What the broker has of an account: signed shares of both symbols, and dollars of cash since the start. */
export function heldAt(sim: Sim, { market }: Play): { readonly positions: number[]; readonly cash: number } {
  const [{ positions, cash }] = sim.statement() as [ReturnType<Sim['statement']>[number]]
  return { positions: market.symbols.map((symbol) => positions[symbol] ?? 0), cash: cash - DEFAULT_CASH }
}

/** The process is dead: nothing of it has an effect any more. */
export class Crash extends Error {}

/** Where a run dies: at its nth effect on the world, before it, in the middle of a write, or after it. */
export interface Bomb {
  readonly at: number
  readonly when: 'before' | 'torn' | 'after'
}

export interface Played {
  readonly ending: Ending | 'crash'
  /** Records as they were written. */
  readonly lines: readonly string[]
  /** Effects on the world: journal and wire. */
  readonly effects: number
  readonly alarms: readonly (readonly [Alarm, string])[]
  /** Notes and warnings. */
  readonly words: readonly string[]
  /** Nothing was left open or held that should not be; false for a crash. */
  readonly isDone: boolean
  readonly uptime: Readonly<Uptime> | null
}

export interface Effects {
  readonly bomb?: Bomb
  /** Is given the run when it trades. */
  readonly meanwhile?: (paper: Paper) => void
  readonly clientId?: number
  /** Milliseconds between two looks whether the gateway lives. */
  readonly heartbeatMs?: number
  /** The gateway is taken for that of a broker, who does not say where the bars end. */
  readonly isBroker?: boolean
  /** The clock of the gateway stands while nobody follows: at full speed. */
  readonly timeWaits?: boolean
  /** What the gateway says of a contract. */
  readonly contract?: (told: ContractInfo) => ContractInfo
}

/** Plays at a gateway from where the journal ends: to the end, or to the crash. */
export async function play(
  { market, rules = DEFAULT_RULES, policy, warmup }: Play,
  sim: { readonly host: string; readonly port: number },
  path: string,
  {
    bomb,
    meanwhile,
    clientId = 1,
    heartbeatMs = 5000,
    isBroker = false,
    timeWaits = true,
    contract,
  }: Effects = {},
): Promise<Played> {
  let effects = 0
  let isDead = false
  const effect = async <T>(work: () => T | Promise<T>, torn: () => void = () => {}): Promise<T> => {
    if (isDead) throw new Crash()
    const isHere = ++effects === bomb?.at
    if (isHere && bomb?.when !== 'after') {
      isDead = true
      if (bomb?.when === 'torn') torn()
      throw new Crash()
    }
    const done = await work()
    if (isHere) {
      isDead = true
      throw new Crash()
    }
    return done
  }
  const relay = new Relay()
  const gateway = new Gateway(
    {
      ...{ host: sim.host, port: sim.port, clientId, maxPerSecond: Number.POSITIVE_INFINITY },
      timers: {
        setTimeout: (run, ms) => setTimeout(run, ms),
        clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
        now: () => Date.now(),
      },
      random: Math.random,
      heartbeatMs,
    },
    relay.listener,
  )
  await gateway.connect()
  const { journal, events } = await Journal.open(path)
  let n = events.length
  const own = new Market(market.symbols, market.interval)
  const one = policy()
  const lines: string[] = []
  let onEnd = () => {}
  const alarms: [Alarm, string][] = []
  const words: string[] = []
  const mortal = new Proxy(journal, {
    get: (target, key) => {
      if (key !== 'append') return Reflect.get(target, key, target)
      return (given: readonly JournalEvent[], options?: { readonly sync?: boolean }) =>
        effect(
          async () => {
            n += given.length
            await target.append(given, options)
          },
          () => {
            const text = given.map((event) => journalLine(++n, event)).join('')
            appendFileSync(path, text.slice(0, Math.floor(text.length * 0.6)))
          },
        )
    },
  })
  const wired = new Proxy(gateway, {
    get: (target, key) => {
      const value = Reflect.get(target, key, target) as unknown
      if (typeof value !== 'function') return value
      if (key === 'contract' && contract !== undefined)
        return async (symbol: string) => contract(await target.contract(symbol))
      if (key !== 'place' && key !== 'cancel') return value.bind(target)
      return (...args: unknown[]) => {
        if (isDead) throw new Crash()
        const isHere = ++effects === bomb?.at
        if (isHere && bomb?.when !== 'after') isDead = true
        else value.apply(target, args)
        if (!isHere) return
        isDead = true
        throw new Crash()
      }
    },
  })
  try {
    const { paper } = await startPaper(
      {
        venue: { gateway: 'sim', sources: null },
        gateway: wired,
        journal: mortal,
        events,
        settings: {
          policy: one.identity ?? one.name,
          model: null,
          symbols: market.symbols,
          interval: market.interval,
          rules: storedRules(rules),
          longOnly: false,
          warmup,
          features: 'intraday',
        },
        run: 'r',
        market: own,
        features: one.observes ? new FeatureTable(own, featureSet('intraday')!) : null,
        rules,
        policy: one,
        longOnly: false,
        warmup,
        listener: new RecordWriter({
          run: 'r',
          market: own,
          rules,
          types: TYPES,
          write: (line) => lines.push(line),
        }),
        played: isBroker ? null : playedOf(market),
        timeWaits,
        host: () => Date.now(),
        // Pauses between two looks need not last here.
        later: (call, ms) => simTimers.after(Math.min(ms, 20), call),
        dryRun: false,
        adopt: false,
        flattens: false,
        flush: async () => {},
        tell: {
          bar: () => {},
          note: (said) => words.push(said),
          warn: (said) => words.push(said),
          alarm: (kind, words) => alarms.push([kind, words]),
        },
      },
      (listener) => relay.attach(listener),
    )
    meanwhile?.(paper)
    const ticks = setInterval(() => paper.tick(), timeWaits ? 2 ** 31 - 1 : 50)
    onEnd = () => clearInterval(ticks)
    if ('ended' in sim && !isBroker) (sim as Sim).ended.then(() => paper.over())
    const ending = await paper.trade()
    const { isDone } = await paper.finish(ending)
    return { ending, lines, effects, alarms, words, isDone, uptime: paper.uptime }
  } catch (error) {
    if (error instanceof Crash || isDead)
      return { ending: 'crash', lines, effects, alarms, words, isDone: false, uptime: null }
    throw error
  } finally {
    onEnd()
    gateway.close()
    await journal.close().catch(() => {})
  }
}

/** What a journal says of a run: its records, and its account at the end. `sent` sees each order and the run before it. */
export async function told(
  path: string,
  sent?: (order: {
    readonly live: LiveRun
    readonly intent: Extract<JournalEvent, { event: 'intent' }>
  }) => void,
) {
  const { events } = await readJournal(path)
  const lines: string[] = []
  const seen = new Set<number>()
  const { live, rules } = retold(
    events,
    path,
    (known) => new RecordWriter({ ...known, types: TYPES, write: (line) => lines.push(line) }),
    (event, now) => {
      if (event.event !== 'intent' || seen.has(event.order)) return
      seen.add(event.order)
      sent?.({ live: now, intent: event })
    },
  )
  const { account } = live.state
  return { lines, cash: account.cash - rules.capital, positions: [...account.position], events }
}
