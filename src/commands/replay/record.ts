/** What came of making something again, as a record and as words for people. */

/** One thing that was made again. */
export interface Replayed {
  readonly run: string
  readonly kind: 'backtest' | 'training'
  /** `ledger`, or the name of a file of the run. */
  readonly what: string
  readonly same: boolean
  /** SHA-256 of what the run has, and of what was made now. */
  readonly expected: string
  readonly found: string
  /** The first thing that differs, where it can be told. */
  readonly detail: Detail | null
}

export type Detail =
  | Difference<'line', number>
  | Difference<'date', string>
  /** Steps that the two were trained for. */
  | Difference<'steps', null>

interface Difference<K extends string, At> {
  readonly kind: K
  readonly at: At
  /** Null where the one has nothing that the other has. */
  readonly expected: string | number | null
  readonly found: string | number | null
}

/** The `replay` record. */
export function recordOf({ detail, ...rest }: Replayed, version: string) {
  const told =
    detail === null
      ? null
      : {
          ...(detail.kind === 'steps' ? {} : { [detail.kind]: detail.at }),
          expected: detail.expected,
          found: detail.found,
        }
  return { type: 'replay', ...rest, version, detail: told }
}

/** A line, and where something differs two more. */
export function wordsOf({ run, what, same, expected, found, detail }: Replayed): string[] {
  if (same) return [`same     ${run}: ${what}, sha256 ${found}`]
  const hashes = expected === found ? `sha256 ${found} all the same` : `sha256 ${expected}, now ${found}`
  const lines = [`differs  ${run}: ${what}, ${hashes}`]
  if (detail === null) return lines
  const at = detail.kind === 'steps' ? 'steps' : `${detail.kind} ${detail.at}`
  const shown = (value: string | number | null) => value ?? 'nothing'
  return [...lines, `  ${at}, as kept: ${shown(detail.expected)}`, `  ${at}, now: ${shown(detail.found)}`]
}

/** The first session of two files that came to something else, or that one of them lacks. */
export function firstSession(kept: Uint8Array, now: Uint8Array): Detail | null {
  const [before, after] = [linesOf(kept), linesOf(now)]
  const longer = before.length > after.length ? before : after
  const at = longer.findIndex((_, n) => before[n] !== after[n])
  if (at < 0) return null
  const [expected, found] = [before[at] || null, after[at] || null]
  const date = /"date":"([^"]*)"/.exec(found ?? expected ?? '')?.[1] ?? ''
  return { kind: 'date', at: date, expected, found }
}

/** The last one is empty where the file ends with a line feed. */
const linesOf = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString('utf8').split('\n')
