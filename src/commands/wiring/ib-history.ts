/** History of the broker for a feed: a gateway that is connected to when it is first asked. */
import { Failure } from '../../base/errors.js'
import { SECOND } from '../../base/time.js'
import type { ContractInfo } from '../../broker/contracts.js'
import type { Gateway } from '../../broker/gateway.js'
import type { GatewayListener } from '../../broker/listener.js'
import type { Context } from '../../cli/context.js'
import { FeedFailure } from '../../market/feeds/history.js'
import type { HistoryClient } from '../../market/feeds/ib.js'
import { type GatewayPlace, machineTimers } from './gateway.js'

/** A gateway that sends no orders, connected; closed when the command ends. Throws 69, 75 or 77. */
export async function watchingGateway(
  context: Context,
  { host, port }: GatewayPlace,
  { clientId, listener = {} }: { readonly clientId: number; readonly listener?: Partial<GatewayListener> },
): Promise<Gateway> {
  const { Gateway: Opened } = await import('../../broker/gateway.js')
  const gateway = new Opened(
    { host, port, clientId, looksOnly: true, timers: machineTimers(context.clock), random: Math.random },
    listener,
  )
  const stop = () => gateway.close()
  context.signal.addEventListener('abort', stop, { once: true })
  context.onEnd(async () => gateway.close())
  await gateway.connect()
  context.signal.throwIfAborted()
  return gateway
}

/** How long history is left alone after the broker said that it was asked too often. */
const LIMIT_MS = 600 * SECOND

/** Asks a gateway for bars; what it refuses is a `FeedFailure`. `gateway` connects, and is called again only after that failed. */
export function gatewayHistory(context: Context, gateway: () => Promise<Gateway>): HistoryClient {
  let connected: Promise<Gateway> | null = null
  const contracts = new Map<string, ContractInfo>()
  const connection = (): Promise<Gateway> => {
    connected ??= gateway().catch((error) => {
      connected = null
      throw error
    })
    return connected
  }
  return {
    history: async ({ symbol, ...wish }) => {
      try {
        const client = await connection()
        const contract = contracts.get(symbol) ?? (await client.contract(symbol))
        contracts.set(symbol, contract)
        return await client.history({ contract, ...wish })
      } catch (error) {
        throw error instanceof Failure ? feedFailure(error, context.clock()) : error
      }
    },
  }
}

function feedFailure(failure: Failure, nowMs: number): FeedFailure {
  const { kind, message, hint } = failure
  const more = { cause: failure, ...(hint === undefined ? {} : { hint }) }
  switch (kind) {
    case 'tryAgain':
      return new FeedFailure('tryAgain', message, { ...more, untilMs: nowMs + LIMIT_MS })
    case 'denied':
    case 'config':
      return new FeedFailure('denied', message, more)
    case 'data':
      return new FeedFailure('data', message, more)
    default:
      return new FeedFailure('unavailable', message, more)
  }
}
