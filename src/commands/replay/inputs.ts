/** Whether what a run has read is still what it was. */
import { access } from 'node:fs/promises'
import { badData, Failure, systemCode, usage } from '../../base/errors.js'
import { shellWord } from '../../base/words.js'
import { version } from '../../cli/print.js'
import { splitOperand } from '../wiring/input.js'
import type { MarketInput } from '../wiring/market.js'

interface Told {
  readonly kind: string
  readonly path: string
  readonly sha256: string
}

/** Throws 64 where another jules made the run: it may count otherwise. */
export function refuseOtherVersion(made: string): void {
  const own = version().trim()
  if (made === own) return
  throw usage(`the run was made by ${made}, and this is ${own}`, {
    hint: 'replay it with the version that made it',
    fields: { expected: made, found: own },
  })
}

/** Throws 65 for the first input that is not the one of the manifest, with both hashes. */
export function refuseChanged(expected: readonly Told[], found: readonly Told[]): void {
  for (const { kind, path, sha256 } of expected) {
    const now = found.find((one) => one.kind === kind)
    if (now?.sha256 === sha256) continue
    const words = now === undefined ? 'are not read any more' : `have sha256 ${now.sha256}, and had ${sha256}`
    throw badData(`the ${NOUNS[kind] ?? `bytes of the ${kind}`} ${words}`, {
      where: now?.path ?? path,
      fields: { input: kind, expected: sha256, found: now?.sha256 ?? null },
    })
  }
}

const NOUNS: Readonly<Record<string, string>> = { bars: 'bars', actions: 'actions' }

/** The bars of a run: those that are named now, else where they were. Throws 66 where they are no longer there. */
export async function barsOf(
  run: string,
  { given, operands }: { readonly given: readonly string[]; readonly operands: readonly string[] },
): Promise<MarketInput> {
  if (given.length > 0) {
    if (operands.length > 0) return { operands: given, stdin: null }
    throw usage('the run read the store: no FILE can stand for that', {
      hint: `leave ${given.join(' ')} out; --dsn and --schema say where the store is`,
    })
  }
  for (const operand of operands) {
    const { path } = await splitOperand(operand)
    if (path === '-') {
      throw new Failure('noInput', 'the run read its bars from standard input', {
        where: run,
        hint: `give it the same bars again: jules replay ${shellWord(run)} -`,
      })
    }
    // A pattern is no file.
    if (/[*?]/.test(path)) continue
    await access(path).catch((error) => {
      if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') return
      throw new Failure('noInput', 'no such file or directory', {
        where: path,
        hint: `say where the bars are now: jules replay ${shellWord(run)} FILE`,
      })
    })
  }
  return { operands, stdin: null }
}
