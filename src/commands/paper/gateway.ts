/** The gateway of a run: the broker's, or a simulated one in this process that plays bars over the same wire. */
import { join } from 'node:path'
import { Failure } from '../../base/errors.js'
import { type LockWorld, takeLock } from '../../base/lock.js'
import { Gateway } from '../../broker/gateway.js'
import type { GatewayListener } from '../../broker/listener.js'
import type { Context } from '../../cli/context.js'
import type { Market } from '../../market/market.js'
import type { Sim, SimOptions } from '../../sim/server.js'
import type { Rules } from '../../trading/rules.js'
import { type GatewayPlace, machineTimers, refuseLate, simTimers } from '../wiring/gateway.js'
import { paperFolder } from './halt.js'
import type { Flags } from './settings.js'

/** Told of events before anybody listens: they are kept, and come in their order once somebody does. */
export class Relay {
  #to: GatewayListener | null = null
  readonly #kept: (() => void)[] = []

  readonly listener: GatewayListener = new Proxy({} as GatewayListener, {
    get:
      (_, event: keyof GatewayListener) =>
      (...args: unknown[]) => {
        const tell = () => (this.#to![event] as (...all: unknown[]) => void)(...args)
        if (this.#to === null) this.#kept.push(tell)
        else tell()
      },
  })

  attach(to: GatewayListener): void {
    this.#to = to
    for (const tell of this.#kept.splice(0)) tell()
  }
}

/** A client of a gateway, not connected. */
export function gatewayAt(
  context: Context,
  { host, port }: GatewayPlace,
  flags: Flags,
  listener: GatewayListener,
): Gateway {
  return new Gateway(
    {
      host,
      port,
      clientId: flags['client-id'],
      account: flags.account,
      maxPerSecond:
        flags['max-messages-per-sec'] ?? (flags.gateway === 'sim' ? Number.POSITIVE_INFINITY : 45),
      timers: machineTimers(context.clock),
      random: Math.random,
    },
    listener,
  )
}

/**
 * Keeps an account at a gateway to one run, whatever its client id and its journal; gives the way to let it go. Throws 75 where
 * another run of this user trades it.
 */
export async function lockAccount(
  context: Context,
  {
    world,
    place: { host, port },
    account,
  }: { readonly world: LockWorld; readonly place: GatewayPlace; readonly account: string },
): Promise<() => void> {
  const { lookup } = await import('node:dns/promises')
  // One machine has many names.
  const { address } = await lookup(host)
  const path = join(paperFolder(context), `${address}-${port}-${account}`.replace(/[^\w.-]/g, '_'))
  return takeLock(world, path, { waitMs: 0 }).catch((error) => {
    if (!(error instanceof Failure)) throw error
    const { kind, message, where = path, hint = 'stop it first' } = error
    throw new Failure(kind, `another run trades ${account} at ${host}:${port}: its lock is ${message}`, {
      ...{ where, hint, cause: error },
    })
  })
}

/** A simulated gateway that plays a market; its clock begins after the warm-up, or at --now. */
export async function simulated(context: Context, market: Market, rules: Rules, given: Flags): Promise<Sim> {
  return playing(market, rules, {
    seed: given.seed,
    speed: given.speed === 'max' ? 'max' : Number(given.speed),
    nowMs: given.now ?? market.time[given.warmup]!,
    log: null,
    note: (words) => context.ui.note(words),
  })
}

/** How a market is played. */
export type Playing = Pick<SimOptions, 'speed' | 'nowMs' | 'scenario' | 'log' | 'note'> & {
  readonly seed: number
}

/** A gateway with one new account that plays a market, with the fills and costs of the rules. Throws 64 for one past its end. */
export async function playing(market: Market, rules: Rules, { seed, ...how }: Playing): Promise<Sim> {
  const { startSim, DEFAULT_ACCOUNT, DEFAULT_CASH, NO_ORDER_LIMITS } = await import('../../sim/server.js')
  const { Tape } = await import('../../sim/tape.js')
  const { interval } = market
  const tape = new Tape([market.series(0), market.series(1)], { interval, seed })
  refuseLate(how.nowMs, tape.endMs)
  return startSim({
    ...how,
    tape,
    port: 0,
    serverVersion: 193,
    accounts: [DEFAULT_ACCOUNT],
    cash: DEFAULT_CASH,
    terms: {
      costs: rules.costs,
      fills: 'model',
      fractional: false,
      overnight: rules.limits.flatBeforeCloseMs === null,
    },
    limits: NO_ORDER_LIMITS,
    timers: simTimers,
  })
}
