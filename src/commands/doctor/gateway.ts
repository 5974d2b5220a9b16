/** A gateway of the broker, as it is: who is logged in, what it lets pass, its data and its clock. No order is sent. */
import { Failure } from '../../base/errors.js'
import { SECOND } from '../../base/time.js'
import { grouped, shellWord } from '../../base/words.js'
import { Gateway } from '../../broker/gateway.js'
import type { Context } from '../../cli/context.js'
import { type GatewayPlace, machineTimers } from '../wiring/gateway.js'
import { type Check, fine, wrong } from './check.js'

/** Another one than a run's, which it would keep from connecting. */
export const DOCTOR_CLIENT = 999

const SYMBOL = 'NVDA'
const DATA_MS = 5 * SECOND
const SKEW_MS = 2 * SECOND
const TYPES = ['', 'live', 'frozen', 'delayed', 'delayed and frozen']

export interface GatewayFlags {
  readonly place: GatewayPlace
  readonly clientId: number
}

/** Connects, looks, and leaves. */
export async function gatewayChecks(context: Context, { place, clientId }: GatewayFlags): Promise<Check[]> {
  const { host, port } = place
  const timers = machineTimers(context.clock)
  let offsetMs = 0
  let told: (type: number | null) => void = () => {}
  const dataType = new Promise<number | null>((resolve) => {
    told = resolve
  })
  let noData: string | null = null
  const gateway = new Gateway(
    { host, port, clientId, timers, random: Math.random, looksOnly: true },
    {
      clock: (ms) => {
        offsetMs = ms
      },
      dataType: (_symbol, type) => told(type),
      problem: ({ symbol, act, code, message }) => {
        if (symbol === null || act !== 'data-guard') return
        noData ??= `${code}: ${message}`
        told(null)
      },
    },
  )
  const stop = (): void => gateway.close()
  context.signal.addEventListener('abort', stop)
  try {
    await gateway.connect()
    const data = dataCheck(place, await dataTypeOf(), noData)
    return [
      fine('gateway', `${host}:${port} answers, protocol version ${gateway.version}`),
      fine('gateway account', `${gateway.accounts.join(', ')}: paper`),
      gateway.readOnly
        ? wrong(
            'gateway orders',
            'the gateway is in read-only mode: clear "Read-Only API" in its settings, under API',
            again(place),
          )
        : fine('gateway orders', 'the gateway takes orders'),
      data,
      clockCheck(offsetMs),
      // Nothing in the protocol says it.
      fine(
        'gateway restart',
        'the gateway does not tell when it restarts: its settings say so, under Lock and Exit; once a week it wants a log-in',
      ),
    ]
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof Failure)) throw error
    return [failed(error, place)]
  } finally {
    context.signal.removeEventListener('abort', stop)
    gateway.close()
  }

  async function dataTypeOf(): Promise<number | null> {
    const timer = timers.setTimeout(() => told(null), DATA_MS)
    try {
      await gateway.subscribeBars(SYMBOL)
      return await dataType
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      noData ??= error.message
      return null
    } finally {
      timers.clearTimeout(timer)
    }
  }
}

const again = ({ host, port }: GatewayPlace, more: readonly string[] = []): string =>
  ['jules', 'doctor', '--gateway', `${host.includes(':') ? `[${host}]` : host}:${port}`, ...more]
    .map(shellWord)
    .join(' ')

function dataCheck(place: GatewayPlace, type: number | null, noData: string | null): Check {
  const name = 'gateway data'
  if (type === 1 && noData === null) return fine(name, `${SYMBOL}: live`)
  const words =
    noData ??
    (type === null ? `nothing was said of it in ${DATA_MS / SECOND} s` : `it is ${TYPES[type] ?? type}`)
  return wrong(
    name,
    `no live data of ${SYMBOL}, and paper decides on live data alone: ${words}`,
    again(place),
  )
}

function clockCheck(offsetMs: number): Check {
  const name = 'gateway clock'
  const words = `${grouped(Math.abs(offsetMs) / SECOND, 1)} s ${offsetMs < 0 ? 'behind' : 'ahead of'} this one`
  return Math.abs(offsetMs) <= SKEW_MS ? fine(name, words) : wrong(name, words, 'timedatectl set-ntp true')
}

function failed(error: Failure, place: GatewayPlace): Check {
  const words = error.hint === undefined ? error.message : `${error.message}: ${error.hint}`
  switch (error.kind) {
    case 'denied':
      return wrong('gateway account', words, again(place))
    case 'tryAgain':
      return wrong('gateway', words, again(place, ['--client-id', String(DOCTOR_CLIENT - 1)]))
    default:
      return wrong('gateway', words, `nc -vz ${shellWord(place.host)} ${place.port}`)
  }
}
