import { describe, expect, test } from 'vitest'
import { stream } from '../base/rng.js'
import { formsOf } from './forms.js'
import { redactor } from './redact.js'

const values = (secrets: Readonly<Record<string, string | Buffer>>) =>
  new Map(Object.entries(secrets).map(([name, value]) => [name, Buffer.from(value as string)]))

const secrets = values({ A: 'aba', B: 'abacus', C: 'x', D: 'usc', EMPTY: '' })

function whole(text: string | Buffer, of = secrets): string {
  const filter = redactor(of)
  return Buffer.concat([filter.push(Buffer.from(text as string)), filter.end()]).toString('latin1')
}

/** Every place of every form, found one by one; what overlaps goes together, under the name of the longest. */
function oneByOne(text: Buffer, of: ReadonlyMap<string, Buffer>): string {
  const hits: { start: number; end: number; name: string; length: number }[] = []
  for (const [name, value] of of) {
    for (const form of value.length === 0 ? [] : formsOf(value)) {
      for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1))
        hits.push({ start: at, end: at + form.length, name, length: form.length })
    }
  }
  hits.sort((a, b) => a.start - b.start || b.end - a.end)
  const merged: typeof hits = []
  for (const hit of hits) {
    const last = merged.at(-1)
    if (last === undefined || last.end <= hit.start) merged.push({ ...hit })
    else {
      last.end = Math.max(last.end, hit.end)
      if (hit.length > last.length) Object.assign(last, { name: hit.name, length: hit.length })
    }
  }
  let out = ''
  let at = 0
  for (const { start, end, name } of merged) {
    out += `${text.toString('latin1', at, start)}[${name}]`
    at = end
  }
  return out + text.toString('latin1', at)
}

test('replaces every value, the longest first, and what overlaps as a whole', () => {
  expect(whole('say aba, abacus and x; abab')).toBe('say [A], [B] and [C]; [A]b')
  // Half of D would be left after B alone.
  expect(whole('abacuscab')).toBe('[B]ab')
  expect(whole('xx')).toBe('[C][C]')
})

test('the same as one form after the other, for any secrets, text and pieces', () => {
  const rng = stream(5, 'redact')
  const letters = (count: number, of: string) =>
    Array.from({ length: count }, () => of[rng.int(of.length)]).join('')
  for (let round = 0; round < 400; round++) {
    const alphabet = ['ab', 'abc', 'ab/"\n\u00e9', 'abcdefgh '][rng.int(4)]!
    const of = values(
      Object.fromEntries(
        Array.from({ length: 1 + rng.int(5) }, (_, i) => [`S${i}`, letters(1 + rng.int(12), alphabet)]),
      ),
    )
    // Words of the alphabet, and forms of the secrets, one behind and inside the other.
    const forms = [...of.values()].flatMap(formsOf)
    const text = Buffer.concat(
      Array.from({ length: 12 }, () => {
        const form = forms[rng.int(forms.length)]!
        return rng.int(2) === 0 ? Buffer.from(letters(5, alphabet)) : form.subarray(rng.int(2), form.length)
      }),
    )
    const filter = redactor(of)
    const parts: Buffer[] = []
    for (let at = 0; at < text.length; ) {
      const size = 1 + rng.int(5)
      parts.push(filter.push(text.subarray(at, at + size)))
      at += size
    }
    parts.push(filter.end())
    const expected = oneByOne(text, of)
    expect(Buffer.concat(parts).toString('latin1'), `round ${round}`).toBe(expected)
    expect(whole(text, of), `round ${round}`).toBe(expected)
  }
})

test('holds back no more than what may begin a secret', () => {
  expect(redactor(secrets).push(Buffer.from('plain words, ab')).toString()).toBe('plain words, ')
})

test('a piece that the caller uses again changes nothing', () => {
  const filter = redactor(secrets)
  const piece = Buffer.from('abac')
  const first = filter.push(piece)
  piece.fill('z')
  expect(Buffer.concat([first, filter.push(Buffer.from('us!')), filter.end()]).toString()).toBe('[B]!')
})

describe('forms', () => {
  const KEY = 'p@ss "w\u00f6rd"/1>?\nline'
  const of = values({ KEY })
  const bytes = Buffer.from(KEY)
  const jsonAscii = JSON.stringify(KEY).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u00${c.charCodeAt(0).toString(16)}`,
  )
  test.each([
    ['as it is', KEY],
    ['base64', bytes.toString('base64')],
    ['base64url', bytes.toString('base64url')],
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
    ['encodeURIComponent', encodeURIComponent(KEY)],
    ['encodeURI', encodeURI(KEY)],
    ['a form', new URLSearchParams({ a: KEY }).toString().slice(2)],
    ['lower-case escapes', encodeURIComponent(KEY).replace(/%../g, (text) => text.toLowerCase())],
    ['JSON', JSON.stringify(KEY).slice(1, -1)],
    ['JSON of ASCII', jsonAscii.slice(1, -1)],
    ['JSON with slashes escaped', JSON.stringify(KEY).slice(1, -1).replaceAll('/', '\\/')],
    ['JSON in JSON', JSON.stringify(JSON.stringify(KEY)).slice(3, -3)],
    ['CRLF', KEY.replaceAll('\n', '\r\n')],
    ['CRLF in base64', Buffer.from(KEY.replaceAll('\n', '\r\n')).toString('base64')],
  ])('%s', (_name, text) => {
    expect(whole(`<${text}>`, of)).toBe('<[KEY]>')
  })

  test.each(['', 'u', 'us', 'user:'])('in base64 behind %j', (before) => {
    const text = Buffer.from(`${before}${KEY} and more`).toString('base64')
    const clear = Buffer.from(
      whole(`Basic ${text}`, of)
        .replace(/\[KEY\]/g, '')
        .slice(6),
      'base64',
    )
    expect(whole(text, of)).toContain('[KEY]')
    // A character at each end may hold bits of the value.
    for (let at = 0; at + 3 <= bytes.length; at++)
      expect(clear.includes(bytes.subarray(at, at + 3))).toBe(false)
  })

  test('a vault full of secrets: those beyond the budget as they are, and named', () => {
    const many = values(
      Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`S${i}`, `${i}-`.repeat(300).slice(0, 900)])),
    )
    const filter = redactor(many)
    expect(filter.plainOnly.length).toBeGreaterThan(0)
    expect(filter.plainOnly.length).toBeLessThan(600)
    const last = many.get(filter.plainOnly.at(-1)!)!
    expect(Buffer.concat([filter.push(last), filter.end()]).toString()).toBe(`[${filter.plainOnly.at(-1)}]`)
  })
})
