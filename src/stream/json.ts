/**
 * One JSON object from one line, strictly: valid UTF-8, no duplicate keys, no `__proto__`. JSON.parse would take the last
 * of two prices without a word.
 */
import { quote } from '../base/time.js'

export type JsonObject = { readonly [key: string]: unknown }

export type ParsedJson = { object: JsonObject } | { error: string }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes bytes as UTF-8; null where they are not. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

export function parseObject(text: string): ParsedJson {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { error: `expected a JSON object, got ${quote(text.trim())}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { error: `expected a JSON object, got ${quote(text.trim())}` }
  }
  const keys = topLevelKeys(text)
  if (keys.length !== Object.keys(value).length) {
    const twice = keys.find((key, i) => keys.indexOf(key) !== i)
    return { error: `key ${quote(twice)} stands twice` }
  }
  if (Object.hasOwn(value, '__proto__')) return { error: 'key "__proto__" is not allowed' }
  return { object: value as JsonObject }
}

/** Keys of the outermost object of valid JSON, repeats included. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = []
  let depth = 0
  let expectKey = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      const start = i
      i++
      while (text.charCodeAt(i) !== 0x22) i += text.charCodeAt(i) === 0x5c ? 2 : 1
      if (depth === 1 && expectKey) {
        keys.push(JSON.parse(text.slice(start, i + 1)))
        expectKey = false
      }
    } else if (c === 0x7b || c === 0x5b) {
      depth++
      if (depth === 1) expectKey = true
    } else if (c === 0x7d || c === 0x5d) depth--
    else if (c === 0x2c && depth === 1) expectKey = true
  }
  return keys
}
