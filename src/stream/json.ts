/**
 * One JSON object from one line, strictly: valid UTF-8, no duplicate keys, no `__proto__`, nested no deeper than what works on
 * values can follow. JSON.parse would take the last of two prices without a word.
 */
import { quote } from '../base/words.js'

export type JsonObject = { readonly [key: string]: unknown }

/** Whether a JSON value is an object, arrays left out. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Why a text is no JSON object that can be taken. */
export const JSON_RULES = ['not-an-object', 'duplicate-key', 'forbidden-key', 'too-deep'] as const
export type JsonRule = (typeof JSON_RULES)[number]

export type ParsedJson = { object: JsonObject } | { rule: JsonRule; error: string }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes bytes as UTF-8; null where they are not. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

/** One JSON object, or why the text is none. Never throws. */
export function parseObject(text: string): ParsedJson {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return notAnObject(text)
  }
  if (!isObject(value)) return notAnObject(text)
  const { twice, depth } = structure(text)
  if (depth > MOST_DEPTH) return tooDeep
  if (twice !== null) return { rule: 'duplicate-key', error: `key ${quote(twice)} stands twice` }
  if (Object.hasOwn(value, '__proto__')) {
    return { rule: 'forbidden-key', error: 'key "__proto__" is not allowed' }
  }
  return { object: value }
}

const MOST_DEPTH = 100
const tooDeep = { rule: 'too-deep', error: `is nested more than ${MOST_DEPTH} deep` } as const

/** Whether text that may be JSON is nested too deep to be worked on; parsing alone would take a hundred times its size. */
export function isTooDeep(text: string): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++
    } else if (c === 0x7b || c === 0x5b) {
      if (++depth > MOST_DEPTH) return true
    } else if (c === 0x7d || c === 0x5d) depth--
  }
  return false
}

const notAnObject = (text: string): ParsedJson => ({
  rule: 'not-an-object',
  error: `expected a JSON object, got ${quote(text.trim())}`,
})

/** The first key that stands twice in one object anywhere in valid JSON, or null. */
export const duplicateKey = (text: string): string | null => structure(text).twice

/** The first key that stands twice, and how deep the JSON before it is nested. */
function structure(text: string): { readonly twice: string | null; readonly depth: number } {
  const open: (Set<string> | null)[] = []
  let expectKey = false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      const start = i
      i++
      while (text.charCodeAt(i) !== 0x22) i += text.charCodeAt(i) === 0x5c ? 2 : 1
      const keys = open.at(-1)
      if (expectKey && keys) {
        const raw = text.slice(start + 1, i)
        const key: string = raw.includes('\\') ? JSON.parse(text.slice(start, i + 1)) : raw
        if (keys.has(key)) return { twice: key, depth }
        keys.add(key)
        expectKey = false
      }
    } else if (c === 0x7b) {
      open.push(new Set())
      depth = Math.max(depth, open.length)
      expectKey = true
    } else if (c === 0x5b) {
      open.push(null)
      depth = Math.max(depth, open.length)
      expectKey = false
    } else if (c === 0x7d || c === 0x5d) open.pop()
    else if (c === 0x2c) expectKey = open.at(-1) !== null
  }
  return { twice: null, depth }
}
