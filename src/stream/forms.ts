/** The forms in which a secret turns up in logs: as it is, and as programs write it into URLs, JSON, headers and dumps. */

/** A value so long is looked for as it is alone, with the line ends of either kind. */
export const FORMS_LIMIT = 8192

/** A value so short stands in other texts by chance, as it is and in any form: looked for as it is alone. */
const SHORTEST = 4

/** Shorter pieces of base64 stand in other texts by chance. */
const SHORTEST_PIECE = 8

/** Every form of the value, once each; jules-vault(7) lists what they leave out. */
export function formsOf(value: Buffer): Buffer[] {
  const forms = [value, ...lineEnds(value)]
  if (value.length >= SHORTEST && value.length <= FORMS_LIMIT) {
    for (const plain of [...forms]) forms.push(...base64Forms(plain), ...hexForms(plain))
    forms.push(...urlForms(value), ...jsonForms(value))
  }
  const seen = new Set<string>()
  return forms.filter((form) => {
    const key = form.toString('latin1')
    if (form.length === 0 || seen.has(key)) return false
    seen.add(key)
    return true
  })
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** With the other kind of line ends, as editors, mails and terminals make them. */
function lineEnds(value: Buffer): Buffer[] {
  const text = value.toString('latin1')
  const lf = text.replaceAll('\r\n', '\n')
  return [latin1(lf), latin1(lf.replaceAll('\n', '\r\n'))]
}

/**
 * Alone, with or without padding, and inside something longer, such as `user:password` in a header: three bytes make four
 * characters, so that it begins at one of three places in them. Of these the characters are taken that the value alone decides.
 */
function base64Forms(value: Buffer): Buffer[] {
  const forms = [value.toString('base64'), value.toString('base64').replace(/=+$/, '')]
  for (const before of [0, 1, 2]) {
    const bits = (before + value.length) * 8
    const text = Buffer.concat([Buffer.alloc(before), value]).toString('base64')
    const piece = text.slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6))
    if (piece.length >= SHORTEST_PIECE) forms.push(piece)
  }
  const url = forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))
  return [...forms, ...url].map(latin1)
}

const hexForms = (value: Buffer): Buffer[] =>
  [value.toString('hex'), value.toString('hex').toUpperCase()].map(latin1)

/** What encoders leave as it is beside letters and digits: RFC 3986, encodeURIComponent, forms, Python's quote, encodeURI. */
const UNRESERVED = '-._~'
const URL_SAFE = [UNRESERVED, `${UNRESERVED}!*'()`, '*-._', `${UNRESERVED}/`, `${UNRESERVED}!*'();,/?:@&=+$#`]

/** What each byte becomes, for each way to encode. */
const URL_TABLES: readonly (readonly string[])[] = URL_SAFE.flatMap((safe) =>
  ['%20', '+'].flatMap((space) =>
    [true, false].map((upper) =>
      Array.from({ length: 256 }, (_, byte) => {
        const character = String.fromCharCode(byte)
        if (/[A-Za-z0-9]/.test(character) || safe.includes(character)) return character
        if (character === ' ') return space
        const hex = byte.toString(16).padStart(2, '0')
        return `%${upper ? hex.toUpperCase() : hex}`
      }),
    ),
  ),
)

function urlForms(value: Buffer): Buffer[] {
  if (/^[\w.-]*$/.test(value.toString('latin1'))) return []
  return URL_TABLES.map((table) => latin1(Array.from(value, (byte) => table[byte]).join('')))
}

/** Inside the quotes: as JSON.stringify has it; with all but ASCII escaped; with the slash; with signs of HTML escaped. */
function jsonForms(value: Buffer): Buffer[] {
  if (/^[\x20-\x7e]*$/.test(value.toString('latin1')) && !/["\\/<>&]/.test(value.toString('latin1')))
    return []
  const plain = JSON.stringify(value.toString('utf8')).slice(1, -1)
  const escaped = (text: string, what: RegExp, upper = false) =>
    text.replace(what, (character) => {
      const hex = character.charCodeAt(0).toString(16).padStart(4, '0')
      return `\\u${upper ? hex.toUpperCase() : hex}`
    })
  const html = escaped(plain, /[<>&\u2028\u2029]/g)
  const ascii = [false, true].map((upper) => escaped(plain, /[\u007f-\uffff]/g, upper))
  const once = [plain, html, ...ascii]
  const all = [...once, ...once.map((text) => text.replaceAll('/', '\\/'))]
  // JSON inside a string of JSON.
  return [...all, JSON.stringify(plain).slice(1, -1)].map((text) => Buffer.from(text))
}
