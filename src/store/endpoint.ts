/**
 * Which server, and how it is reached: --dsn, then TIMESCALEDB_*, then libpq's own PG* variables and files, part by part. Null
 * stands for the embedded server.
 */
import { Failure } from '../base/errors.js'
import { quote } from '../base/words.js'
import {
  OTHER_PARAMETERS,
  PASSWORD,
  type Parameter,
  type Parameters,
  parseDsn,
  whyNot,
  wrongValue,
} from './dsn.js'
import { type FileWorld, readPassword, readService } from './libpq-files.js'

export interface Named extends FileWorld {
  readonly dsn: string | undefined
  /** Late and only when the server asks for it. */
  readonly secret: (name: string) => Promise<string>
}

/** A server outside, all parts checked. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly dbname: string
  readonly user: string
  readonly password: () => Promise<string>
  /** Parameters that were given: sslmode and its files, options and the like. */
  readonly given: Parameters
}

/** Names in the environment, after TIMESCALEDB_ and after PG. */
const VARIABLES: Readonly<Record<Parameter, string>> = {
  host: 'HOST',
  port: 'PORT',
  dbname: 'DATABASE',
  user: 'USER',
  sslmode: 'SSLMODE',
  sslrootcert: 'SSLROOTCERT',
  sslcert: 'SSLCERT',
  sslkey: 'SSLKEY',
  application_name: 'APPNAME',
  connect_timeout: 'CONNECT_TIMEOUT',
  options: 'OPTIONS',
  service: 'SERVICE',
  passfile: 'PASSFILE',
}

/** Where values may come from; the first layer that has one counts. */
interface Layer {
  readonly value: (name: Parameter) => string | undefined
  /** Names the source of a value in a message. */
  readonly source: (name: Parameter) => string
  readonly password?: string | undefined
}

/** The server that --dsn or the environment names; null where neither names one. */
export async function endpointOf(named: Named): Promise<Endpoint | null> {
  const { env } = named
  const dsn = named.dsn === undefined ? null : parseDsn(named.dsn)
  const ofDsn: Layer[] =
    dsn === null ? [] : [{ value: (name) => dsn[name], source: (name) => `--dsn: ${name}` }]
  const layers = [
    ...ofDsn,
    ...(dsn?.service ? [await service(named, dsn.service)] : []),
    variables(env, 'TIMESCALEDB_'),
    ...(!dsn?.service && env('PGSERVICE') ? [await service(named, env('PGSERVICE')!)] : []),
    variables(env, 'PG'),
  ]
  const given: Parameters = {}
  for (const name of Object.keys(VARIABLES) as Parameter[]) {
    const layer = layers.find(({ value }) => value(name))
    const value = layer?.value(name)
    if (layer === undefined || value === undefined) continue
    const wrong = wrongValue(name, value)
    if (wrong !== null) throw new Failure('config', `${layer.source(name)}: ${wrong}`, { got: quote(value) })
    given[name] = value
  }
  const embedded = dsn === null && given.host === undefined && given.service === undefined
  refuseOthers(env, { embedded })
  if (embedded) return null
  const user = given.user ?? (env('USER') || env('LOGNAME'))
  if (!user) {
    throw new Failure('config', 'no user of the database is named', {
      hint: 'name one in --dsn, TIMESCALEDB_USER or PGUSER',
    })
  }
  const server = {
    host: given.host ?? 'localhost',
    port: given.port ?? '5432',
    dbname: given.dbname ?? 'trading_data',
    user,
  }
  let asked: Promise<string> | undefined
  const password = async () =>
    env(PASSWORD) ||
    env('PGPASSWORD') ||
    layers.find((layer) => layer.password)?.password ||
    (await readPassword(named, given.passfile, server)) ||
    named.secret(PASSWORD)
  return {
    ...server,
    port: Number(server.port),
    given,
    password: () => {
      asked ??= password()
      return asked
    },
  }
}

/** Variables of libpq's that would be passed over: of the embedded server's only an address, which asks for another one. */
function refuseOthers(env: Named['env'], { embedded }: { readonly embedded: boolean }): void {
  for (const prefix of ['TIMESCALEDB_', 'PG']) {
    for (const name of embedded ? ['hostaddr'] : OTHER_PARAMETERS) {
      const variable = `${prefix}${name.replaceAll('_', '').toUpperCase()}`
      const words = whyNot(name, env(variable) ?? '')
      if (words === null) continue
      throw new Failure('config', `${variable}: ${words}`, {
        hint: name === 'hostaddr' ? `name the address in ${prefix}HOST` : `unset ${variable}`,
      })
    }
  }
}

const variables = (env: Named['env'], prefix: string): Layer => ({
  value: (name) => env(`${prefix}${VARIABLES[name]}`) || undefined,
  source: (name) => `${prefix}${VARIABLES[name]}`,
})

async function service(world: FileWorld, name: string): Promise<Layer> {
  const values = await readService(world, name)
  // As libpq: a service names no other.
  const known = [...Object.keys(VARIABLES), 'password'].filter((key) => key !== 'service')
  for (const [key, value] of values) {
    if (known.includes(key)) continue
    if (!OTHER_PARAMETERS.includes(key))
      throw new Failure('config', `service ${name}: unknown parameter ${quote(key)}`)
    const words = whyNot(key, value)
    if (words !== null) throw new Failure('config', `service ${name}: ${key}: ${words}`)
  }
  return {
    value: (parameter) => values.get(parameter),
    source: (parameter) => `service ${name}: ${parameter}`,
    password: values.get('password'),
  }
}
