/** Secrets as text for shells and files, quoted so that each value comes back exactly, or refused by name. */
import { badData } from '../base/errors.js'
import { decodeUtf8 } from '../stream/json.js'

export const SHELLS = ['bash', 'zsh', 'sh', 'fish', 'pwsh'] as const
export type Shell = (typeof SHELLS)[number]

type Values = ReadonlyMap<string, Buffer>

/** Throws (65) for a value with NUL, which no environment can hold. */
export function refuseNul(values: Values): void {
  for (const [name, value] of values) {
    if (value.includes(0)) throw badData(`${name}: holds a NUL byte, which no environment variable can`)
  }
}

const quoted = (value: Buffer, replacements: readonly [RegExp, string][]): Buffer => {
  // latin1 maps each byte to one character and back, so that any bytes pass.
  const text = replacements.reduce(
    (from, [pattern, to]) => from.replace(pattern, to),
    value.toString('latin1'),
  )
  return Buffer.from(`'${text}'`, 'latin1')
}

/** Lines for `eval` (bash, zsh, sh), `source` (fish) or `Invoke-Expression` (pwsh). */
export function shellText(values: Values, shell: Shell): Buffer {
  refuseNul(values)
  const lines: (Buffer | string)[] = []
  for (const [name, value] of values) {
    if (shell === 'fish') lines.push(`set -gx ${name} `, quoted(value, [[/[\\']/g, '\\$&']]), '\n')
    else if (shell === 'pwsh') lines.push(`$env:${name} = ${powershell(name, value)}\n`)
    else lines.push(`export ${name}=`, quoted(value, [[/'/g, "'\\''"]]), '\n')
  }
  return Buffer.concat(lines.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

/** PowerShell reads text, not bytes, and takes the typographic quotes for quotes. */
function powershell(name: string, value: Buffer): string {
  return `'${textOf(name, value, 'PowerShell').replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`
}

function textOf(name: string, value: Buffer, what: string): string {
  const text = decodeUtf8(value)
  if (text === null) throw badData(`${name}: is not UTF-8, which ${what} needs`)
  return text
}

/** Secrets as one JSON object. Throws 65 for a value that is not UTF-8. */
export function jsonText(values: Values): Buffer {
  const object: Record<string, string> = Object.create(null)
  for (const [name, value] of values) object[name] = textOf(name, value, 'JSON')
  return Buffer.from(`${JSON.stringify(object, null, 2)}\n`)
}

/**
 * A .env file of which sh, Node, python-dotenv and Docker Compose read the same bytes: plain values bare, others in single
 * quotes, where these readers let them, or in double quotes. Throws 65, with the name, for a value that no spelling brings
 * to all four.
 */
export function dotenvText(values: Values): Buffer {
  refuseNul(values)
  const lines = [...values].map(([name, value]) => {
    const text = textOf(name, value, 'a .env file')
    if (/^[\w./:@%+,=-]*$/.test(text)) return `${name}=${text}\n`
    const problem = text.includes('\r')
      ? 'a carriage return'
      : // Expanded by python-dotenv in quotes of both kinds.
        text.includes('${')
        ? 'a dollar sign before a brace'
        : null
    // python-dotenv takes a backslash before another one, or before the quote, for an escape.
    if (problem === null && !/'|\\\\|\\$/.test(text)) return `${name}='${text}'\n`
    if (problem === null && !/["$`\\]/.test(text)) return `${name}="${text}"\n`
    throw badData(
      `${name}: holds ${problem ?? 'quotes, backslashes or dollar signs'}, which readers of .env files take differently`,
      { hint: 'use -f json, or jules vault exec' },
    )
  })
  return Buffer.from(lines.join(''))
}
