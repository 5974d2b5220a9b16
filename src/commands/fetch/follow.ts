/** `fetch --follow`: each bar once it has ended, from the stream of the broker or by asking again. */

import { usage } from '../../base/errors.js'
import { newYorkDay, newYorkMidnight } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import type { FailoverOptions } from '../../market/feeds/failover.js'
import { polled } from '../../market/feeds/polled.js'
import type { GatewayPlace } from '../wiring/gateway.js'
import { gatewayHistory, watchingGateway } from '../wiring/ib-history.js'
import type { Chosen, Task } from './chosen.js'
import { ibStream } from './follow-ib.js'

interface FollowFlags {
  readonly from: number | 'today' | undefined
  readonly gateway: GatewayPlace | undefined
  readonly 'client-id': number
}

/** The feed that does not end; --from says where it begins, by default now. */
export function followed(
  context: Context,
  given: FollowFlags,
  { sources, symbols, interval, session }: Task,
  shared: Omit<FailoverOptions, 'spans'>,
): Pick<Chosen, 'feed' | 'wanted'> {
  const { from, gateway } = given
  const day = from === 'today' ? newYorkDay(context.clock()) : from
  const fromMs = day === undefined ? undefined : newYorkMidnight(day)
  if (sources[0]?.name !== 'ib' || gateway === undefined) {
    const options = { ...shared, symbols, interval, session, fromMs: fromMs ?? context.clock() }
    return { feed: polled(options), wanted: {} }
  }
  if (sources.length > 1) throw usage('--follow of ib takes no other source')
  if (session === undefined) throw usage('--follow of ib gives the regular session')
  if (interval === '1d') throw usage('--follow gives bars that end within the session')
  const feed = ibStream({
    symbols,
    interval,
    fromMs,
    connect: (listener) => watchingGateway(context, gateway, { clientId: given['client-id'], listener }),
    historyOf: (client) => gatewayHistory(context, async () => client),
    wait: shared.wait,
  })
  return { feed, wanted: {} }
}
