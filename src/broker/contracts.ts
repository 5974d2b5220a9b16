/** What a contract is, of all that the gateway says of one. */
import type { ContractDetails } from '@stoqey/ib'
import { Failure } from '../base/errors.js'
import { type ContractDay, parseHours } from './hours.js'
import { fromBroker } from './shapes.js'

export interface ContractInfo {
  readonly symbol: string
  /** The broker's number of it. */
  readonly id: number
  readonly name: string
  /** Where it is listed. */
  readonly exchange: string
  readonly currency: string
  readonly minTick: number
  readonly zone: string
  /** As the broker wrote them. */
  readonly liquidHours: string
  /** Null where they cannot be read. */
  readonly days: readonly ContractDay[] | null
}

/** The one contract of a symbol; a symbol that names none or several is a failure. */
export function contractOf(symbol: string, answers: readonly ContractDetails[]): ContractInfo {
  const ids = new Set(answers.map(({ contract }) => contract.conId))
  const [details] = answers
  const id = details?.contract.conId
  if (details === undefined || id === undefined || id <= 0) {
    throw new Failure('data', `the broker knows no shares ${symbol} in dollars`)
  }
  if (ids.size > 1) {
    const places = answers.map(({ contract }) => contract.primaryExch ?? contract.exchange ?? '').join(', ')
    throw new Failure('data', `${symbol} is several contracts of the broker: ${places}`)
  }
  const { contract, liquidHours = '', timeZoneId = '' } = details
  return {
    symbol: fromBroker(contract.symbol ?? symbol),
    id,
    name: details.longName ?? '',
    exchange: contract.primaryExch ?? contract.exchange ?? '',
    currency: contract.currency ?? '',
    minTick: details.minTick ?? 0.01,
    zone: timeZoneId,
    liquidHours,
    days: liquidHours === '' ? null : parseHours(liquidHours, timeZoneId),
  }
}
