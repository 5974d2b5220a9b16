/**
 * Secrets out of text: .env files and JSON objects. A .env file is read as sh reads assignments, without expansions: comments,
 * `export`, blanks around the sign, single quotes that take everything as it is, double quotes with escapes, both over several
 * lines, bare values. Bytes that are no UTF-8 pass.
 */
import { badData } from '../base/errors.js'
import { quote } from '../base/words.js'
import { duplicateKey } from '../stream/json.js'
import { NAME } from './format.js'

/** An assignment, or a line that is none. */
export type DotenvEntry =
  | { readonly line: number; readonly name: string; readonly value: Buffer }
  | { readonly line: number; readonly name: string | null; readonly problem: string }

/** Every assignment of the file in its order; what cannot be read is given with its reason, and reading goes on below it. */
export function* dotenvEntries(bytes: Buffer): Generator<DotenvEntry> {
  // latin1 maps each byte to one character and back.
  const text = bytes.toString('latin1').replace(/^\xef\xbb\xbf/, '')
  let line = 1
  let at = 0
  while (at < text.length) {
    const { end, ...entry } = entryAt(text, at)
    if (entry.name !== undefined) yield { line, ...entry } as DotenvEntry
    for (; at < end; at++) if (text[at] === '\n') line++
  }
}

interface Found {
  /** Undefined where there is nothing to say: a blank line or a comment. */
  readonly name?: string | null
  readonly value?: Buffer
  readonly problem?: string
  /** Where the next line begins. */
  readonly end: number
}

const HEAD = /[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=([ \t]*)/y
const BLANK = /^[ \t]*(?:#.*)?\r?$/

function entryAt(text: string, at: number): Found {
  const next = (from: number) => {
    const newline = text.indexOf('\n', from)
    return newline === -1 ? text.length : newline + 1
  }
  const end = next(at)
  HEAD.lastIndex = at
  const head = HEAD.exec(text)
  if (head === null) {
    const blank = BLANK.test(text.slice(at, end).replace(/\n$/, ''))
    return blank ? { end } : { name: null, problem: 'expected NAME=value', end }
  }
  const name = head[1]!
  const from = HEAD.lastIndex
  const mark = text[from]
  if (mark !== "'" && mark !== '"') {
    const bare = text.slice(from, end).replace(/\r?\n?$/, '')
    // With a blank before it the sign begins a comment, also where no value comes first.
    const whole = `${head[2]}${bare}`
    const comment = whole.search(/[ \t]#/)
    const value = (comment === -1 ? whole : whole.slice(0, comment)).trim()
    return { name, value: Buffer.from(value, 'latin1'), end }
  }
  const last = closing(text, from)
  if (last === -1) return { name, problem: 'the quote does not end', end }
  const close = next(last)
  const rest = text.slice(last + 1, close).replace(/\r?\n?$/, '')
  if (!/^(?:[ \t]+#.*|[ \t]*)$/.test(rest))
    return { name, problem: 'something stands behind the quote', end: close }
  const inner = text.slice(from + 1, last)
  return { name, value: Buffer.from(mark === "'" ? inner : unescaped(inner), 'latin1'), end: close }
}

/** Where the quote that begins at `from` ends; -1 where it does not. */
function closing(text: string, from: number): number {
  const mark = text[from]!
  let at = text.indexOf(mark, from + 1)
  while (mark === '"' && at !== -1) {
    let escapes = 0
    while (text[at - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) break
    at = text.indexOf(mark, at + 1)
  }
  return at
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

const unescaped = (text: string): string =>
  text.replace(/\\([nrt\\"'$`])/g, (_all, character: string) => ESCAPES[character] ?? character)

/** The secrets of a .env file; of a name that stands twice the last, as for sh. Throws 65 with the line. */
export function parseDotenv(bytes: Buffer): Map<string, Buffer> {
  const values = new Map<string, Buffer>()
  for (const entry of dotenvEntries(bytes)) {
    if ('problem' in entry) throw badData(`line ${entry.line}: ${entry.problem}`)
    if (!NAME.test(entry.name)) throw badData(`line ${entry.line}: a name of more than 128 characters`)
    values.set(entry.name, entry.value)
  }
  return values
}

/** Names and values of a JSON object of strings. Throws 65 for anything else. */
export function parseJsonSecrets(text: string): Map<string, Buffer> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badData('expected a JSON object of names and strings')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badData('expected a JSON object of names and strings')
  }
  const twice = duplicateKey(text)
  if (twice !== null) throw badData(`the name ${quote(twice)} stands twice`)
  const values = new Map<string, Buffer>()
  for (const [name, secret] of Object.entries(value)) {
    if (!NAME.test(name)) throw badData(`${quote(name)}: no secret can have this name`)
    if (typeof secret !== 'string') throw badData(`${name}: expected a string`)
    // Half a pair of surrogates has no bytes in UTF-8: another value would be kept.
    if (/\p{Surrogate}/u.test(secret)) throw badData(`${name}: holds half a character`)
    values.set(name, Buffer.from(secret))
  }
  return values
}
