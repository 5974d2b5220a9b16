/** `fetch --source`: the sources in their order, what is asked of them, and what the end of it is. */

import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT, Failure, usage } from '../../base/errors.js'
import { newYorkDay } from '../../base/time.js'
import { counted, quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { choice, file, flag, integer, list, option, under, type Values } from '../../cli/options.js'
import type { Interval } from '../../market/bar.js'
import {
  type FailoverFeed,
  failover,
  gapWords,
  type Outcome,
  type Span,
} from '../../market/feeds/failover.js'
import type { Feed } from '../../market/feeds/feed.js'
import type { FeedFailure } from '../../market/feeds/history.js'
import { ibHistory } from '../../market/feeds/ib.js'
import { HTTP_SOURCES } from '../../market/feeds/keys.js'
import { recordWriter } from '../../market/write.js'
import { fileSink } from '../../stream/sink.js'
import { feedOptions, historySources } from '../wiring/feeds.js'
import { type GatewayPlace, gatewayPlace } from '../wiring/gateway.js'
import { gatewayHistory, watchingGateway } from '../wiring/ib-history.js'
import { DEFAULT_SYMBOLS } from '../wiring/input.js'
import { spanOf } from '../wiring/spans.js'
import { store } from '../wiring/store.js'
import type { Chosen, Task } from './chosen.js'
import { sessionDates } from './dates.js'
import { followed } from './follow.js'
import { missingFromStore } from './since-store.js'

const DEFAULT_DAYS = 20
const FETCH_CLIENT = 902

/** Other names of a source. */
const ALIASES: Readonly<Record<string, SourceName>> = { massive: 'polygon' }
const SOURCES = [...HTTP_SOURCES, 'ib'] as const
export type SourceName = (typeof SOURCES)[number]

const sourceList = list('LIST', `sources of history, asked in this order: ${SOURCES.join(', ')}`, {
  words: SOURCES,
  each: (word) => {
    const name = ALIASES[word] ?? word
    if ((SOURCES as readonly string[]).includes(name)) return name
    throw usage(`expected some of ${SOURCES.join(', ')}`, { got: quote(word) })
  },
})

export const sourceOptions = {
  ...under(
    'Sources',
    {
      source: sourceList,
      session: choice('HOURS', ['rth', 'all'], 'bars of the regular session, or of all hours', {
        fallback: 'rth',
      }),
      repair: option<readonly Span[] | undefined>(
        'SPANS',
        'only these bars: SYMBOL:FROM..TO with dates or times, separated by commas',
        { repeat: 'add' },
        (words) => words.split(',').map((word) => spanOf(word.trim())),
      ),
      'since-store': flag('only what the store lacks'),
      follow: flag('go on with each bar as it ends, until a signal'),
      strict: flag(
        '1 also where a source was switched, sources disagree, or rows were corrected or left out',
      ),
      quarantine: file('write bars that look like the other side of a split to FILE'),
      'allow-adjustment-mix': flag('let sources fill gaps whose prices are adjusted for other things'),
      ...feedOptions,
      gateway: option<GatewayPlace | undefined>('HOST:PORT', 'gateway of the source ib', {}, gatewayPlace),
      'client-id': integer('N', 'client id at the gateway', { fallback: FETCH_CLIENT, min: 0, max: 999_999 }),
    },
    ['source', 'session', 'repair', 'since-store', 'follow', 'strict', 'quarantine', 'gateway'],
  ),
  ...under('Store of --since-store', store, []),
}

type SourceFlags = Values<typeof sourceOptions> & {
  readonly symbols: readonly string[] | undefined
  readonly interval: Interval | undefined
  readonly days: number | undefined
  readonly from: number | 'today' | undefined
  readonly to: number | 'today' | undefined
}

/** The feed of --source. Throws 64 for options that do not go together. */
export async function sources(context: Context, given: SourceFlags): Promise<Chosen> {
  refuseTogether(given)
  const gateway = lazyGateway(context, given)
  const names = [...new Set(given.source ?? [])] as SourceName[]
  const overHttp = historySources(context, given)
  const task: Task = {
    sources: names.map((name) =>
      name === 'ib' ? ibHistory(gatewayHistory(context, gateway)) : overHttp(name),
    ),
    symbols: given.symbols ?? DEFAULT_SYMBOLS,
    interval: given.interval ?? '1m',
    session: given.session === 'rth' ? 'rth' : undefined,
  }
  const { onQuarantined, finish: finishQuarantine, close } = await quarantine(context, given.quarantine)
  const shared = {
    sources: task.sources,
    allowMix: given['allow-adjustment-mix'],
    onQuarantined,
    wait: waiting(context),
    random: Math.random,
  }
  if (given.follow) {
    return { ...followed(context, given, task, shared), told: ['feed_switch'], close }
  }
  const asked = await whatToFetch(context, given, task)
  const feed = failover({ ...shared, ...asked.options })
  return {
    feed: asked.isNothing ? nothingLacking(feed) : feed,
    wanted: { ...asked.wanted, interval: task.interval, session: task.session },
    told: ['feed_switch', 'note'],
    finish: async () => {
      await finishQuarantine()
      if (!asked.isNothing) judge(context, feed, given)
    },
    close,
  }
}

function refuseTogether(given: SourceFlags): void {
  const together = (one: boolean, other: boolean, words: string) => {
    if (one && other) throw usage(`${words} exclude each other`)
  }
  const dates = given.from !== undefined || given.to !== undefined || given.days !== undefined
  together(given.repair !== undefined, dates, '--repair and dates')
  together(given.repair !== undefined, given.symbols !== undefined, '--repair and --symbols')
  together(given.repair !== undefined, given['since-store'], '--repair and --since-store')
  together(given.follow, given.repair !== undefined, '--follow and --repair')
  together(given.follow, given.to !== undefined || given.days !== undefined, '--follow and --to or --days')
  together(given['since-store'], given.days !== undefined, '--since-store and --days')
  const names = given.source ?? []
  if (names.includes('ib') && given.gateway === undefined) {
    throw usage('--source ib needs --gateway', { hint: 'name the gateway, such as --gateway 127.0.0.1:4002' })
  }
  if (!names.includes('ib') && given.gateway !== undefined) throw usage('--gateway needs --source ib')
}

/** The gateway of --gateway, connected at its first use. */
function lazyGateway(context: Context, given: SourceFlags) {
  return () => watchingGateway(context, given.gateway!, { clientId: given['client-id'] })
}

/** A wait that ends with the signal's reason. */
const waiting =
  ({ signal }: Context) =>
  async (ms: number): Promise<void> => {
    await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
  }

/** The symbols and dates, or the spans of them. */
async function whatToFetch(context: Context, given: SourceFlags, task: Task) {
  const nowMs = context.clock()
  const today = newYorkDay(nowMs)
  const { symbols } = task
  if (given.repair !== undefined) {
    const spans = given.repair
    const days = given.repair.flatMap(({ fromMs, toMs }) => [newYorkDay(fromMs), newYorkDay(toMs)])
    return {
      isNothing: false,
      options: { spans: () => spans },
      wanted: {
        symbols: [...new Set(given.repair.map(({ symbol }) => symbol))],
        fromDay: Math.min(...days),
        toDay: Math.max(...days),
      },
    }
  }
  const dates = sessionDates(given, { nowMs, lastDay: today, count: DEFAULT_DAYS })
  if (!given['since-store']) return { isNothing: false, options: {}, wanted: { symbols, ...dates } }
  const { spans, before, fromDay } = await missingFromStore(context, given, {
    ...{ ...task, ...dates, isFromGiven: given.from !== undefined },
  })
  const isNothing = spans.length === 0
  if (isNothing) context.ui.note(NOTHING)
  return {
    isNothing,
    options: { spans: () => spans, before },
    wanted: { symbols, fromDay, toDay: dates.toDay },
  }
}

/** Where bars go that are kept out; made also where there are none, as an old file would tell a wrong story. */
async function quarantine(context: Context, path: string | undefined) {
  if (path === undefined) return { onQuarantined: () => {}, finish: async () => {}, close: async () => {} }
  const sink = await fileSink(path, context)
  const writer = await recordWriter(sink, 'ndjson')
  let isClosed = false
  const finish = async () => {
    if (isClosed) return
    isClosed = true
    await writer.finish()
    await sink.close()
  }
  return { onQuarantined: writer.bars, finish, close: finish }
}

const NOTHING = 'the store lacks nothing of these sessions'

/** A record in place of bars: what reads on is told that there are none, and can tell that from nothing at all. */
const nothingLacking = ({ name }: Feed): Feed => ({
  name,
  bars: async function* () {
    const object = { type: 'note', message: NOTHING }
    yield { kind: 'other', records: [{ type: 'note', line: 0, object, text: JSON.stringify(object) }] }
  },
})

/** Tells what came, and ends with the status that it deserves. Throws 69, 75 or 77. */
function judge(
  context: Context,
  { outcome }: FailoverFeed,
  { strict, repair }: Pick<SourceFlags, 'strict' | 'repair'>,
): void {
  const { ui } = context
  const total = [...outcome.bars.values()].reduce((sum, count) => sum + count, 0)
  const isPast = repair?.every(({ toMs }) => toMs < context.clock()) ?? false
  if (total === 0) refuseNothing(outcome, isPast)
  ui.note(summaryWords(outcome, total), { bars: total, gaps: countOf(outcome) })
  if (outcome.gaps.length > 0) {
    const words = `bars are missing: ${gapWords(outcome.gaps)}`
    const all = [...outcome.sources.values()]
    const limited = all.filter(({ wasLimited }) => wasLimited)
    if (limited.length > 0 && !all.some(({ hasFailed }) => hasFailed)) {
      throw new Failure('tryAgain', `${words}; ${limited[0]!.last!.message}`, {
        hint: 'the same command goes on once the limit is over',
      })
    }
    ui.warn(words)
  }
  const { switches, disagreements, corrected, bad, quarantined } = outcome
  const isBlemished = switches + disagreements.size + corrected + bad + quarantined > 0
  if (outcome.gaps.length > 0 || (strict && isBlemished)) context.exitWith(EXIT.no)
}

const countOf = ({ gaps }: Outcome): number => gaps.reduce((sum, { count }) => sum + count, 0)

/** Throws the failure of the sources where none gave a bar because none answered, or says why there was none to give. */
function refuseNothing({ sources, gaps }: Outcome, isPast: boolean): void {
  const failures = [...sources.values()].flatMap(({ last }) => (last === null ? [] : [last]))
  if (failures.length === 0) {
    if (gaps.length > 0) return
    if (isPast) throw new Failure('noInput', 'no bar is to be expected in these spans')
    throw new Failure('tryAgain', 'no bar of these dates has ended yet')
  }
  if ([...sources.values()].some(({ hasAnswered }) => hasAnswered)) return
  const [first] = failures as [FeedFailure]
  const isOne = failures.every(({ kind }) => kind === first.kind)
  const words = [...sources].flatMap(([name, { last }]) =>
    last === null ? [] : [`${name}: ${last.message}`],
  )
  throw new Failure(isOne && first.kind !== 'data' ? first.kind : 'unavailable', words.join('; '), {
    cause: first,
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  })
}

function summaryWords(outcome: Outcome, total: number): string {
  const by = [...outcome.bars].filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`)
  const more = [
    [outcome.untraded, 'not traded'],
    [outcome.corrected, 'corrected'],
    [outcome.bad, 'left out'],
    [outcome.quarantined, 'in quarantine'],
  ] as const
  return [
    `${counted(total, 'bar')}${by.length > 0 ? ` (${by.join(', ')})` : ''}`,
    ...more.flatMap(([count, words]) => (count > 0 ? [`${count} ${words}`] : [])),
  ].join(', ')
}
