/** A finding for people: lines of 80 columns, without control characters. */
import { inLine, type Paint } from '../../cli/ui.js'
import type { Finding } from '../../market/quality.js'

/** The lines of one finding: how bad it is, what it is, and what can be done. */
export function findingLines({ record: { severity, fix }, words }: Finding, paint: Paint): string[] {
  const color = severity === 'error' ? paint.red : severity.startsWith('warn') ? paint.yellow : paint.dim
  const [first = '', ...rest] = wrapped(inLine(words), ' '.repeat(11))
  return [
    `  ${color(severity.padEnd(8))} ${first.trimStart()}`,
    ...rest,
    ...(fix === null ? [] : fixLines(fix, ' '.repeat(11))),
  ]
}

/** A command stays in one line, however long: a shell that is given its lines takes each for a command. */
const fixLines = (fix: string, indent: string): string[] =>
  fix.startsWith('jules ') ? [`${indent}fix: ${inLine(fix)}`] : wrapped(`fix: ${fix}`, indent)

/** Lines of at most 80 columns, cut at blanks, each after `indent`. */
export function wrapped(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line !== indent && line.length + 1 + word.length > 80) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line]
}
