/**
 * How a database is named: a URL or key=value words, as libpq reads them (PostgreSQL manual, "Connection Strings"), and what
 * each parameter may be. A password is refused: it would stand in the list of processes and in shell histories.
 */
import { usage } from '../base/errors.js'

export const PASSWORD = 'TIMESCALEDB_PASSWORD'

/** The parameters of libpq that jules understands; another one is refused rather than passed over. */
const PARAMETERS = [
  'host',
  'port',
  'dbname',
  'user',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'application_name',
  'connect_timeout',
  'options',
  'service',
  'passfile',
] as const
export type Parameter = (typeof PARAMETERS)[number]

/** Parameters of libpq that jules has not, with the values that ask for what it does anyway. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  hostaddr: [],
  target_session_attrs: ['any'],
  load_balance_hosts: ['disable'],
  require_auth: [],
  requirepeer: [],
  channel_binding: ['disable', 'prefer'],
  gssencmode: ['disable', 'prefer'],
  requiressl: ['0'],
  sslnegotiation: ['postgres'],
  sslcertmode: ['allow'],
  sslcrl: [],
  sslcrldir: [],
  sslsni: ['1'],
  ssl_min_protocol_version: ['TLSv1', 'TLSv1.1', 'TLSv1.2'],
  ssl_max_protocol_version: ['TLSv1.3'],
}
export const OTHER_PARAMETERS: readonly string[] = Object.keys(OTHERS)

/** Why a parameter that jules has not cannot be passed over; null where it asks for nothing else than jules does. */
export function whyNot(name: string, value: string): string | null {
  const fitting = OTHERS[name] ?? []
  if (value === '' || fitting.includes(value)) return null
  return `is no parameter of jules${fitting.length === 0 ? '' : `, which does as for ${fitting.join(' or ')}`}`
}
export type Parameters = Partial<Record<Parameter, string>>

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof SSL_MODES)[number]

const isParameter = (name: string): name is Parameter => PARAMETERS.includes(name as Parameter)
export const isSslMode = (word: string): word is SslMode => SSL_MODES.includes(word as SslMode)

/** What the parameter must be and this value is not, or null. */
export function wrongValue(name: Parameter, value: string): string | null {
  if (name === 'port') {
    const port = /^\d{1,5}$/.test(value) ? Number(value) : 0
    return port >= 1 && port <= 65_535 ? null : 'expected a port from 1 to 65535'
  }
  if (name === 'host' && value.includes(',')) return 'expected one host, not a list'
  if (name === 'connect_timeout') return /^\d{1,6}$/.test(value) ? null : 'expected a number of seconds'
  if (name === 'sslmode') return isSslMode(value) ? null : `expected one of ${SSL_MODES.join(', ')}`
  return value.includes('\0') ? 'holds a NUL' : null
}

/** Reads --dsn. Nothing of it is repeated in a message but names of parameters: a slip may have put a password anywhere. */
export function parseDsn(dsn: string): Parameters {
  const url = /^postgres(?:ql)?:\/\//.test(dsn)
  if (!url && (!dsn.includes('=') || /^\w+:\/\//.test(dsn))) {
    throw usage(
      'expected a URL such as postgresql://user@host:5432/trading_data, or words such as "host=/tmp dbname=trading_data"',
    )
  }
  const found: Parameters = {}
  for (const [name, value] of url ? pairsOfUrl(dsn) : pairsOfWords(dsn)) {
    if (name === 'password' || name === 'sslpassword') {
      if (value === '') continue
      throw usage('holds a password, which others could read', {
        hint: `leave it out and run: jules vault set ${PASSWORD}`,
      })
    }
    if (!isParameter(name)) {
      if (OTHER_PARAMETERS.includes(name) && whyNot(name, value) === null) continue
      const shown = /^\w{1,40}$/.test(name) ? ` ${name}` : ''
      throw usage(`unknown parameter${shown}`, { hint: `the parameters are ${PARAMETERS.join(', ')}` })
    }
    const wrong = value === '' ? null : wrongValue(name, value)
    if (wrong !== null) throw usage(`${name}: ${wrong}`)
    found[name] = value
  }
  return found
}

type Pairs = [name: string, value: string][]

/** `postgresql://[user[:password]@][host][:port][/dbname][?name=value&...]`, each part percent-decoded on its own. */
function pairsOfUrl(dsn: string): Pairs {
  const parts =
    /^\w+:\/\/(?:([^@/?:]*)(?::([^@/?]*))?@)?(\[[^\]@/?]+\]|[^:@/?[]*)(?::([^@/?]*))?(?:\/([^@?]*))?(?:\?(.*))?$/s.exec(
      dsn,
    )
  if (parts === null) throw malformed()
  const [, user, password, host, port, dbname, query = ''] = parts
  const pairs: Pairs = []
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') pairs.push([name, decoded(value)])
  }
  add('user', user)
  add('password', password)
  add('host', host?.replace(/^\[(.*)\]$/, '$1'))
  add('port', port)
  add('dbname', dbname)
  for (const word of query.split('&').filter(Boolean)) {
    const at = word.indexOf('=')
    if (at < 0) throw malformed()
    pairs.push([decoded(word.slice(0, at)), decoded(word.slice(at + 1))])
  }
  return pairs
}

/** `name = value` words; a value with blanks stands in single quotes, `\` takes the next character as it is. */
function pairsOfWords(dsn: string): Pairs {
  const pairs: Pairs = []
  const word = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)\s*/sy
  while (word.lastIndex < dsn.length) {
    const found = word.exec(dsn)
    if (found === null) throw malformed()
    const [, name = '', quoted, bare = ''] = found
    pairs.push([name, (quoted ?? bare).replace(/\\(.)/gs, '$1')])
  }
  return pairs
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed()
  }
}

const malformed = () =>
  usage('cannot be read', { hint: 'a sign such as @ or / inside a name is written %40 or %2F in a URL' })
