/** Where records go: the options in one wording, and the output opened. */
import { extname, resolve } from 'node:path'
import { usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { choice, file, under } from '../../cli/options.js'
import { type ByteSink, fileSink } from '../../stream/sink.js'
import { FORMATS, type Format, formatByExtension } from '../../stream/source.js'
import { splitOperand } from './input.js'

export const output = under('Output', {
  format: choice('FORMAT', FORMATS, 'format of the output', {
    short: 'f',
    defaultText: 'by the extension of -o, else ndjson',
  }),
  output: file('write to FILE, which appears whole or not at all', { short: 'o' }),
})

/** Whether lines for people are wanted: as --format says, else where standard output is a terminal. */
export const isTable = (
  context: Pick<Context, 'stdoutIsTTY'>,
  given: 'ndjson' | 'table' | undefined,
): boolean => (given ?? (context.stdoutIsTTY ? 'table' : 'ndjson')) === 'table'

export interface Output<F extends string = Format> {
  readonly sink: ByteSink
  readonly format: F
  /** The records go to a terminal. */
  readonly terminal: boolean
  /** A file takes its name; standard output is left open. */
  done(): Promise<void>
  abort(): Promise<void>
}

/** Formats that an output may have. */
export interface Formats<F extends string> {
  readonly names: readonly F[]
  readonly byExtension: (path: string) => F | undefined
  /** Where nothing says another one. */
  readonly usual: F
}

interface Given<F extends string> {
  readonly format: F | undefined
  readonly output: string | undefined
}

/**
 * Opens what -o and --format name, standard output by default. Throws 64 for what cannot be written, or is an input too.
 */
export async function openOutput(
  context: Context,
  given: Given<Format>,
  inputs: readonly string[] = [],
): Promise<Output> {
  const formats = { names: FORMATS, byExtension: formatByExtension, usual: 'ndjson' } as const
  const out = await openAs(context, given, { inputs, formats })
  if (out.format === 'parquet' && out.terminal) {
    throw usage('parquet is not for a terminal', { hint: 'use -o FILE, or a pipe' })
  }
  return out
}

/** The same for formats of one's own. */
export async function openAs<F extends string>(
  context: Context,
  given: Given<F>,
  { inputs, formats }: { readonly inputs: readonly string[]; readonly formats: Formats<F> },
): Promise<Output<F>> {
  const path = given.output === '-' ? undefined : given.output
  if (path !== undefined && /\.gz$/i.test(path)) {
    throw usage(`${path}: gzip is read but not written`, { hint: 'leave .gz out, or pipe into gzip' })
  }
  const format = formatOf(given.format, path, formats)
  if (path === undefined) {
    return {
      sink: context.stdout(),
      format,
      terminal: context.stdoutIsTTY,
      done: async () => {},
      abort: async () => {},
    }
  }
  await refuseSameFile(path, inputs)
  const sink = await fileSink(path, context)
  return { sink, format, terminal: false, done: () => sink.close(), abort: () => sink.abort() }
}

/** What --format says, or the extension. Throws 64 where they disagree, or the extension is none of a format. */
function formatOf<F extends string>(
  given: F | undefined,
  path: string | undefined,
  { names, byExtension, usual }: Formats<F>,
): F {
  const own = path === undefined ? undefined : byExtension(path)
  if (given !== undefined && own !== undefined && given !== own)
    throw usage(`${path}: --format ${given} under the name of a ${own} file`)
  if (given === undefined && path !== undefined && own === undefined && extname(path) !== '') {
    throw usage(`${path}: no format has the extension ${extname(path)}`, {
      hint: `say it with --format: ${names.join(', ')}`,
    })
  }
  return given ?? own ?? usual
}

/** Throws 64 where options name one file for two things, or one that is an input too: the last one written would take the place of the other. */
export async function refuseOneFile(
  outputs: Readonly<Record<string, string | undefined>>,
  inputs: readonly string[],
): Promise<void> {
  const taken = new Map<string, string>()
  for (const [option, path] of Object.entries(outputs)) {
    if (path === undefined || path === '-') continue
    const place = resolve(path)
    const other = taken.get(place)
    // What goes to a device takes nobody's place.
    if (other !== undefined && !place.startsWith('/dev/'))
      throw usage(`${path}: --${other} and --${option} name one file`)
    taken.set(place, option)
    await refuseSameFile(path, inputs)
  }
}

async function refuseSameFile(path: string, inputs: readonly string[]): Promise<void> {
  const { stat } = await import('node:fs/promises')
  const target = await stat(path).catch(() => null)
  if (target === null || !target.isFile()) return
  for (const operand of inputs) {
    const { path: from } = await splitOperand(operand)
    const source = from === '-' ? null : await stat(from).catch(() => null)
    if (source !== null && source.dev === target.dev && source.ino === target.ino) {
      throw usage(`${path}: is the input as well as the output`)
    }
  }
}
