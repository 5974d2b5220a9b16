import { expect, test } from 'vitest'
import { stream } from '../base/rng.js'
import { redactor } from './redact.js'

const secrets = new Map(
  Object.entries({ A: 'aba', B: 'abacus', C: 'x', EMPTY: '' }).map(([name, value]) => [
    name,
    Buffer.from(value),
  ]),
)

const whole = (text: string): string => {
  const filter = redactor(secrets)
  return Buffer.concat([filter.push(Buffer.from(text)), filter.end()]).toString()
}

test('replaces every value, the longest first', () => {
  expect(whole('say aba, abacus and x; abab')).toBe('say [A], [B] and [C]; [A]b')
})

test('chunks of any size give the same text', () => {
  const rng = stream(5, 'redact')
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: rng.int(30) }, () => 'abcusx '[rng.int(7)]).join('')
    const filter = redactor(secrets)
    const parts: Buffer[] = []
    for (let at = 0; at < text.length; ) {
      const size = 1 + rng.int(5)
      parts.push(filter.push(Buffer.from(text.slice(at, at + size))))
      at += size
    }
    parts.push(filter.end())
    expect(Buffer.concat(parts).toString(), JSON.stringify(text)).toBe(whole(text))
  }
})

test('holds back no more than what may begin a secret', () => {
  expect(redactor(secrets).push(Buffer.from('plain words, ab')).toString()).toBe('plain words, ')
})
