/** What a report is made of: the folder of a run, a journal, or records in a file or from a pipe. */
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FILES, RUN_FORMAT } from '../../agent/run/folder.js'
import { badData, systemFailure } from '../../base/errors.js'
import { quote, shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { Gathering } from '../../report/gathered.js'
import type { Fact } from '../../report/model.js'
import type { ReportInput } from '../../report/report.js'
import { isObject, type JsonObject } from '../../stream/json.js'
import { formatByExtension, type Source } from '../../stream/source.js'
import { KEPT, KEPT_FORMAT } from '../backtest/kept-folder.js'
import { openInput } from '../wiring/input.js'
import { manifestAt, runPlace } from '../wiring/run-folder.js'
import { isLikeFile } from '../wiring/runs.js'
import { gather } from './gather.js'
import { gatherParquet, notRecords } from './parquet.js'

/** What lies at an operand. Throws 66 where nothing is, or nothing of a run; 65 where it is damaged. */
export async function reportInput(context: Context, operand: string): Promise<ReportInput> {
  if (operand === '-') return fromRecords(context, operand)
  // What looks like a file is one, and is told to be missing as one.
  const path = isLikeFile(operand) ? operand : await runPlace(context, operand)
  const kind = await stat(resolve(context.cwd, path)).catch((error) => {
    throw systemFailure(error, path)
  })
  return kind.isDirectory() ? fromFolder(context, path) : fromRecords(context, path)
}

const plain = { manifest: [], seed: null, training: null, notes: [] } as const

async function fromRecords(context: Context, path: string): Promise<ReportInput> {
  const source = await openInput(context, path)
  if (source.format === 'parquet') return fromParquet(context, source.name, [source])
  const gathering = new Gathering(source.name, source.file?.size)
  if (source.format !== 'ndjson') {
    throw notRecords(source.format, source.name)
  }
  const isJournal = await gather(context, source, gathering)
  await source.close()
  if (isJournal) {
    // What makes records of a journal takes longer to load than all else here.
    const { gatherJournal } = await import('./journal.js')
    return { ...plain, ...(await gatherJournal(context, path)), place: path }
  }
  return { ...plain, gathering, place: source.name }
}

async function fromParquet(
  context: Context,
  place: string,
  sources: readonly Source[],
): Promise<ReportInput> {
  return { ...plain, ...(await gatherParquet(context, place, sources)), place }
}

/** The Parquet files in a folder that has no manifest; names with a dot or an underscore first are not data. */
async function parquetIn(context: Context, path: string): Promise<string[]> {
  const folder = resolve(context.cwd, path)
  if (existsSync(join(folder, KEPT.manifest))) return []
  const names = await readdir(folder).catch((error) => {
    throw systemFailure(error, path)
  })
  return names.filter((name) => !/^[._]/.test(name) && formatByExtension(name) === 'parquet').sort()
}

async function fromFolder(context: Context, path: string): Promise<ReportInput> {
  const tables = await parquetIn(context, path)
  if (tables.length > 0) {
    const sources: Source[] = []
    for (const name of tables) sources.push(await openInput(context, join(path, name)))
    return fromParquet(context, path, sources)
  }
  const isEvaluation = existsSync(resolve(context.cwd, path, 'evaluation.json'))
  const hint = isEvaluation
    ? `an evaluation writes its records to standard output: jules evaluate --resume ${shellWord(path)} | jules report -`
    : 'backtest --keep and train make one; name a FILE of records otherwise'
  const manifest = await manifestAt(context, path, hint)
  const facts = { manifest: factsOf(manifest), seed: seedOf(manifest) }
  if (manifest.format === KEPT_FORMAT) {
    const input = await fromRecords(context, join(path, KEPT.records))
    return { ...input, ...facts, place: path }
  }
  if (manifest.format !== RUN_FORMAT)
    throw badData(
      `its format is ${quote(manifest.format)}, and what is read here is ${KEPT_FORMAT} and ${RUN_FORMAT}`,
      { where: join(path, KEPT.manifest) },
    )
  const metrics = join(path, FILES.metrics)
  const gathering = new Gathering(path)
  if (existsSync(resolve(context.cwd, metrics))) {
    const source = await openInput(context, metrics, { mayBeEmpty: true })
    await gather(context, source, gathering)
    await source.close()
  }
  return { ...plain, ...facts, gathering, place: path, training: String(manifest.run) }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

function seedOf({ options }: JsonObject): string | null {
  const seed = isObject(options) ? options.seed : undefined
  return seed === undefined ? null : textOf(seed)
}

/** Options, inputs with their hashes, and what made the run. */
function factsOf(manifest: JsonObject): Fact[] {
  const { options, inputs, operands } = manifest
  const fact = (key: string): Fact[] =>
    manifest[key] == null ? [] : [{ name: key, value: textOf(manifest[key]) }]
  return [
    ...['run', 'version', 'node', 'platform', 'started', 'engine', 'threads', 'cwd'].flatMap(fact),
    ...(isObject(options)
      ? Object.entries(options).map(([name, value]) => ({ name: `--${name}`, value: textOf(value) }))
      : []),
    ...(Array.isArray(operands) ? operands.map((one) => ({ name: 'operand', value: textOf(one) })) : []),
    ...(Array.isArray(inputs)
      ? inputs.filter(isObject).map(({ kind, path, sha256 }) => ({
          name: textOf(kind),
          value: `${textOf(path)}, sha256 ${textOf(sha256)}`,
        }))
      : []),
    ...fact('ledger_sha256'),
  ]
}
