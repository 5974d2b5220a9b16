import { expect, test } from 'vitest'
import { LARGEST_ID, OrderIds, RequestIds } from './ids.js'

test('order ids are only raised, and end where the protocol ends', () => {
  const ids = new OrderIds()
  ids.raise(7)
  ids.raise(3)
  ids.raise(Number.NaN)
  expect(ids.take()).toBe(7)
  ids.raise(LARGEST_ID)
  expect(ids.take()).toBe(LARGEST_ID)
  expect(() => ids.take()).toThrow('used up')
})

test.each([1, 2 ** 30 - 1, 2 ** 30, LARGEST_ID])(
  'ids of requests are none of orders, which begin at %i',
  (floor) => {
    const orders = new OrderIds()
    orders.raise(floor)
    const requests = new RequestIds(orders)
    for (let i = 0; i < 1000; i++) {
      const id = requests.take()
      expect(id).toBeLessThan(LARGEST_ID)
      expect(requests.has(id)).toBe(true)
    }
    expect(requests.has(floor)).toBe(false)
  },
)
