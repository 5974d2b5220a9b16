/** The options of `jules paper`. */
import { usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { choice, file, flag, integer, list, option, real, text, under } from '../../cli/options.js'
import { address } from '../wiring/addresses.js'
import { type GatewayPlace, gatewayPlace, instant } from '../wiring/gateway.js'
import { marketOptions } from '../wiring/market.js'
import { output } from '../wiring/output.js'
import { execTimeout, policyOption } from '../wiring/policies.js'
import { runName } from '../wiring/run-name.js'
import { strategyOptions } from '../wiring/strategy.js'

/** Where the gateway is: `sim` for one in this process. */
const placeOf = (given: string): GatewayPlace | 'sim' => (given === 'sim' ? 'sim' : gatewayPlace(given))

const SENT = ['order', 'fill', 'risk', 'equity', 'state', 'summary'] as const

export const options = {
  ...under('Gateway', {
    gateway: option<GatewayPlace | 'sim'>(
      'sim|HOST:PORT',
      'the gateway: a simulated one in this process, or that of the broker',
      { fallback: 'sim' },
      placeOf,
    ),
    'client-id': integer('N', 'client id at the gateway: orders belong to it', {
      fallback: 1,
      min: 0,
      max: 999_999,
    }),
    account: text('NAME', 'the account that trades', { defaultText: 'the only one of the gateway' }),
    'max-messages-per-sec': integer(
      'N',
      'most messages a second; the broker cuts off above 50, a simulator takes any number',
      { min: 1, max: 1_000_000, defaultText: '45; no limit for sim' },
    ),
  }),
  ...under('Bars of the simulated gateway', {
    replay: file('play the bars of this file, as fast as they are dealt with'),
    speed: choice('SPEED', ['1', '60', 'max'], 'pace of its clock', { fallback: 'max' }),
    ...marketOptions,
    now: option<number | undefined>(
      'TIME',
      'where its clock begins',
      { defaultText: 'after the warm-up' },
      instant,
    ),
  }),
  ...under('Policy', {
    policy: policyOption,
    'exec-timeout': { ...execTimeout, defaultText: '10, or half of a shorter bar' },
    seed: integer('N', 'seed of the policy random', { fallback: 1, min: 0, max: 4_294_967_295 }),
  }),
  ...strategyOptions,
  ...under('Guard', {
    'max-orders-per-min': integer('N', 'most orders a minute', { min: 1, max: 1000, defaultText: '10' }),
    'stale-after': real('SECONDS', 'no entry on data older than this', {
      min: 1,
      max: 86_400,
      defaultText: '120',
    }),
  }),
  ...under('Run', {
    journal: file('the journal; an existing one is gone on with'),
    run: runName('name of the run in records and order references', 'a digest of the settings'),
    'dry-run': flag('decide, and send nothing'),
    adopt: flag('take over shares that no execution of the journal explains'),
    flatten: flag('close everything that is held, and end'),
    'flatten-on-stop': flag('close everything that is held at the end, also after a signal'),
    halt: flag('latch the kill switch: a run at work stops, and none starts'),
    'reset-halt': flag('release the kill switch'),
    show: file('print a journal'),
    webhook: address('post halts, limits, outages and what else somebody has to know to this address'),
    healthcheck: address('ping this address while the gateway is there'),
  }),
  ...under('Output', {
    records: list('LIST', `records to write: some of ${SENT.join(', ')}`, {
      defaultText: 'all',
      words: SENT,
      each: sentType,
    }),
    format: choice('FORMAT', ['ndjson', 'table'], 'records, or the summary as a table', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
    output: output.output,
  }),
}

function sentType(word: string): string {
  if ((SENT as readonly string[]).includes(word)) return word
  throw usage(`expected some of ${SENT.join(', ')}`, { got: quote(word) })
}
