/** The options of `jules sim`, under their headings. */
import { usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { choice, date, file, flag, integer, list, option, real, text, under } from '../../cli/options.js'
import { REGIMES } from '../../market/feeds/mock.js'
import { SPEEDS } from '../../sim/clock.js'
import { FILL_MODES } from '../../sim/exchange.js'
import { FIRST_VERSION, LAST_VERSION } from '../../sim/messages.js'
import { DEFAULT_ACCOUNT, DEFAULT_CASH, DEFAULT_PORT } from '../../sim/server.js'
import { instant } from '../wiring/gateway.js'
import { input, interval, symbol, symbols } from '../wiring/input.js'
import { store } from '../wiring/store.js'
import { costOptions, strategyOptions } from '../wiring/strategy.js'

export const tapeOptions = under(
  'Prices',
  {
    bars: file('bars of any symbols and one interval: a file, a folder, NAME=FILE, or -'),
    mock: flag('generate bars'),
    symbols: { ...symbols, defaultText: 'NVDA,MSFT; all of --bars' },
    interval: { ...interval, defaultText: '1m; that of --bars' },
    from: date('first session date'),
    to: date('last session date', { defaultText: 'all; 2025-08-01 with --mock' }),
    days: integer('N', 'sessions to generate, ending at --to', { fallback: 1, min: 1, max: 8000 }),
    regime: choice('NAME', REGIMES, 'what moves the generated prices', { fallback: 'noise' }),
    symbol,
    ...input,
    ...store,
  },
  ['bars', 'mock', 'symbols', 'interval', 'from', 'to', 'days'],
)

const clock = under('Clock', {
  now: option<number | undefined>(
    'TIME',
    'where the clock begins, such as 2025-08-01T14:00:00Z',
    { defaultText: 'the first bar' },
    instant,
  ),
  speed: choice('SPEED', SPEEDS, 'seconds of the market in one of yours; max goes as fast as the clients', {
    fallback: '1',
  }),
  seed: integer('N', 'seed of generated bars, and of the 5-second bars within a bar', {
    fallback: 1,
    min: 0,
    max: 4_294_967_295,
  }),
})

const gateway = under(
  'Gateway',
  {
    port: integer('N', 'port on 127.0.0.1; 0 takes a free one', {
      fallback: DEFAULT_PORT,
      min: 0,
      max: 65_535,
    }),
    'server-version': integer('N', 'highest version of the protocol', {
      fallback: LAST_VERSION,
      min: FIRST_VERSION,
      max: LAST_VERSION,
    }),
    account: list('LIST', 'accounts that the gateway manages', { fallback: [DEFAULT_ACCOUNT] }),
    capital: real('DOLLARS', 'cash of each account at the start', {
      fallback: DEFAULT_CASH,
      min: 0,
      max: 1e12,
    }),
    state: file('keep orders, accounts, ids and the clock in FILE, and go on from it'),
    log: file('append every message of a client and each violation to FILE, as NDJSON'),
    'max-notional': real('DOLLARS', 'count orders that may lead to more of a symbol', {
      min: 0.01,
      max: 1e12,
      defaultText: 'no limit',
    }),
    'max-shares': integer('N', 'count orders of more shares', { min: 1, max: 1e9, defaultText: 'no limit' }),
  },
  ['port', 'server-version', 'account', 'state', 'log'],
)

const faults = under('Faults', {
  scenario: file('faults that are to happen, as NDJSON or a JSON array'),
  control: file('listen on a Unix socket at FILE for faults, a JSON line each'),
  'list-faults': flag('say which faults there are, and what they do'),
  record: option<{ readonly host: string; readonly port: number } | undefined>(
    'HOST:PORT',
    'pass clients through to a gateway of paper accounts, and write what it sent',
    {},
    (value) => {
      const match = /^(.+):(\d{1,5})$/.exec(value)
      const port = Number(match?.[2])
      if (match === null || port < 1 || port > 65_535)
        throw usage('expected HOST:PORT', { got: quote(value) })
      return { host: match[1]!.replace(/^\[(.*)\]$/, '$1'), port }
    },
  ),
  'record-to': text('DIR', 'where --record writes bars.ndjson and scenario.ndjson', {
    completes: 'directory',
    defaultText: 'the working directory',
  }),
})

const fills = under(
  'Fills and costs',
  {
    fills: choice(
      'HOW',
      FILL_MODES,
      'market orders are filled by the model of the backtest, or at the quote',
      {
        fallback: 'model',
      },
    ),
    ...costOptions,
    fractional: strategyOptions.fractional,
    overnight: flag('orders of one session wait for the next'),
  },
  ['fills', 'commission'],
)

export const simOptions = { ...tapeOptions, ...clock, ...gateway, ...fills, ...faults }
