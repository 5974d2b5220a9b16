import { expect, test } from 'vitest'
import { FixedText, viewOf } from './fixed-text.js'

const letters = 'abcdefghijklmnopqrstuvwxyz'

test('a text of any length is found where it stands, and not where a byte is another one or missing', () => {
  for (let length = 0; length <= 25; length++) {
    const text = letters.slice(0, length)
    const fixed = new FixedText(text)
    const bytes = Buffer.from(`<<<${text}`)
    expect([fixed.length, fixed.isAt(bytes, viewOf(bytes), 3)]).toEqual([length, true])
    for (let i = 0; i < length; i++) {
      const other = Buffer.from(bytes)
      other[3 + i] = 0x21
      expect(fixed.isAt(other, viewOf(other), 3)).toBe(false)
    }
    // The byte that is missing stands behind the view.
    const short = bytes.subarray(0, bytes.length - 1)
    if (length > 0) expect(fixed.isAt(short, viewOf(short), 3)).toBe(false)
  }
})

test('a text with letters of several bytes is found', () => {
  const fixed = new FixedText('"r\u00e9 \u{1f4c8}","cash":')
  const bytes = Buffer.from(',"r\u00e9 \u{1f4c8}","cash":1')
  expect(fixed.isAt(bytes, viewOf(bytes), 1)).toBe(true)
  expect(fixed.isAt(bytes, viewOf(bytes), 0)).toBe(false)
})
