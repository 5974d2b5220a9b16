import { expect, test } from 'vitest'
import { CLOCK_AT, clockText, readSimState, stateText } from './state.js'

const exchange = { nextPermId: 1, nextExecution: 1, orders: [], executions: [], holdings: [] }
const rest = { day: 20_301, nextIds: [[1, 7]], isReadOnly: false, faults: [[1, 0]] } as const

test('a state comes back from its text, and its clock is written in its place', () => {
  for (const [before, after] of [
    [946_908_000_000, 1_754_055_000_000],
    [1_754_055_000_000, 1_754_055_005_000],
  ] as const) {
    const text = stateText({ ...rest, nowMs: before }, JSON.stringify(exchange))
    expect(readSimState(text, 'x')).toEqual({ version: 1, nowMs: before, exchange, ...rest })
    const clock = clockText(after)
    const later = text.slice(0, CLOCK_AT) + clock + text.slice(CLOCK_AT + clock.length)
    expect(readSimState(later, 'x')).toEqual({ version: 1, nowMs: after, exchange, ...rest })
  }
})

test.each(['', '{', '[]', '{"version":2}', '{"version":1,"nowMs":1,"exchange":{}}'])(
  '%j is no state',
  (text) => {
    expect(() => readSimState(text, 'x')).toThrow('x: not a state of the simulator')
  },
)
