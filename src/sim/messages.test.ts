import { expect, test } from 'vitest'
import { BadFields, type Message, read, write } from './layout.js'
import { INCOMING, OUTGOING } from './messages.js'

const incoming = new Map([...INCOMING.values()].map((one) => [one.name, one.fields]))

// Counted on the wires of the clients, after the number of the message.
test.each([
  ['placeOrder', 176, 114],
  ['placeOrder', 178, 113],
  ['placeOrder', 193, 117],
  ['cancelOrder', 176, 3],
  ['cancelOrder', 193, 4],
  ['globalCancel', 176, 1],
  ['globalCancel', 193, 2],
  ['reqContractDetails', 193, 18],
  ['reqMktData', 193, 19],
  ['reqRealTimeBars', 193, 18],
  ['reqHistoricalData', 193, 22],
  ['reqExecutions', 193, 9],
] as const)('%s of version %i has %i fields', (name, version, count) => {
  const fields = write(incoming.get(name)!, version, {})
  expect(fields.length).toBe(count)
})

test('openOrder and orderStatus have the fields that clients count', () => {
  // 136 with its number.
  expect(write(OUTGOING.get('openOrder')!.fields, 176, {}).length).toBe(135)
  expect(write(OUTGOING.get('orderStatus')!.fields, 193, {}).length).toBe(11)
})

test('an order with legs, conditions and an algorithm is read to its last field', () => {
  const layout = incoming.get('placeOrder')!
  const order = {
    ...{ orderId: 7, symbol: 'NVDA,MSFT', secType: 'BAG', action: 'BUY', totalQuantity: 3, orderType: 'LMT' },
    comboLegs: [
      { conId: 1, ratio: 1, action: 'BUY', exchange: 'SMART' },
      { conId: 2, ratio: 2, action: 'SELL', exchange: 'SMART' },
    ],
    orderComboLegs: [{ price: 1.5 }],
    smartComboRoutingParams: [{ tag: 'NonGuaranteed', value: '1' }],
    ...{ deltaNeutralOrderType: 'MKT', scalePriceIncrement: 0.05, hedgeType: 'B', algoStrategy: 'Adaptive' },
    algoParams: [{ tag: 'adaptivePriority', value: 'Normal' }],
    conditions: [
      { type: 1, conjunction: 'a', isMore: 1, value: 100, conId: 4, exchange: 'SMART', triggerMethod: 0 },
      { type: 5, conjunction: 'o', secType: 'STK', exchange: 'SMART', symbol: 'NVDA' },
      { type: 3, conjunction: 'a', isMore: 0, value: '20250801 10:00:00' },
    ],
    ...{ manualOrderTime: 'then', manualOrderIndicator: 5 },
  }
  for (const version of [176, 178, 188, 193]) {
    const message = read(layout, version, write(layout, version, order))
    expect(message.comboLegs).toHaveLength(2)
    expect((message.conditions as Message[]).map(({ type }) => type)).toEqual(['1', '5', '3'])
    expect(message.algoParams).toEqual([{ tag: 'adaptivePriority', value: 'Normal' }])
    expect(message.manualOrderTime).toBe('then')
    if (version === 193) expect(message.manualOrderIndicator).toBe('5')
  }
})

test('every message of every version comes back from its fields', () => {
  for (const version of [176, 177, 178, 183, 187, 190, 192, 193]) {
    for (const { fields } of [...INCOMING.values(), ...OUTGOING.values()]) {
      const once = write(fields, version, {})
      expect(write(fields, version, read(fields, version, once))).toEqual(once)
    }
  }
})

test('too few fields and too many are told apart', () => {
  const layout = incoming.get('reqIds')!
  expect(() => read(layout, 193, ['1'])).toThrow(new BadFields('it ends before count'))
  expect(() => read(layout, 193, ['1', '2', '3'])).toThrow(new BadFields('1 fields too many'))
  expect(() => read(incoming.get('placeOrder')!, 193, Array(60).fill('BAG'))).toThrow(BadFields)
})
