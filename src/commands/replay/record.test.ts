import { expect, test } from 'vitest'
import { firstSession } from './record.js'

const bytes = (...lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''))
const [first, second, other] = ['2025-07-01', '2025-07-02', '2025-07-03'].map((date) => `{"date":"${date}"}`)

test('the first session that differs, also where one of the two has more', () => {
  expect(firstSession(bytes(first!, other!), bytes(first!, second!))).toMatchObject({
    at: '2025-07-02',
    expected: other,
    found: second,
  })
  expect(firstSession(bytes(first!, second!), bytes(first!))).toMatchObject({
    at: '2025-07-02',
    expected: second,
    found: null,
  })
  expect(firstSession(bytes(first!), bytes(first!, second!))).toMatchObject({
    at: '2025-07-02',
    expected: null,
  })
  expect(firstSession(bytes(first!), bytes(first!))).toBeNull()
})
