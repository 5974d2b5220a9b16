/** The options as the parts of a run: rules, policy, settings that a journal keeps. */
import { usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import type { Values } from '../../cli/options.js'
import type { Rules } from '../../trading/rules.js'
import { rulesOf } from '../wiring/strategy.js'
import type { options } from './options.js'

export type Flags = Values<typeof options>

/** The rules of a run at a gateway. Throws 64 for bars of a day. */
export function liveRules(flags: Flags, interval: Parameters<typeof rulesOf>[1]): Rules {
  if (interval === '1d') throw usage('--interval 1d: a bar of a day leaves nothing of it to trade in')
  const rules = rulesOf(flags, interval)
  const { limits } = rules
  return {
    ...rules,
    limits: {
      ...limits,
      ordersPerMinute: flags['max-orders-per-min'] ?? limits.ordersPerMinute,
      maxAgeMs: flags['stale-after'] === undefined ? limits.maxAgeMs : 1000 * flags['stale-after'],
    },
  }
}

/** Refuses options that have no meaning together. */
export function checkFlags(context: Context, flags: Flags): void {
  const given = (name: string) => (context.settings.get(name)?.origin ?? 'default') !== 'default'
  if (flags.gateway !== 'sim') {
    for (const name of ['replay', 'speed', 'from', 'to', 'source', 'now'])
      if (given(name)) throw usage(`--${name} is for the simulated gateway, and --gateway names another`)
  }
  if (flags.fill === 'close') throw usage('--fill close: no market fills at a price that has passed')
  if (flags.fractional) throw usage('--fractional: orders are for whole shares')
  if (flags.halt && flags['reset-halt']) throw usage('--halt and --reset-halt exclude each other')
  if (flags.flatten && flags['dry-run']) throw usage('--flatten and --dry-run exclude each other')
}
