/** Secrets out of text: .env files and JSON objects. */
import { badData } from '../base/errors.js'

/** Reads what dotenvText writes, and the usual forms: comments, `export`, single quotes, bare values. */
export function parseDotenv(text: string): Map<string, Buffer> {
  const values = new Map<string, Buffer>()
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const match = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,127})\s*=\s*(.*)$/.exec(line)
    if (match === null) throw badData(`line ${i + 1}: expected NAME=value`)
    values.set(match[1]!, Buffer.from(dotenvValue(match[2]!, i + 1)))
  }
  return values
}

function dotenvValue(text: string, line: number): string {
  if (text.startsWith("'")) {
    const end = text.indexOf("'", 1)
    if (end === -1) throw badData(`line ${line}: the quote does not end`)
    return text.slice(1, end)
  }
  if (!text.startsWith('"')) return text.replace(/\s+#.*$/, '')
  const match = /^"((?:[^"\\]|\\.)*)"/.exec(text)
  if (match === null) throw badData(`line ${line}: the quote does not end`)
  return match[1]!.replace(/\\(.)/g, (_all, c: string) =>
    c === 'n' ? '\n' : c === 'r' ? '\r' : c === 't' ? '\t' : c,
  )
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
  const values = new Map<string, Buffer>()
  for (const [name, secret] of Object.entries(value)) {
    if (typeof secret !== 'string') throw badData(`${name}: expected a string`)
    values.set(name, Buffer.from(secret))
  }
  return values
}
